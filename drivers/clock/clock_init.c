// SPDX-License-Identifier: MIT
/*
 * The choice of clocks. Everything that counts is looked at once before and
 * once after a short spin: what has a known frequency measures the time-stamp
 * counter where nobody tells its frequency, and else contradicts whoever
 * tells it; the local APIC's timer is measured by the time-stamp counter. The
 * first look is kept, so that later ones, from a timer, make the result finer
 * without waiting.
 */
#include "drivers/clock/clock_init.h"

#include <asm/cpu.h>

#include "drivers/clock/calibrate.h"
#include "drivers/clock/clocks.h"
#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/scale.h"
#include "kernel/lib/string.h"
#include "kernel/time.h"
#include "kernel/wait.h"

#define LOG_SUBSYS clock
#include "kernel/log.h"

LOG_DEFINE();

enum {
	REFERENCES_MAX = 4,
	LOOKS = 5,			/* for one sample; the quickest is kept */
	MOVE_LOOKS = 1024,		/* for a clock to move */
	ABSENT_LOOKS = 8,		/* with all bits set, for one that is not there */
	MEASURE_NS = 400 * 1000,		/* the spin, to measure the time-stamp counter */
	COMPARE_NS = 100 * 1000,	/* the spin, where its frequency is told */
	SPIN_TICKS = 100 * 1000,	/* the spin, where nothing has a known frequency */
	SPIN_TICKS_MAX = 1 << 27,
	REFINEMENTS = 2,
	ID_MAX = 12,
};

/* When the result is made finer, after the first look. */
static const uint64_t refine_ns[REFINEMENTS] = { 100 * NS_PER_MS, 1600 * NS_PER_MS };

/* A clock of known frequency that the time-stamp counter is measured by. */
struct reference {
	struct clock_source *clock;
	struct clock_sample first;
};

static struct reference references[REFERENCES_MAX];
static unsigned reference_count;

static struct clock_source *tsc;
static struct calibration believed;	/* of the time-stamp counter */
static bool measured;			/* by a reference; else told */
static char measured_by[32];

static struct timer refiner;
static unsigned refined;		/* how often the timer was started */

static char wanted_clock[ID_MAX], wanted_timer[ID_MAX];

static int take_id(const char *value, char *id)
{
	if (!value || !*value || strlen(value) >= ID_MAX)
		return -EINVAL;
	format(id, ID_MAX, "%s", value);
	return 0;
}

static int parse_clock(const char *value)
{
	return take_id(value, wanted_clock);
}

static int parse_timer(const char *value)
{
	return take_id(value, wanted_timer);
}

CMDLINE_PARAM(clock, "clock", parse_clock);
CMDLINE_PARAM(timer, "timer", parse_timer);

bool clock_moves(struct clock_source *c)
{
	uint64_t mask = GENMASK(c->bits - 1, 0);
	uint64_t first = c->read(c);

	for (unsigned i = 0; i < MOVE_LOOKS; i++) {
		if (c->read(c) != first)
			return true;
		if (first == mask && i == ABSENT_LOOKS)
			return false;
	}
	return false;
}

/* What disturbs a look (an interrupt of firmware, a virtual machine's exit) makes it long. */
static struct clock_sample sample(struct clock_source *c)
{
	struct clock_sample best = { .spread = UINT64_MAX };

	for (unsigned i = 0; i < LOOKS; i++) {
		uint64_t before = cycles();
		uint64_t count = c->read(c);
		uint64_t spread = cycles() - before;

		if (spread < best.spread)
			best = (struct clock_sample){ before + spread / 2, count, spread };
	}
	return best;
}

static struct clock_reference reference_of(const struct clock_source *c)
{
	return (struct clock_reference){ c->hz, c->bits };
}

static void find_clocks(void)
{
	tsc = tsc_init();
	if (IS_ENABLED(CONFIG_CLOCK_KVMCLOCK))
		kvmclock_init();
	if (IS_ENABLED(CONFIG_CLOCK_HPET))
		hpet_init();
	if (IS_ENABLED(CONFIG_CLOCK_PM_TIMER))
		pmtimer_init();
	if (IS_ENABLED(CONFIG_CLOCK_PIT))
		pit_init();
	lapic_timer_init();
}

/* All but those that are the time-stamp counter by another name. */
static void find_references(void)
{
	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		if (c->problem || c->bits == 64 || reference_count == REFERENCES_MAX)
			continue;
		references[reference_count++].clock = c;
	}
}

/* Until the first reference has counted `ns`, or the time-stamp counter so many ticks. */
static void spin(uint64_t ns)
{
	struct clock_source *c = references[0].clock;
	uint64_t began = cycles();
	uint64_t enough = c ? scale(ns, scale_make(c->hz, NS_PER_S)) + 1 : 0;
	struct wait w;

	wait_begin(&w, c ? SPIN_TICKS_MAX : SPIN_TICKS);
	if (c) {
		while (((c->read(c) - references[0].first.count) & GENMASK(c->bits - 1, 0)) <
		       enough && wait_turn(&w))
			;
	} else {
		while (cycles() - began < SPIN_TICKS && wait_turn(&w))
			;
	}
	wait_end(&w);
}

/* What a clock says of the time-stamp counter, beside what is believed of it. */
static void compare(struct clock_source *c, const struct calibration *said)
{
	c->compared = true;
	c->deviation = deviation_ppm(believed.hz, said->hz);
	if (!calibrations_agree(said, &believed))
		log_warn("%s disagrees with %s by %lld ppm", c->name, tsc->from,
			 (long long)c->deviation);
}

/*
 * Takes the last look at a reference. False if it is of no use. One that may
 * have wrapped too often for anybody to know how often begins anew.
 */
static bool look(struct reference *r, struct clock_sample *last)
{
	if (r->clock->problem)
		return false;
	*last = sample(r->clock);
	if (!refined || calibration_spans(&r->first, last->tsc, reference_of(r->clock), &believed))
		return true;
	r->first = *last;
	return false;
}

/*
 * Has each reference measure. What it says goes to `said`, who it is to `who`;
 * one that says what cannot be is not used any more.
 */
static unsigned ask(uint64_t hint, struct calibration *said, struct clock_source **who)
{
	unsigned count = 0;

	for (unsigned i = 0; i < reference_count; i++) {
		struct reference *r = &references[i];
		struct clock_sample last;

		if (!look(r, &last))
			continue;
		r->clock->problem = calibrate(&r->first, &last, reference_of(r->clock), hint,
					      &said[count]);
		if (r->clock->problem)
			log_warn("%s is not used: %s", r->clock->name, r->clock->problem);
		else
			who[count++] = r->clock;
	}
	return count;
}

static void believe_reference(const struct calibration *said, struct clock_source **who,
			      unsigned count)
{
	unsigned winner = calibration_pick(said, count);

	for (unsigned i = 0; i < count; i++)
		who[i]->believed = i == winner;
	believed = said[winner];
	measured = true;
	format(measured_by, sizeof(measured_by), "measured by %s", who[winner]->name);
	clock_source_set_hz(tsc, believed.hz, measured_by);
}

static void believe_kvmclock(void)
{
	uint64_t hz = IS_ENABLED(CONFIG_CLOCK_KVMCLOCK) ? kvmclock_tsc_hz() : 0;

	if (hz && !tsc_is_told_exactly())
		clock_source_set_hz(tsc, hz, "kvmclock");
}

/* The local APIC's timer beside the time-stamp counter. */
static void set_lapic_timer(const struct clock_sample *first, const struct clock_sample *last)
{
	uint64_t pace = tsc->hz ? tsc->hz : TICKS_ASSUMED_HZ;
	uint64_t counted = (uint32_t)(last->count - first->count);
	uint64_t ticks = last->tsc - first->tsc;

	lapic_timer_set_hz(ticks ? scale(pace, scale_make(counted, ticks)) : 0);
}

static void measure(void)
{
	struct calibration said[REFERENCES_MAX];
	struct clock_source *who[REFERENCES_MAX], *lapic;
	struct clock_sample lapic_first, lapic_last;
	unsigned count;

	find_references();
	for (unsigned i = 0; i < reference_count; i++)
		references[i].first = sample(references[i].clock);
	lapic = lapic_timer_measure_begin();
	if (lapic)
		lapic_first = sample(lapic);
	if (lapic || !tsc->hz)
		spin(tsc->hz ? COMPARE_NS : MEASURE_NS);
	if (lapic) {
		lapic_last = sample(lapic);
		lapic_timer_measure_end();
	}

	count = ask(0, said, who);
	if (tsc->hz)
		believed.hz = tsc->hz;
	else if (count)
		believe_reference(said, who, count);
	for (unsigned i = 0; i < count; i++)
		compare(who[i], &said[i]);
	if (lapic)
		set_lapic_timer(&lapic_first, &lapic_last);
}

static struct clock_source *best_source(const char *only)
{
	struct clock_source *best = NULL;
	unsigned rating = 0;

	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		unsigned its = c->hz ? c->rating : min(c->rating, 1u);

		if (c->problem || its <= rating || (*only && strcmp(c->id, only) != 0))
			continue;
		best = c;
		rating = its;
	}
	return best;
}

static void choose(void)
{
	struct clock_source *c = best_source(wanted_clock);
	struct wait w;

	if (!c) {
		log_warn("clock=%s: no such clock here", wanted_clock);
		c = best_source("");
	}
	if (c)
		clock_source_use(c);
	wait_begin(&w, 0);
	event_timer_choose(*wanted_timer ? wanted_timer : NULL);
	wait_end(&w);
	if (*wanted_timer && !event_timer_current())
		log_warn("timer=%s: no such timer here", wanted_timer);
}

static void refine_next(void)
{
	if (refined < REFINEMENTS && reference_count && believed.hz)
		timer_start(&refiner, refine_ns[refined++]);
}

/* Looks at the references again, and takes what they say if it is likely. */
static void refine(struct timer *t __unused)
{
	struct calibration said[REFERENCES_MAX];
	struct clock_source *who[REFERENCES_MAX];
	unsigned count = ask(believed.hz, said, who);
	unsigned winner = count ? calibration_pick(said, count) : 0;

	if (count && measured && calibrations_agree(&said[winner], &believed))
		believe_reference(said, who, count);
	for (unsigned i = 0; i < count; i++)
		compare(who[i], &said[i]);
	refine_next();
}

void clock_init(void)
{
	find_clocks();
	believe_kvmclock();
	measure();
	choose();
	refiner.expired = refine;
	refine_next();
}
