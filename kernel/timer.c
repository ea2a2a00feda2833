// SPDX-License-Identifier: MIT
/* The timers that run, and the device that wakes the loop for the first of them. */
#include "kernel/clock.h"
#include "kernel/lib/string.h"
#include "kernel/time.h"
#include "kernel/timer_heap.h"

enum {
	PERIOD_MIN_NS = 1000,
	PROOF_NS = 20 * 1000,		/* what a timer that is proved is armed for */
};

static struct timer_heap heap;

static struct event_timer *event_timers, **event_timers_end = &event_timers;
static struct event_timer *event_timer;	/* proved; NULL: none */
static uint64_t armed;			/* when it fires; 0: it has, or never was */

static void start(struct timer *t, uint64_t delay, uint64_t period)
{
	uint64_t now = time_now();

	timer_cancel(t);
	t->due = delay < UINT64_MAX - 1 - now ? now + delay : UINT64_MAX - 1;
	t->period = period;
	t->running = true;
	timer_heap_add(&heap, t);
}

void timer_start(struct timer *t, uint64_t delay)
{
	start(t, delay, 0);
}

void timer_start_periodic(struct timer *t, uint64_t period)
{
	period = max(period, (uint64_t)PERIOD_MIN_NS);
	start(t, period, period);
}

bool timer_cancel(struct timer *t)
{
	if (!t->running)
		return false;
	timer_heap_remove(&heap, t);
	t->running = false;
	return true;
}

/* When a periodic timer is due next: a whole number of periods after it was, and after now. */
static uint64_t next_due(const struct timer *t, uint64_t now)
{
	uint64_t passed = (now - t->due) / t->period;

	return t->due + (passed + 1) * t->period;
}

static void expire(struct timer *t, uint64_t now)
{
	timer_heap_remove(&heap, t);
	t->running = t->period > 0;
	if (t->running) {
		t->due = next_due(t, now);
		timer_heap_add(&heap, t);
	}
	t->expired(t);
}

/*
 * Those started meanwhile are for the next turn. They come last: they are due
 * at `now` or later, and of those due together the last added is last.
 */
unsigned timers_run(uint64_t now)
{
	uint64_t added = heap.added;
	unsigned count = 0;

	while (heap.first && heap.first->due <= now && heap.first->number < added) {
		expire(heap.first, now);
		count++;
	}
	return count;
}

uint64_t timers_next(void)
{
	return heap.first ? heap.first->due : UINT64_MAX;
}

/*
 * What is armed for earlier is left alone: it wakes the loop, which arms
 * again. What should have fired by now did not, and is not relied upon.
 */
bool timers_arm(uint64_t due)
{
	struct event_timer *e = event_timer;
	uint64_t now;

	if (!e)
		return false;
	now = time_now();
	if (due <= now)
		return false;
	if (armed > now && armed <= due)
		return true;
	due = min(due, now + e->max_ns);
	armed = max(due, now + e->min_ns);
	e->arm(e, armed - now);
	return true;
}

bool event_timer_interrupt(struct irq *irq __unused)
{
	armed = 0;
	return true;
}

void event_timer_register(struct event_timer *e)
{
	*event_timers_end = e;
	event_timers_end = &e->next;
}

struct event_timer *event_timer_first(void)
{
	return event_timers;
}

struct event_timer *event_timer_current(void)
{
	return event_timer;
}

static bool prove(struct event_timer *e)
{
	uint64_t before = e->irq.count;

	if (e->start(e)) {
		e->problem = "its interrupt cannot be connected";
		return false;
	}
	e->arm(e, max((uint64_t)PROOF_NS, e->min_ns));
	if (irq_prove(&e->irq, before))
		return true;
	e->stop(e);
	irq_disconnect(&e->irq);
	e->problem = "interrupt not seen";
	return false;
}

/* The best that nobody tried yet. */
static struct event_timer *best_untried(const char *only)
{
	struct event_timer *best = NULL;

	for (struct event_timer *e = event_timers; e; e = e->next) {
		if (e->problem || (only && strcmp(e->id, only) != 0))
			continue;
		if (!best || e->rating > best->rating)
			best = e;
	}
	return best;
}

void event_timer_choose(const char *only)
{
	struct event_timer *e;

	while ((e = best_untried(only))) {
		if (!prove(e))
			continue;
		event_timer = e;
		armed = 0;
		return;
	}
}
