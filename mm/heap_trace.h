/* SPDX-License-Identifier: MIT */
/*
 * The five traces on which heaps are measured: sequences of requests of 16 to
 * 4096 bytes, uniform, a new one with each seed. Pure: the host's driver and
 * the kernel's benchmark ask for the same sequence and carry it out.
 */
#pragma once

#include "kernel/lib/types.h"

enum heap_trace_kind {
	HEAP_TRACE_PAIR,	/* p: allocate, free */
	HEAP_TRACE_LIFO,	/* l: fill, then free in reverse; again and again */
	HEAP_TRACE_FIFO,	/* f: fill once; then free the oldest, allocate a new one */
	HEAP_TRACE_REPLACE,	/* r: fill once; then free a random one, allocate a new one */
	HEAP_TRACE_RESIZE,	/* R: fill once; then give a random one a new size */
	HEAP_TRACES
};

enum {
	HEAP_TRACE_LIVE = 10000,	/* blocks when it is filled */
	HEAP_TRACE_SIZE_MIN = 16,
	HEAP_TRACE_SIZE_MAX = 4096,
};

enum heap_op_kind {
	HEAP_OP_ALLOC,		/* slot and size */
	HEAP_OP_FREE,		/* slot */
	HEAP_OP_RESIZE,		/* slot and new size */
};

struct heap_op {
	uint16_t kind;
	uint16_t slot;		/* below the trace's `live` */
	uint16_t size;
};

struct heap_trace {
	enum heap_trace_kind kind;
	unsigned live;		/* blocks when it is filled */
	unsigned step;		/* within the fill, then within the cycle */
	unsigned slot;		/* of the last operation */
	bool filled;
	uint64_t random;
};

/* The letter by which a trace is known: p, l, f, r, R. */
const char *heap_trace_name(enum heap_trace_kind kind);

/* Begins a trace of `live` (1 to 65535) blocks. */
void heap_trace_start(struct heap_trace *t, enum heap_trace_kind kind, unsigned live,
		      uint64_t seed);

/* The next operation; a trace has no end. */
void heap_trace_next(struct heap_trace *t, struct heap_op *op);
