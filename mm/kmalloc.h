/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own heap and pages: what everyone calls. What a bad argument
 * does depends on the level of checking (CONFIG_HEAP_CHECK_...), the interface
 * does not. With CONFIG_HEAP_CALLERS each call also tells where it stands,
 * which macros of the same names add; put a name into parentheses to hand on
 * a caller of your own (mm/caller.h).
 *
 * A block is aligned to 16 bytes, and usable up to kmalloc_usable_size().
 * No memory is NULL, always; a size of 0 counts as 1.
 *
 * Context: the event loop, never an interrupt handler (so there is no lock).
 */
#pragma once

#include "mm/caller.h"
#include "mm/page.h"

struct heap_stats;

/* Makes the heap, empty, on `pages`; once, before anything below is called. */
void kmalloc_init(struct page_allocator *pages);

void *__must_check kmalloc(size_t size CALLER_PARAMETER);

/* Cleared: the `size` bytes, not what may be usable beyond them. */
void *__must_check kzalloc(size_t size CALLER_PARAMETER);

/* An array, cleared; NULL also where n * size overflows. */
void *__must_check kcalloc(size_t n, size_t size CALLER_PARAMETER);

/* `align`: a power of two up to PAGE_SIZE, else NULL; below 16 it counts as 16. */
void *__must_check kmalloc_aligned(size_t size, size_t align CALLER_PARAMETER);

/*
 * As C's realloc: NULL allocates; on failure the block stays as it was and
 * NULL is returned. An alignment above 16 is not kept.
 * Panics as kfree() does.
 */
void *__must_check krealloc(void *block, size_t size CALLER_PARAMETER);

/*
 * NULL does nothing. A pointer that is no live block, and with full checking
 * damage to the block or to what was freed before, is a panic that says what it
 * is; with CONFIG_HEAP_CHECK_NONE anything may happen.
 */
void kfree(void *block CALLER_PARAMETER);

/*
 * Bytes that may be used at a live block: at least what was asked for, and
 * with CONFIG_HEAP_CHECK_FULL exactly that (1 for 0). 0 if `block` is NULL or,
 * but for CONFIG_HEAP_CHECK_NONE, no live block.
 */
size_t kmalloc_usable_size(const void *block);

/*
 * 2^order pages, aligned to their size, contents undefined; `flags` as of
 * page_alloc_from(). NULL if there is no memory.
 */
void *__must_check page_alloc(unsigned order, unsigned flags CALLER_PARAMETER);

/* Gives back what page_alloc() returned for `order`; anything else is a panic. */
void page_free(void *block, unsigned order CALLER_PARAMETER);

/*
 * Live blocks and their bytes, what checking adds not counted: the same before
 * and after whatever frees all that it allocates. Walks the heap.
 */
void kmalloc_stats(struct heap_stats *out);

/* Gives back to the page allocator whatever no live block needs. */
void kmalloc_trim(void);

/*
 * Walks everything, with full checking every block. Returns 0 if all is sound,
 * -EFAULT with what is wrong in buf[size], -ENOTSUP with CONFIG_HEAP_CHECK_NONE.
 */
int __must_check kmalloc_check(char *buf, size_t size);

/*
 * Says what the heap has at `address`, any number: "24 bytes inside a 64-byte
 * block", with full checking also by whom it was allocated and freed. Returns
 * false with buf[size] empty if it has no memory there.
 */
bool kmalloc_describe(uintptr_t address, char *buf, size_t size);

/*
 * A window on leaks: what is allocated between a mark and a diff, and still
 * live. `report` is called for each caller, with its blocks and the bytes it
 * asked for; at most 64 callers, the rest in one call with a NULL caller. It
 * must not use the heap. Returns 0, -ENOTSUP without CONFIG_HEAP_CHECK_FULL.
 */
uint64_t kmalloc_mark(void);
int kmalloc_diff(uint64_t mark, void (*report)(void *context, const char *caller,
					       uint64_t blocks, uint64_t bytes), void *context);

#ifdef CONFIG_HEAP_CALLERS
#define kmalloc(size)			(kmalloc)((size) CALLER_HERE)
#define kzalloc(size)			(kzalloc)((size) CALLER_HERE)
#define kcalloc(n, size)		(kcalloc)((n), (size) CALLER_HERE)
#define kmalloc_aligned(size, align)	(kmalloc_aligned)((size), (align) CALLER_HERE)
#define krealloc(block, size)		(krealloc)((block), (size) CALLER_HERE)
#define kfree(block)			(kfree)((block) CALLER_HERE)
#define page_alloc(order, flags)	(page_alloc)((order), (flags) CALLER_HERE)
#define page_free(block, order)		(page_free)((block), (order) CALLER_HERE)
#endif
