// SPDX-License-Identifier: MIT
/*
 * The kernel's instance of the heap, at the level of checking that was
 * configured, and what a failed check says. Names in parentheses are the
 * functions themselves, not the macros that add the caller.
 */
#include "mm/kmalloc.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "mm/fault.h"
#include "mm/heap.h"
#include "mm/mm.h"

enum { ALIGN_DEFAULT = 16 };

static __noload struct heap heap;

void kmalloc_init(struct page_allocator *pages)
{
	heap_init(&heap, pages);
}

struct heap *mm_heap(void)
{
	return &heap;
}

/* Says what a pointer is that is no live block. */
static void describe(const void *p, char *out, size_t size)
{
	struct page_block pages;
	struct heap_block b;

	if (heap_block_find(&heap, p, &b) && b.live)
		format(out, size, "interior pointer, %zu bytes inside a block of %zu",
		       (size_t)((uintptr_t)p - b.start), b.size);
	else if (heap_block_find(&heap, p, &b) && b.start == (uintptr_t)p)
		format(out, size, "double free: a free block of %zu bytes", b.size);
	else if (page_block_find(heap.pages, (uintptr_t)p - heap.pages->offset, &pages))
		str_copy(out, size, "foreign pointer: allocated pages, but no block there");
	else
		str_copy(out, size, "foreign pointer: no memory of the heap's");
}

static __noinline void refuse(const char *function, const void *block,
			      const char *caller __unused)
{
	char what[128];

	describe(block, what, sizeof(what));
	panic("mm: %s(%p): %s%s%s", function, block, what, caller ? ", at " : "",
	      caller ? caller : "");
}

/* Every allocation from the heap; and krealloc(), for itself. */
static inline void *allocate(size_t size, size_t align, const char *caller __unused)
{
	void *block;

	if (fault_refuses(FAULT_HEAP, caller))
		return NULL;
	block = heap_alloc(&heap, size, align);
	if (block)
		fault_note(FAULT_HEAP, 1);
	return block;
}

void *(kmalloc)(size_t size CALLER_PARAMETER)
{
	return allocate(size, ALIGN_DEFAULT, CALLER);
}

void *(kmalloc_aligned)(size_t size, size_t align CALLER_PARAMETER)
{
	return allocate(size, align, CALLER);
}

void *(kzalloc)(size_t size CALLER_PARAMETER)
{
	void *block = allocate(size, ALIGN_DEFAULT, CALLER);

	if (block)
		memset(block, 0, size);
	return block;
}

void *(kcalloc)(size_t n, size_t size CALLER_PARAMETER)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return (kzalloc)(bytes CALLER_PASS);
}

void *(krealloc)(void *block, size_t size CALLER_PARAMETER)
{
	void *p;

	if (fault_refuses(FAULT_HEAP, CALLER))
		return NULL;
	p = heap_realloc(&heap, block, size);
	if (p && !block)
		fault_note(FAULT_HEAP, 1);
	if (!p && block && !IS_ENABLED(CONFIG_HEAP_CHECK_NONE) && !heap_usable_size(&heap, block))
		refuse("krealloc", block, CALLER);
	return p;
}

void (kfree)(void *block CALLER_PARAMETER)
{
	if (heap_free(&heap, block) && !IS_ENABLED(CONFIG_HEAP_CHECK_NONE))
		refuse("kfree", block, CALLER);
	if (block)
		fault_note(FAULT_HEAP, -1);
}

size_t kmalloc_usable_size(const void *block)
{
	return heap_usable_size(&heap, block);
}

void *(page_alloc)(unsigned order, unsigned flags CALLER_PARAMETER)
{
	struct page_allocator *pages = mm_pages();
	paddr_t pa;

	if (fault_refuses(FAULT_PAGES, CALLER) || page_alloc_from(pages, order, flags, &pa))
		return NULL;
	fault_note(FAULT_PAGES, INT64_C(1) << order);
	return (void *)(pages->offset + pa);
}

void (page_free)(void *block, unsigned order CALLER_PARAMETER)
{
	struct page_allocator *pages = mm_pages();
	const char *caller_known = CALLER;

	if (page_free_to(pages, (uintptr_t)block - pages->offset, order))
		panic("mm: page_free(%p, %u): no such block is allocated%s%s", block, order,
		      caller_known ? ", at " : "", caller_known ? caller_known : "");
	fault_note(FAULT_PAGES, -(INT64_C(1) << order));
}
