// SPDX-License-Identifier: MIT
/*
 * The loop and its timers under a clock that the test moves: time that jumps
 * or stands still, event timers that do not interrupt.
 */
#include "kernel/clock.h"
#include "kernel/host_loop.h"
#include "kernel/irq_chip.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/loop.h"
#include "kernel/time.h"

static unsigned looks;

static bool count_looks(void *context __unused)
{
	looks++;
	return false;
}

KTEST(loop_until_ends_where_the_clock_stands_still)
{
	looks = 0;
	host_clock_step = 0;
	expect_eq(t, loop_until(count_looks, NULL, NS_PER_S), -ETIMEDOUT);
	host_clock_step = HOST_STEP_NS;
	expect(t, looks > 1000);
}

/* A machine that is stopped again and again gets its share of turns, but not for ever. */
KTEST(loop_until_forgives_a_few_jumps_of_time)
{
	looks = 0;
	host_clock_step = NS_PER_S;
	expect_eq(t, loop_until(count_looks, NULL, NS_PER_MS), -ETIMEDOUT);
	host_clock_step = HOST_STEP_NS;
	expect(t, looks >= 8);
	expect(t, looks < 20);
}

KTEST(loop_until_looks_once_more_after_its_timeout)
{
	looks = 0;
	expect_eq(t, loop_until(count_looks, NULL, 0), -ETIMEDOUT);
	expect_eq(t, looks, 3);
}

enum { TIMERS = 32 };

static struct model_timer {
	struct timer timer;
	uint64_t was_due;	/* by the test's own reckoning */
} models[TIMERS];

static uint64_t expired_due, expired_wrong;
static struct ktest_run *running;

/* In the order due, none early, periodic ones a whole number of periods later. */
static void model_expired(struct timer *timer)
{
	struct model_timer *m = container_of(timer, struct model_timer, timer);

	expired_wrong += m->was_due < expired_due || m->was_due > time_now();
	expired_due = m->was_due;
	if (timer->period) {
		expired_wrong += !timer->running || timer->due <= m->was_due ||
				 (timer->due - m->was_due) % timer->period != 0;
		m->was_due = timer->due;
	} else if (ktest_random_below(running, 2)) {
		timer_start(timer, ktest_random_below(running, 3) * HOST_STEP_NS);
		m->was_due = timer->due;
	}
}

static void change(struct ktest_run *t, struct model_timer *m)
{
	uint64_t span = BIT(ktest_random_below(t, 34));

	switch (ktest_random_below(t, 4)) {
	case 0:
		expired_wrong += timer_cancel(&m->timer) && m->timer.running;
		break;
	case 1:
		timer_start_periodic(&m->timer, ktest_random_below(t, span));
		break;
	default:
		timer_start(&m->timer, ktest_random_below(t, span));
	}
	m->was_due = m->timer.due;
}

KTEST(timers_expire_as_a_model_says_whatever_time_does)
{
	uint64_t operations = min(ktest_operations(), (uint64_t)100000);

	running = t;
	expired_wrong = 0;
	for (unsigned i = 0; i < TIMERS; i++)
		models[i] = (struct model_timer){ .timer.expired = model_expired };
	for (uint64_t i = 0; i < operations; i++) {
		uint64_t before;

		host_clock_step = ktest_random_below(t, BIT(ktest_random_below(t, 30)));
		change(t, &models[ktest_random_below(t, TIMERS)]);
		before = time_now();
		expired_due = 0;
		expect(t, timers_next() != 0);
		timers_run(time_now());
		/* What was due before has gone; what was started meanwhile may be due now. */
		for (unsigned j = 0; j < TIMERS; j++)
			expired_wrong += models[j].timer.running && models[j].was_due < before;
	}
	for (unsigned i = 0; i < TIMERS; i++)
		timer_cancel(&models[i].timer);
	host_clock_step = HOST_STEP_NS;
	expect_eq(t, expired_wrong, 0);
	expect(t, timers_next() == UINT64_MAX);
}

KTEST(timers_take_any_delay)
{
	struct timer timer = { .expired = model_expired };

	timer_start(&timer, UINT64_MAX);
	expect(t, timers_next() == UINT64_MAX - 1);
	expect_eq(t, timers_run(time_now()), 0);
	timer_start_periodic(&timer, 0);
	expect_eq(t, timer.period, 1000);
	timer_start_periodic(&timer, UINT64_MAX);
	expect(t, timers_next() == UINT64_MAX - 1);
	expect(t, timer_cancel(&timer));
	expect(t, !timer_cancel(&timer));
}

/* Event timers: one that cannot be connected, one that is silent, one that works. */
struct fake_event {
	struct event_timer timer;
	bool connects, fires;
	uint64_t armed;		/* ns; 0: not */
	unsigned arms, stops;
};

static int fake_start(struct event_timer *e)
{
	struct fake_event *f = container_of(e, struct fake_event, timer);

	return f->connects ? irq_connect_local(&e->irq) : -ENOSPC;
}

static void fake_arm(struct event_timer *e, uint64_t ns)
{
	struct fake_event *f = container_of(e, struct fake_event, timer);

	f->armed = ns;
	f->arms++;
}

static void fake_stop(struct event_timer *e)
{
	container_of(e, struct fake_event, timer)->stops++;
}

#define FAKE_EVENT(its_id, its_rating, ...) { \
	.timer = { \
		.name = its_id, .id = its_id, .rating = its_rating, .min_ns = 1000, \
		.max_ns = NS_PER_S, .start = fake_start, .arm = fake_arm, .stop = fake_stop, \
		.irq = { .name = its_id, .handle = event_timer_interrupt }, \
	}, __VA_ARGS__ \
}

static struct fake_event fakes[] = {
	FAKE_EVENT("works", 100, .connects = true, .fires = true),
	FAKE_EVENT("silent", 200, .connects = true),
	FAKE_EVENT("apart", 300),
};

static void fake_interrupt(void)
{
	struct fake_event *f = &fakes[0];

	if (!f->armed)
		return;
	f->armed = 0;
	f->timer.irq.count++;
	f->timer.irq.handle(&f->timer.irq);
}

static void fake_end(void)
{
}

static bool fake_in_service(uint8_t vector __unused)
{
	return false;
}

static const struct irq_local fake_local = {
	.name = "fake", .end = fake_end, .in_service = fake_in_service,
};

static void register_fakes(void)
{
	if (!irq_ready())
		irq_local_register(&fake_local);
	for (unsigned i = 0; i < ARRAY_SIZE(fakes); i++)
		event_timer_register(&fakes[i].timer);
}

static void check_arming(struct ktest_run *t, struct fake_event *f)
{
	uint64_t now = time_now();

	host_clock_step = 1;
	expect(t, !timers_arm(now));
	expect(t, timers_arm(now + 1000000));
	expect(t, f->armed > 990000 && f->armed <= 1000000);
	f->arms = 0;
	expect(t, timers_arm(now + 2000000));	/* an earlier one is enough */
	expect_eq(t, f->arms, 0);
	expect(t, timers_arm(now + 500000));
	expect_eq(t, f->arms, 1);
	fake_interrupt();
	expect(t, timers_arm(UINT64_MAX - 1));
	expect_eq(t, f->armed, NS_PER_S);
	fake_interrupt();
	expect(t, timers_arm(time_now() + 10));
	expect_eq(t, f->armed, 1000);
	fake_interrupt();
	host_clock_step = HOST_STEP_NS;
}

KTEST(event_timers_are_tried_until_one_is_seen)
{
	expect(t, !event_timer_current());
	expect(t, !timers_arm(UINT64_MAX - 1));
	register_fakes();
	host_interrupt = fake_interrupt;
	event_timer_choose("nobody");
	expect(t, !event_timer_current());
	event_timer_choose(NULL);
	expect(t, event_timer_current() == &fakes[0].timer);
	expect_str(t, fakes[2].timer.problem, "its interrupt cannot be connected");
	expect_str(t, fakes[1].timer.problem, "interrupt not seen");
	expect_eq(t, fakes[1].stops, 1);
	expect_eq(t, fakes[1].timer.irq.vector, 0);
	expect(t, !fakes[0].timer.problem);
	check_arming(t, &fakes[0]);
	host_interrupt = NULL;
}
