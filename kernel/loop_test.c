// SPDX-License-Identifier: MIT
/*
 * The loop and its timers, on the machine's own clock. Nothing here asserts a
 * second: bounds are in what the kernel calls nanoseconds, and only from below.
 */
#include "kernel/loop.h"

#include "kernel/irq.h"
#include <asm/cpu.h>

#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
	PATIENCE = 2000 * 1000 * 1000,	/* ns, of a wait that must not end by itself */
	TRIES = 1000 * 1000,		/* turns after which a test gives up */
};

/* What ran, in order. */
static char ran[64];
static unsigned ran_count;

static void note(char c)
{
	if (ran_count < sizeof(ran) - 1)
		ran[ran_count++] = c;
	ran[ran_count] = '\0';
}

static void forget(void)
{
	ran_count = 0;
	ran[0] = '\0';
}

struct named_work {
	struct work work;
	char name;
	struct work *posts;
	bool cancels;
};

static void named_run(struct work *w)
{
	struct named_work *n = container_of(w, struct named_work, work);

	note(n->name);
	if (n->posts && n->cancels)
		work_cancel(n->posts);
	else if (n->posts)
		work_post(n->posts);
}

static bool is_never(void *context __unused)
{
	return false;
}

static bool has_ran(void *context)
{
	return ran_count >= (uintptr_t)context;
}

KTEST(loop_runs_work_once_in_the_order_posted)
{
	struct named_work a = { .work.run = named_run, .name = 'a' };
	struct named_work b = { .work.run = named_run, .name = 'b' };
	struct named_work c = { .work.run = named_run, .name = 'c' };

	forget();
	work_post(&a.work);
	work_post(&b.work);
	work_post(&a.work);
	work_post(&c.work);
	expect_str(t, ran, "");
	expect(t, loop_turn());
	expect_str(t, ran, "abc");
	expect(t, !a.work.pending && !b.work.pending && !c.work.pending);
	work_post(&a.work);
	loop_turn();
	expect_str(t, ran, "abca");
}

/* Three rounds a turn; then it is the others' turn. */
KTEST(loop_runs_work_of_work_in_the_same_turn_but_not_for_ever)
{
	struct named_work a = { .work.run = named_run, .name = 'a' };
	struct named_work b = { .work.run = named_run, .name = 'b' };

	forget();
	a.posts = &a.work;
	work_post(&a.work);
	work_post(&b.work);
	loop_turn();
	expect_str(t, ran, "abaa");
	loop_turn();
	expect_str(t, ran, "abaaaaa");
	expect(t, work_cancel(&a.work));
	loop_turn();
	expect_str(t, ran, "abaaaaa");
}

KTEST(loop_takes_work_back)
{
	struct named_work a = { .work.run = named_run, .name = 'a' };
	struct named_work b = { .work.run = named_run, .name = 'b' };
	struct named_work c = { .work.run = named_run, .name = 'c' };

	forget();
	expect(t, !work_cancel(&a.work));
	work_post(&a.work);
	work_post(&b.work);
	expect(t, work_cancel(&b.work));
	work_post(&c.work);
	expect(t, work_cancel(&a.work));
	work_post(&a.work);
	loop_turn();
	expect_str(t, ran, "ca");
	/* One that this turn was about to run, the last. */
	forget();
	a.posts = &b.work;
	a.cancels = true;
	work_post(&a.work);
	work_post(&b.work);
	loop_turn();
	expect_str(t, ran, "a");
	work_post(&c.work);
	loop_turn();
	expect_str(t, ran, "ac");
}

struct nest {
	struct work work;
	unsigned depth;
	int refused;
};

static void nest_run(struct work *w)
{
	struct nest *n = container_of(w, struct nest, work);

	n->depth++;
	work_post(w);
	n->refused = loop_until(is_never, NULL, PATIENCE / 1000);
	work_cancel(w);
	if (n->refused == -EBUSY)
		note('x');
}

KTEST(loop_nests_to_a_bounded_depth)
{
	struct nest n = { .work.run = nest_run };

	forget();
	work_post(&n.work);
	loop_turn();
	expect_eq(t, n.depth, LOOP_DEPTH_MAX + 1);
	expect_str(t, ran, "x");
	expect(t, !n.work.pending);
}

struct named_poller {
	struct poller poller;
	char name;
	struct poller *removes;
};

static bool named_poll(struct poller *p)
{
	struct named_poller *n = container_of(p, struct named_poller, poller);

	note(n->name);
	if (n->removes)
		poller_remove(n->removes);
	return n->removes;
}

KTEST(loop_polls_each_turn_until_removed)
{
	struct named_poller a = { .poller.poll = named_poll, .name = 'a' };
	struct named_poller b = { .poller.poll = named_poll, .name = 'b' };
	struct named_poller c = { .poller.poll = named_poll, .name = 'c' };

	forget();
	poller_add(&a.poller);
	poller_add(&b.poller);
	poller_add(&c.poller);
	loop_turn();
	expect_str(t, ran, "cba");
	c.removes = &b.poller;
	expect(t, loop_turn());
	expect_str(t, ran, "cbaca");
	c.removes = &c.poller;
	loop_turn();
	loop_turn();
	expect_str(t, ran, "cbacacaa");
	poller_remove(&a.poller);
	poller_remove(&a.poller);
	forget();
	loop_turn();
	expect_str(t, ran, "");
}

static bool count_poll(struct poller *p __unused)
{
	note('p');
	return false;
}

KTEST(loop_goes_on_polling_while_it_waits)
{
	struct poller p = { .poll = count_poll };

	forget();
	poller_add(&p);
	expect_eq(t, loop_until(has_ran, (void *)3, PATIENCE), 0);
	poller_remove(&p);
}

KTEST(loop_until_ends_at_its_timeout)
{
	uint64_t began = time_now();

	expect_eq(t, loop_until(is_never, NULL, 100000), -ETIMEDOUT);
	expect(t, time_now() - began >= 100000);
	forget();
	expect_eq(t, loop_until(has_ran, (void *)0, 0), 0);
}

KTEST(time_goes_on_and_never_back)
{
	uint64_t first = time_now(), last = first;
	unsigned back = 0;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now = time_now();

		back += now < last;
		last = now;
	}
	expect_eq(t, back, 0);
	expect(t, last > first);
}

struct named_timer {
	struct timer timer;
	char name;
	uint64_t at;
	uint64_t last;		/* when the one that expired before was due */
};

static uint64_t last_due;

static void named_expired(struct timer *timer)
{
	struct named_timer *n = container_of(timer, struct named_timer, timer);

	note(n->name);
	n->at = time_now();
	n->last = last_due;
	last_due = timer->due;
}

KTEST(timers_expire_in_the_order_due)
{
	struct named_timer a = { .timer.expired = named_expired, .name = 'a' };
	struct named_timer b = { .timer.expired = named_expired, .name = 'b' };
	struct named_timer c = { .timer.expired = named_expired, .name = 'c' };

	forget();
	last_due = 0;
	timer_start(&a.timer, 300000);
	timer_start(&b.timer, 100000);
	timer_start(&c.timer, 200000);
	expect(t, a.timer.running);
	expect_eq(t, loop_until(has_ran, (void *)3, PATIENCE), 0);
	expect_eq(t, ran_count, 3);
	expect(t, a.at >= a.timer.due && a.timer.due >= a.last);
	expect(t, b.at >= b.timer.due && b.timer.due >= b.last);
	expect(t, c.at >= c.timer.due && c.timer.due >= c.last);
	expect(t, !a.timer.running && !timer_cancel(&a.timer));
}

KTEST(timers_are_cancelled_and_started_anew)
{
	struct named_timer a = { .timer.expired = named_expired, .name = 'a' };
	struct named_timer b = { .timer.expired = named_expired, .name = 'b' };

	forget();
	timer_start(&a.timer, 1);
	expect(t, timer_cancel(&a.timer));
	timer_start(&a.timer, UINT64_MAX);
	timer_start(&a.timer, 0);
	timer_start(&b.timer, 50000);
	timer_start(&b.timer, UINT64_MAX);
	expect_eq(t, loop_until(has_ran, (void *)1, PATIENCE), 0);
	expect_eq(t, loop_until(is_never, NULL, 200000), -ETIMEDOUT);
	expect_str(t, ran, "a");
	expect(t, timer_cancel(&b.timer));
}

static void restart_expired(struct timer *timer)
{
	note('r');
	timer_start(timer, 0);
}

KTEST(timers_that_restart_at_once_let_the_loop_go_on)
{
	struct timer timer = { .expired = restart_expired };

	forget();
	timer_start(&timer, 0);
	/* Those of devices may run, too. */
	for (unsigned i = 0; i < TRIES && ran_count < 3; i++) {
		unsigned before = ran_count;

		timers_run(time_now());
		expect(t, ran_count - before <= 1);
	}
	expect_str(t, ran, "rrr");
	expect(t, timer_cancel(&timer));
}

struct ticker {
	struct timer timer;
	uint64_t count, drift;
	uint64_t first, period;
};

static void ticker_expired(struct timer *timer)
{
	struct ticker *k = container_of(timer, struct ticker, timer);

	k->count++;
	k->drift |= (timer->due - k->first) % k->period;
}

static bool has_ticked(void *context)
{
	return ((struct ticker *)context)->count >= 10;
}

KTEST(timers_that_are_periodic_do_not_drift)
{
	struct ticker k = { .timer.expired = ticker_expired, .period = 50021 };

	timer_start_periodic(&k.timer, k.period);
	k.first = k.timer.due;
	expect_eq(t, loop_until(has_ticked, &k, PATIENCE), 0);
	expect_eq(t, k.drift, 0);
	expect(t, time_now() - k.first >= 9 * k.period);
	expect(t, timer_cancel(&k.timer));
}

KTEST(timers_skip_the_periods_that_were_missed)
{
	struct ticker k = { .timer.expired = ticker_expired, .period = 20000 };
	uint64_t began = time_now();

	timer_start_periodic(&k.timer, k.period);
	k.first = k.timer.due;
	for (unsigned i = 0; i < TRIES && time_now() - began < 10 * k.period; i++)
		;
	timers_run(time_now());
	expect_eq(t, k.count, 1);
	expect(t, k.timer.due > began + 10 * k.period);
	expect(t, timer_cancel(&k.timer));
}

KTEST(loop_halts_while_there_is_nothing_to_do)
{
	uint64_t before = loop_stats().halts;

	if (!event_timer_current()) {
		ktest_skip(t, "no event timer");
		return;
	}
	expect_eq(t, loop_until(is_never, NULL, 3 * NS_PER_MS), -ETIMEDOUT);
	expect(t, loop_stats().halts > before);
}

/*
 * Lost wake-ups: the event timer's handler posts work, or sets a flag that
 * loop_until() looks at, at random moments of the loop. Between that and the
 * answer the loop must not halt; another interrupt may come.
 */
static struct {
	struct work work;
	bool by_flag, flag;
	uint64_t halts;		/* when it was posted or set */
	unsigned interrupts, again, answers, lost;
} hammer;

static void hammer_answer(void)
{
	hammer.answers++;
	hammer.lost += loop_stats().halts != hammer.halts;
}

static void hammer_run(struct work *w __unused)
{
	hammer_answer();
}

static bool hammer_interrupt(struct irq *irq)
{
	hammer.interrupts++;
	if (hammer.work.pending || hammer.flag) {
		hammer.again++;
	} else {
		hammer.halts = loop_stats().halts;
		hammer.flag = hammer.by_flag;
		if (!hammer.by_flag)
			work_post(&hammer.work);
	}
	return event_timer_interrupt(irq);
}

static bool hammer_done(void *context)
{
	if (hammer.flag) {
		hammer.flag = false;
		hammer_answer();
	}
	return hammer.answers != *(unsigned *)context;
}

/* Returns whether it was answered in time, which not every machine is fast enough for. */
static bool hammer_once(struct ktest_run *t)
{
	uint64_t spins = ktest_random_below(t, BIT(ktest_random_below(t, 12)));
	unsigned before = hammer.answers;

	hammer.by_flag = ktest_random_below(t, 2);
	timers_arm(time_now() + ktest_random_below(t, 20000));
	for (uint64_t i = 0; i < spins; i++)
		cpu_pause();
	return !loop_until(hammer_done, &before, 10000 + ktest_random_below(t, 50000));
}

KTEST(loop_loses_no_wake_up)
{
	enum { TIMES = 3000 };
	struct event_timer *e = event_timer_current();
	bool (*handle)(struct irq *irq);
	unsigned in_time = 0;

	if (!e) {
		ktest_skip(t, "no event timer");
		return;
	}
	handle = e->irq.handle;
	hammer.work.run = hammer_run;
	hammer.interrupts = hammer.again = hammer.answers = hammer.lost = 0;
	e->irq.handle = hammer_interrupt;
	for (unsigned i = 0; i < TIMES; i++)
		in_time += hammer_once(t);
	e->irq.handle = handle;
	expect_eq(t, hammer.lost, 0);
	expect_eq(t, hammer.answers + hammer.again, hammer.interrupts);
	expect(t, hammer.interrupts > 0);
	print("# %u interrupts, %u of %u in time\n", hammer.interrupts, in_time, TIMES);
}
