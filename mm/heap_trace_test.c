// SPDX-License-Identifier: MIT
#include "mm/heap_trace.h"
#include "kernel/ktest.h"

enum {
	LIVE = 100,
	STEPS = 20000,
};

/* What a trace left live, checked as it goes. */
struct watch {
	struct heap_trace trace;
	uint16_t size[LIVE];	/* 0: not live */
	uint32_t born[LIVE];
	unsigned live, most;
	uint64_t bytes;		/* ever asked for */
	unsigned asked;
};

static bool carry_out(struct ktest_run *t, struct watch *w, unsigned step, struct heap_op *op)
{
	bool frees, allocates;

	heap_trace_next(&w->trace, op);
	frees = op->kind != HEAP_OP_ALLOC;
	allocates = op->kind != HEAP_OP_FREE;
	if (!expect(t, op->kind <= HEAP_OP_RESIZE) || !expect(t, op->slot < LIVE) ||
	    !expect_eq(t, w->size[op->slot] != 0, frees))
		return false;
	if (allocates && !expect(t, op->size >= HEAP_TRACE_SIZE_MIN &&
				 op->size <= HEAP_TRACE_SIZE_MAX))
		return false;
	w->size[op->slot] = allocates ? op->size : 0;
	w->live += (unsigned)allocates - (unsigned)frees;
	w->most = max(w->most, w->live);
	if (allocates) {
		w->born[op->slot] = step;
		w->bytes += op->size;
		w->asked++;
	}
	return true;
}

KTEST(heap_trace_keeps_to_its_blocks)
{
	const unsigned most[HEAP_TRACES] = { 1, LIVE, LIVE, LIVE, LIVE };
	const unsigned least[HEAP_TRACES] = { 0, 0, LIVE - 1, LIVE - 1, LIVE };
	static struct watch w;
	struct heap_op op;

	for (unsigned kind = 0; kind < HEAP_TRACES; kind++) {
		w = (struct watch){ .live = 0 };
		heap_trace_start(&w.trace, kind, LIVE, 1);
		for (unsigned i = 0; i < STEPS; i++) {
			require(t, carry_out(t, &w, i, &op));
			require(t, i < LIVE || w.live >= least[kind]);
		}
		expect_eq(t, w.most, most[kind]);
		/* Uniform from 16 to 4096: 2056 on average. */
		expect(t, w.bytes / w.asked > 1956 && w.bytes / w.asked < 2156);
	}
}

KTEST(heap_trace_frees_in_the_order_of_its_name)
{
	static struct watch w;
	struct heap_op op;

	w = (struct watch){ .live = 0 };
	heap_trace_start(&w.trace, HEAP_TRACE_LIFO, LIVE, 2);
	for (unsigned i = 0; i < STEPS; i++) {
		require(t, carry_out(t, &w, i, &op));
		for (unsigned n = 0; op.kind == HEAP_OP_FREE && n < LIVE; n++)
			require(t, !w.size[n] || w.born[n] < w.born[op.slot]);
	}
	w = (struct watch){ .live = 0 };
	heap_trace_start(&w.trace, HEAP_TRACE_FIFO, LIVE, 2);
	for (unsigned i = 0; i < STEPS; i++) {
		require(t, carry_out(t, &w, i, &op));
		for (unsigned n = 0; op.kind == HEAP_OP_FREE && n < LIVE; n++)
			require(t, !w.size[n] || w.born[n] > w.born[op.slot]);
	}
}

KTEST(heap_trace_reaches_every_block_at_random)
{
	static struct watch w;
	struct heap_op op;

	for (unsigned kind = HEAP_TRACE_REPLACE; kind <= HEAP_TRACE_RESIZE; kind++) {
		w = (struct watch){ .live = 0 };
		heap_trace_start(&w.trace, kind, LIVE, 3);
		for (unsigned i = 0; i < STEPS; i++)
			require(t, carry_out(t, &w, i, &op));
		for (unsigned n = 0; n < LIVE; n++)
			expect(t, w.born[n] >= LIVE);
	}
}

KTEST(heap_trace_repeats_for_a_seed)
{
	struct heap_trace a, b, other;
	struct heap_op x, y, z;
	unsigned same = 0;

	heap_trace_start(&a, HEAP_TRACE_REPLACE, LIVE, 4);
	heap_trace_start(&b, HEAP_TRACE_REPLACE, LIVE, 4);
	heap_trace_start(&other, HEAP_TRACE_REPLACE, LIVE, 5);
	for (unsigned i = 0; i < 2 * LIVE; i++) {
		heap_trace_next(&a, &x);
		heap_trace_next(&b, &y);
		heap_trace_next(&other, &z);
		require(t, x.kind == y.kind && x.slot == y.slot && x.size == y.size);
		same += x.size == z.size && x.slot == z.slot;
	}
	expect(t, same < LIVE / 2);
	/* A seed of 0 would give the same number for ever. */
	heap_trace_start(&a, HEAP_TRACE_REPLACE, LIVE, 0);
	heap_trace_next(&a, &x);
	heap_trace_next(&a, &y);
	expect(t, x.size != y.size);
}
