// SPDX-License-Identifier: MIT
/*
 * The heap of timers, beside a model that is a list searched from end to end:
 * random timers added, taken out and started anew, many due together.
 */
#include "kernel/timer_heap.h"

#include "kernel/ktest.h"

enum { TIMERS = 128, MANY = 200000 };

static struct timer timers[TIMERS];
static struct timer many[MANY];

static void clear(struct timer *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		t[i] = (struct timer){ 0 };
}

static struct timer *model_first(void)
{
	struct timer *first = NULL;

	for (size_t i = 0; i < TIMERS; i++) {
		struct timer *t = &timers[i];

		if (t->running && (!first || t->due < first->due ||
				   (t->due == first->due && t->number < first->number)))
			first = t;
	}
	return first;
}

static void take_out(struct timer_heap *heap, struct timer *t)
{
	timer_heap_remove(heap, t);
	t->running = false;
}

static void put_in(struct timer_heap *heap, struct timer *t, uint64_t due)
{
	t->due = due;
	t->running = true;
	timer_heap_add(heap, t);
}

/* One step at random; returns whether the heap's first is the model's. */
static bool step(struct ktest_run *t, struct timer_heap *heap, uint64_t *now)
{
	struct timer *timer = &timers[ktest_random_below(t, TIMERS)];
	uint64_t span = BIT(ktest_random_below(t, 40));

	switch (ktest_random_below(t, 8)) {
	case 0:		/* time jumps, and all that is due goes */
		*now += ktest_random_below(t, span);
		while (heap->first && heap->first->due <= *now)
			take_out(heap, heap->first);
		break;
	case 1:		/* the first expires and starts anew */
		timer = heap->first;
		if (timer) {
			take_out(heap, timer);
			put_in(heap, timer, timer->due + ktest_random_below(t, span));
		}
		break;
	case 2:
	case 3:
		if (timer->running)
			take_out(heap, timer);
		break;
	default:	/* few values, so that many are due together */
		if (timer->running)
			take_out(heap, timer);
		put_in(heap, timer, *now + ktest_random_below(t, 4) * (span >> 20));
	}
	return heap->first == model_first();
}

KTEST(timer_heap_has_the_first_of_the_model)
{
	uint64_t operations = min(ktest_operations(), (uint64_t)300000);
	struct timer_heap heap = { 0 };
	uint64_t now = 0, wrong = 0;

	clear(timers, TIMERS);
	for (uint64_t i = 0; i < operations; i++)
		wrong += !step(t, &heap, &now);
	expect_eq(t, wrong, 0);
	while (heap.first) {
		wrong += heap.first != model_first();
		take_out(&heap, heap.first);
	}
	expect_eq(t, wrong, 0);
	expect(t, !model_first());
}

/* Takes all out; returns how many were out of order. */
static uint64_t drain(struct timer_heap *heap, size_t *count)
{
	uint64_t wrong = 0, due = 0, number = 0;

	for (*count = 0; heap->first; (*count)++) {
		struct timer *t = heap->first;

		wrong += t->due < due || (*count && t->due == due && t->number < number);
		due = t->due;
		number = t->number;
		timer_heap_remove(heap, t);
	}
	return wrong;
}

/* A recursion as deep as there are timers would end the stack. */
KTEST(timer_heap_sorts_many_in_any_order_they_come)
{
	struct timer_heap heap = { 0 };
	size_t count;

	for (unsigned order = 0; order < 4; order++) {
		clear(many, MANY);
		for (size_t i = 0; i < MANY; i++) {
			many[i].due = order == 0 ? i : order == 1 ? MANY - i :
				      order == 2 ? 7 : ktest_random_below(t, MANY);
			timer_heap_add(&heap, &many[i]);
		}
		expect_eq(t, drain(&heap, &count), 0);
		expect_eq(t, count, MANY);
	}
}

KTEST(timer_heap_takes_out_from_anywhere)
{
	struct timer_heap heap = { 0 };
	size_t count;

	clear(many, MANY);
	for (size_t i = 0; i < MANY; i++) {
		many[i].due = ktest_random(t);
		timer_heap_add(&heap, &many[i]);
	}
	for (size_t i = 0; i < MANY; i += 2)
		timer_heap_remove(&heap, &many[i]);
	expect_eq(t, drain(&heap, &count), 0);
	expect_eq(t, count, MANY / 2);
}
