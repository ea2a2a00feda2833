// SPDX-License-Identifier: MIT
/*
 * The kernel's instance of the heap, at the level of checking that was
 * configured. Names in parentheses are the functions themselves, not the
 * macros that add the caller.
 */
#include "mm/kmalloc.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "mm/fault.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/heap_internal.h"
#include "mm/mm.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

enum {
	ALIGN_DEFAULT = 16,
	GROUPS_MAX = 64,
};

static __noload struct heap heap;
static __noload struct debug_heap debug;	/* with full checking only */

static void found(const char *what)
{
	panic("heap: %s", what);
}

static void alarm(const struct heap *h __unused, const char *what)
{
	panic("heap: %s", what);
}

void kmalloc_init(struct page_allocator *pages)
{
	heap_init(&heap, pages);
	if (!IS_ENABLED(CONFIG_HEAP_CHECK_NONE))
		heap_set_alarm(&heap, alarm);
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		debug_heap_init(&debug, &heap, "kernel", DEBUG_HEAP_QUARANTINE, found);
}

struct heap *mm_heap(void)
{
	return &heap;
}

/* Why `p` cannot be freed. */
static void explain(const void *p, char *buf, size_t size)
{
	struct page_block pages;
	struct heap_block b;

	if (!page_block_find(heap.pages, (uintptr_t)p - heap.pages->offset, &pages))
		str_copy(buf, size, "foreign pointer: no memory that is allocated");
	else if (pages.use != PAGE_USE_HEAP_SPAN && pages.use != PAGE_USE_HEAP_RUN)
		str_copy(buf, size, "foreign pointer: allocated pages, but no block of the heap");
	else if (!heap_block_find(&heap, p, &b))
		str_copy(buf, size, "no block there, or damage to what the heap knows of it");
	else if (b.live)
		format(buf, size, "interior pointer: %zu bytes inside a %zu-byte block",
		       (size_t)((uintptr_t)p - b.start), b.size);
	else
		format(buf, size, "double free: a free %zu-byte block", b.size);
}

static __noinline void refuse(const char *function, const void *block)
{
	char what[128];

	explain(block, what, sizeof(what));
	panic("heap: %s(%p): %s", function, block, what);
}

/* An impossible request is more likely a mistake than a wish. */
static void warn_if_impossible(size_t size, size_t align, const char *caller)
{
	if (size > DEBUG_HEAP_SIZE_MAX || !is_pow2(align) || align > PAGE_SIZE)
		log_warn("heap: refused at %s: %zu bytes, aligned to %zu, are impossible",
			 caller, size, align);
}

static void *checked_alloc(size_t size, size_t align, const char *caller)
{
	void *block = debug_heap_alloc(&debug, size, align, caller);

	if (!block)
		warn_if_impossible(size, align, caller);
	return block;
}

/* Every allocation from the heap, but for krealloc(). */
static inline void *allocate(size_t size, size_t align, const char *caller)
{
	void *block;

	if (fault_refuses(FAULT_HEAP, caller))
		return NULL;
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		block = checked_alloc(size, align, caller);
	else if (align == ALIGN_DEFAULT)
		block = heap_malloc_inline(&heap, size);
	else
		block = heap_alloc(&heap, size, align);
	if (IS_ENABLED(CONFIG_FAULT_INJECTION) && block)
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
		bytes = SIZE_MAX;	/* refused like any impossible size */
	return (kzalloc)(bytes CALLER_PASS);
}

static void *checked_realloc(void *block, size_t size, const char *caller)
{
	void *p = debug_heap_realloc(&debug, block, size, caller);

	if (!p)
		warn_if_impossible(size, ALIGN_DEFAULT, caller);
	return p;
}

/* What the shortest path leaves, errors among it. */
static __noinline void *realloc_rest(void *block, size_t size)
{
	void *p = heap_realloc(&heap, block, size);

	if (!IS_ENABLED(CONFIG_HEAP_CHECK_NONE) && !p && block && !heap_usable_size(&heap, block))
		refuse("krealloc", block);
	return p;
}

void *(krealloc)(void *block, size_t size CALLER_PARAMETER)
{
	void *p;

	if (fault_refuses(FAULT_HEAP, CALLER))
		return NULL;
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		p = checked_realloc(block, size, CALLER);
	else
		p = heap_realloc_inline(&heap, block, size, realloc_rest);
	if (IS_ENABLED(CONFIG_FAULT_INJECTION) && p && !block)
		fault_note(FAULT_HEAP, 1);
	return p;
}

static __noinline void free_rest(void *block)
{
	if (heap_free_rest(&heap, block) && !IS_ENABLED(CONFIG_HEAP_CHECK_NONE))
		refuse("kfree", block);
}

static __noinline void free_slow(void *block)
{
	if (unlikely(!heap_free_tiny(&heap, block)))
		free_rest(block);
}

void (kfree)(void *block CALLER_PARAMETER)
{
	if (block)
		fault_note(FAULT_HEAP, -1);
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		debug_heap_free(&debug, block, CALLER);
	else
		heap_free_inline(&heap, block, free_slow);
}

size_t kmalloc_usable_size(const void *block)
{
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		return debug_heap_usable_size(&debug, block);
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
	const char *at = CALLER;

	if (page_free_to(pages, (uintptr_t)block - pages->offset, order))
		panic("mm: page_free(%p, %u)%s%s: no such block is allocated", block, order,
		      at ? " at " : "", at ? at : "");
	fault_note(FAULT_PAGES, -(INT64_C(1) << order));
}

void kmalloc_stats(struct heap_stats *out)
{
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		debug_heap_stats(&debug, out);
	else
		heap_stats(&heap, out);
}

void kmalloc_trim(void)
{
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		debug_heap_drain(&debug);
	heap_trim(&heap);
}

int kmalloc_check(char *buf, size_t size)
{
	const char *wrong;

	if (IS_ENABLED(CONFIG_HEAP_CHECK_NONE))
		return -ENOTSUP;
	wrong = heap_check(&heap);
	if (!wrong && IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		return debug_heap_check(&debug, buf, size) ? 0 : -EFAULT;
	str_copy(buf, size, wrong ? wrong : "");
	return wrong ? -EFAULT : 0;
}

bool kmalloc_describe(uintptr_t address, char *buf, size_t size)
{
	struct heap_block b;

	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		return debug_heap_describe(&debug, address, buf, size);
	buf[0] = '\0';
	if (!heap_block_find(&heap, (const void *)address, &b))
		return false;
	format(buf, size, "%zu bytes inside a %s%zu-byte block", (size_t)(address - b.start),
	       b.live ? "" : "free ", b.size);
	return true;
}

uint64_t kmalloc_mark(void)
{
	return IS_ENABLED(CONFIG_HEAP_CHECK_FULL) ? debug_heap_mark(&debug) : 0;
}

int kmalloc_diff(uint64_t mark, void (*report)(void *context, const char *caller,
					       uint64_t blocks, uint64_t bytes), void *context)
{
	static struct debug_group groups[GROUPS_MAX];
	size_t count;

	if (!IS_ENABLED(CONFIG_HEAP_CHECK_FULL))
		return -ENOTSUP;
	count = debug_heap_diff(&debug, mark, groups, GROUPS_MAX);
	for (size_t i = 0; i < count; i++)
		report(context, groups[i].caller, groups[i].blocks, groups[i].bytes);
	return 0;
}
