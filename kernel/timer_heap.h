/* SPDX-License-Identifier: MIT */
/*
 * The timers that run, ordered by when they are due: a pairing heap through
 * the timers themselves (Fredman, Sedgewick, Sleator, Tarjan 1986). Adding is
 * one comparison; taking out is O(log n) over many, and never recurses. Of
 * those due together the one added first comes first. Knows no clock.
 */
#pragma once

#include "kernel/time.h"

struct timer_heap {
	struct timer *first;	/* the root: due first; NULL if empty */
	uint64_t added;		/* since the beginning; numbers the timers */
};

/* `t` is in no heap; t->due is set. */
void timer_heap_add(struct timer_heap *heap, struct timer *t);
/* `t` is in this heap. */
void timer_heap_remove(struct timer_heap *heap, struct timer *t);
