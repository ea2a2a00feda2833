// SPDX-License-Identifier: MIT
#include "mm/heap_trace.h"

/* xorshift64*, of which the high half is used. */
static uint32_t trace_random(struct heap_trace *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (uint32_t)(t->random * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static unsigned random_below(struct heap_trace *t, unsigned bound)
{
	return (unsigned)((uint64_t)trace_random(t) * bound >> 32);
}

static void set_op(struct heap_trace *t, struct heap_op *op, enum heap_op_kind kind, unsigned slot)
{
	op->kind = (uint16_t)kind;
	op->slot = (uint16_t)slot;
	op->size = 0;
	if (kind != HEAP_OP_FREE)
		op->size = (uint16_t)(HEAP_TRACE_SIZE_MIN + random_below(t,
				HEAP_TRACE_SIZE_MAX - HEAP_TRACE_SIZE_MIN + 1));
}

const char *heap_trace_name(enum heap_trace_kind kind)
{
	static const char *const names[HEAP_TRACES] = { "p", "l", "f", "r", "R" };

	return names[kind];
}

void heap_trace_start(struct heap_trace *t, enum heap_trace_kind kind, unsigned live,
		      uint64_t seed)
{
	*t = (struct heap_trace){
		.kind = kind,
		.live = kind == HEAP_TRACE_PAIR ? 1 : live,
		.random = seed ? seed : 1,	/* 0 would stay 0 */
	};
}

/* Fill, then free in the order that is the reverse. */
static void stack_next(struct heap_trace *t, struct heap_op *op)
{
	if (t->step < t->live)
		set_op(t, op, HEAP_OP_ALLOC, t->step);
	else
		set_op(t, op, HEAP_OP_FREE, 2 * t->live - 1 - t->step);
	t->step = (t->step + 1) % (2 * t->live);
}

/* Even steps free, odd ones allocate in the same slot. */
static void replace_next(struct heap_trace *t, struct heap_op *op, bool oldest)
{
	if (t->step % 2)
		set_op(t, op, HEAP_OP_ALLOC, t->slot);
	else {
		t->slot = oldest ? t->step / 2 : random_below(t, t->live);
		set_op(t, op, HEAP_OP_FREE, t->slot);
	}
	t->step = (t->step + 1) % (2 * t->live);
}

void heap_trace_next(struct heap_trace *t, struct heap_op *op)
{
	if (t->kind == HEAP_TRACE_PAIR || t->kind == HEAP_TRACE_LIFO) {
		stack_next(t, op);
	} else if (!t->filled) {
		set_op(t, op, HEAP_OP_ALLOC, t->step);
		t->filled = ++t->step == t->live;
		t->step %= t->live;
	} else if (t->kind == HEAP_TRACE_RESIZE) {
		set_op(t, op, HEAP_OP_RESIZE, random_below(t, t->live));
	} else {
		replace_next(t, op, t->kind == HEAP_TRACE_FIFO);
	}
}
