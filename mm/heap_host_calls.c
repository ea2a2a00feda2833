// SPDX-License-Identifier: MIT
#include "mm/heap_host_calls.h"
#include "mm/heap.h"
#include "kernel/panic.h"

static struct page_allocator pages;
static struct heap heap;

bool heap_host_open(paddr_t base, uint64_t size, uintptr_t offset)
{
	page_allocator_init(&pages, offset);
	heap_init(&heap, &pages);
	return page_allocator_add(&pages, base, base + size) == 0;
}

void *heap_host_alloc(size_t size)
{
	return heap_alloc(&heap, size, 16);
}

void heap_host_free(void *block)
{
	if (heap_free(&heap, block))
		panic("heap_free(%p): no live block of the heap is there", block);
}

void *heap_host_resize(void *block, size_t size)
{
	return heap_realloc(&heap, block, size);
}

uint64_t heap_host_footprint(void)
{
	struct page_stats stats;

	page_allocator_stats(&pages, &stats);
	return (stats.total - stats.free) * PAGE_SIZE + sizeof(heap) + sizeof(pages);
}
