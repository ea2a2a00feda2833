/* SPDX-License-Identifier: MIT */
/*
 * Measures single calls of the kernel's heap by the time-stamp counter, which
 * counts guest instructions under QEMU's `-icount shift=0`. What a call costs
 * is all that it executes, its ret included; the measuring itself is measured
 * beforehand, with functions that do nothing, and taken off.
 */
#pragma once

#include "mm/heap_calls.h"

enum heap_meter_call {
	HEAP_METER_ALLOC,
	HEAP_METER_FREE,
	HEAP_METER_RESIZE,
	HEAP_METER_CALLS
};

/* Calls of one kind, of one trace. */
struct heap_tally {
	uint64_t worst;		/* ticks of the dearest */
	size_t worst_size;	/* which was for this many bytes, */
	uint64_t worst_step;	/* and this, counted from 0, of the trace */
	uint64_t counted;	/* calls while `counting`: for the average */
	uint64_t ticks;		/* of these */
};

struct heap_meter {
	struct heap_calls calls;
	uint64_t overhead[HEAP_METER_CALLS + 2]; /* of measuring a call, a copy, a clear */
	uint64_t jitter;	/* by how much these varied: 0 where instructions count */
	const char *trace;	/* what is measured now */
	uint64_t step;		/* calls of it up to now */
	bool counting;		/* into averages; the worst always is */
	uint64_t copied;	/* ticks that counted resizes spent copying */
	struct heap_tally tally[HEAP_METER_CALLS];
	uint64_t worst;		/* of all traces */
};

/*
 * Makes a meter that knows its own overhead. Prints figures: by how much that
 * varied (heap.jitter), a hundred instructions as it measures them
 * (heap.hundred), and what it costs to copy and to clear 4096 bytes.
 */
void heap_meter_init(struct heap_meter *m);

/* Begins a trace: forgets what was tallied, but for the worst of all. */
void heap_meter_start(struct heap_meter *m, const char *trace);

/*
 * Prints a figure for the worst call of each kind that was made (the name is
 * "heap.TRACE.worst_alloc" or the like), and logs for debugging which it was.
 */
void heap_meter_print(struct heap_meter *m);

/* As kmalloc(), kfree() and krealloc(), measured. */
void *heap_meter_alloc(struct heap_meter *m, size_t size);
void heap_meter_free(struct heap_meter *m, void *block);
/* What is copied when the block moves is measured apart and taken off. */
void *heap_meter_resize(struct heap_meter *m, void *block, size_t size);
