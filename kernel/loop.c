// SPDX-License-Identifier: MIT
/*
 * Why no wake-up is lost: handlers run in irq_open() and irq_halt() only, with
 * interrupts shut everywhere else. A turn opens first and runs what was posted
 * after; idle() then looks at the posted work once more, still shut. Whatever
 * becomes pending from there on stays pending in the controller, until
 * irq_halt() opens and halts in one step (sti takes effect after the
 * instruction that follows it, SDM 2B "STI"): it ends the halt.
 */
#include "kernel/loop.h"

#include <asm/cpu.h>

#include "kernel/irq.h"
#include "kernel/lib/errno.h"
#include "kernel/time.h"

enum {
	STALL_NS = 10 * 1000 * 1000,	/* nobody turned for so long: the machine stood still */
	WORK_ROUNDS = 3,		/* of posted work in a turn */
	STALLS_MAX = 8,			/* that one wait forgives */
	STILL_MAX = 1 << 22,		/* turns in which the clock may show the same */
};

/* A queue of work. */
struct works {
	struct work *first;
	struct work **end;
};

static struct works posted = { .end = &posted.first };	/* for the next turn */
static struct works current = { .end = &current.first };	/* of this turn */

/* Where a turn is in the list of pollers; turns nest. */
struct poll_walk {
	struct poller *next;
	struct poll_walk *outer;
};

static struct poller *pollers;
static struct poll_walk *walks;

static unsigned depth;			/* of loop_until() */
static uint64_t turned;			/* time_now() in the last turn, which reads it once */
static struct loop_stats stats;

void work_post(struct work *w)
{
	if (w->pending)
		return;
	w->pending = true;
	w->next = NULL;
	*posted.end = w;
	posted.end = &w->next;
}

static bool works_remove(struct works *q, struct work *w)
{
	for (struct work **at = &q->first; *at; at = &(*at)->next) {
		if (*at != w)
			continue;
		*at = w->next;
		if (q->end == &w->next)
			q->end = at;
		w->pending = false;
		return true;
	}
	return false;
}

bool work_cancel(struct work *w)
{
	return w->pending && (works_remove(&current, w) || works_remove(&posted, w));
}

static struct work *works_take(struct works *q)
{
	struct work *w = q->first;

	if (w) {
		q->first = w->next;
		if (!q->first)
			q->end = &q->first;
		w->pending = false;
	}
	return w;
}

/* What was posted up to now. */
static void run_posted(void)
{
	struct work *w;

	*current.end = posted.first;
	current.end = posted.end;
	posted = (struct works){ .end = &posted.first };
	while ((w = works_take(&current))) {
		stats.works++;
		w->run(w);
	}
}

/*
 * What is posted meanwhile has its turn in this one too, but not for ever: an
 * interrupt leads to what a device gave back, that to a done(), that to a
 * submission, and that to a doorbell; so they cost one turn.
 */
static bool run_work(void)
{
	uint64_t before = stats.works;

	for (unsigned i = 0; i < WORK_ROUNDS && posted.first; i++)
		run_posted();
	return stats.works != before;
}

void poller_add(struct poller *p)
{
	p->next = pollers;
	pollers = p;
}

void poller_remove(struct poller *p)
{
	for (struct poll_walk *w = walks; w; w = w->outer) {
		if (w->next == p)
			w->next = p->next;
	}
	for (struct poller **at = &pollers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			return;
		}
	}
}

static bool run_pollers(void)
{
	struct poll_walk walk = { pollers, walks };
	bool any = false;

	walks = &walk;
	while (walk.next) {
		struct poller *p = walk.next;

		walk.next = p->next;
		stats.polls++;
		any |= p->poll(p);
	}
	walks = walk.outer;
	return any;
}

bool loop_turn(void)
{
	unsigned expired;
	bool any;

	stats.turns++;
	irq_open();
	any = run_work();
	turned = time_now();
	expired = timers_run(turned);
	stats.timers += expired;
	any |= expired > 0;
	if (pollers)
		any |= run_pollers();
	return any;
}

/*
 * Halts, until `due` at the latest, if something can end the halt; else
 * pauses. Returns the time that it meant to halt until.
 */
static uint64_t idle(uint64_t due)
{
	uint64_t began;

	due = min(due, timers_next());

	if (posted.first)
		return 0;
	if (pollers)
		due = min(due, time_now() + LOOP_POLL_NS);
	if (irq_ready() && (due == UINT64_MAX || timers_arm(due))) {
		began = cycles();
		stats.halts++;
		irq_halt();
		stats.halted += max(irq_taken(), began) - began;
		return due;
	}
	irq_pause();
	return 0;
}

void loop_wait(void)
{
	if (!loop_turn())
		idle(UINT64_MAX);
}

/* The end of a loop_until(). */
struct deadline {
	uint64_t at;		/* time_now() */
	uint64_t seen;		/* when it was looked at last, or meant to be */
	unsigned stalls, still;
};

/* False once it is over, as of the last turn. `meant`: what idle() before it returned. */
static bool deadline_goes_on(struct deadline *d, uint64_t meant)
{
	uint64_t now = turned;
	uint64_t expected = max(meant, d->seen);

	if (now == d->seen)
		return ++d->still < STILL_MAX;
	d->still = 0;
	if (now > expected && now - expected > STALL_NS && d->stalls < STALLS_MAX) {
		d->stalls++;
		d->at += now - expected;
	}
	d->seen = now;
	return now < d->at;
}

static int run_until(bool (*done)(void *context), void *context, uint64_t timeout)
{
	struct deadline d = { .seen = time_now() };
	uint64_t meant = 0;

	d.at = timeout < UINT64_MAX - d.seen ? d.seen + timeout : UINT64_MAX;
	for (;;) {
		bool any = loop_turn();

		if (done(context))
			return 0;
		if (d.at != UINT64_MAX && !deadline_goes_on(&d, meant))
			break;
		meant = any ? 0 : idle(d.at);
	}
	loop_turn();
	return done(context) ? 0 : -ETIMEDOUT;
}

bool loop_may_wait(void)
{
	return depth < LOOP_DEPTH_MAX;
}

int loop_until(bool (*done)(void *context), void *context, uint64_t timeout)
{
	int rc;

	if (done(context))
		return 0;
	if (!loop_may_wait())
		return -EBUSY;
	depth++;
	rc = run_until(done, context, timeout);
	depth--;
	return rc;
}

struct loop_stats loop_stats(void)
{
	return stats;
}
