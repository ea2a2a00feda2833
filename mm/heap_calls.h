/* SPDX-License-Identifier: MIT */
/*
 * A heap as benchmarks call it: through pointers of C's own shapes, so that
 * every heap is called alike.
 */
#pragma once

#include "mm/kmalloc.h"

struct heap_calls {
	void *(*alloc)(size_t size);
	void (*free)(void *block);
	void *(*resize)(void *block, size_t size);
};

/* Where callers are known, k*() take one more argument. */
static inline void *heap_call_kmalloc(size_t size)
{
	return kmalloc(size);
}

static inline void heap_call_kfree(void *block)
{
	kfree(block);
}

static inline void *heap_call_krealloc(void *block, size_t size)
{
	return krealloc(block, size);
}

/* The kernel's heap; where nothing stands between, its functions themselves. */
static inline struct heap_calls heap_calls_kernel(void)
{
	if (IS_ENABLED(CONFIG_HEAP_CALLERS))
		return (struct heap_calls){
			heap_call_kmalloc, heap_call_kfree, heap_call_krealloc
		};
	return (struct heap_calls){ (void *)(kmalloc), (void *)(kfree), (void *)(krealloc) };
}
