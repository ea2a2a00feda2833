// SPDX-License-Identifier: MIT
/*
 * The clock: which counter is read, and its timeline. Before any source is
 * registered it is the time-stamp counter at an assumed frequency.
 */
#include "kernel/time.h"

#include <asm/cpu.h>

#include "arch/x86/boot/boot.h"
#include "kernel/clock.h"
#include "kernel/timeline.h"

static struct clock_source *sources, **sources_end = &sources;
static struct clock_source *current;	/* NULL: the time-stamp counter, as at entry */
static struct clock_source *tsc;
static struct timeline timeline;
static uint64_t ticks;			/* of `current`, made 64 bits */

/* Reads a counter that wraps often enough not to miss a turn. */
static struct timer keeper;

static uint64_t ticks_now(void)
{
	if (unlikely(!current)) {
		if (timeline.factor == 0)
			timeline_begin(&timeline, 0, boot_handover()->tsc, TICKS_ASSUMED_HZ);
		return cycles();
	}
	ticks = timeline_extend(ticks, current->read(current), current->bits);
	return ticks;
}

uint64_t time_now(void)
{
	uint64_t now = ticks_now();

	return timeline_at(&timeline, now);
}

bool time_is_known(void)
{
	return current && current->hz;
}

uint64_t time_tsc_hz(void)
{
	return tsc ? tsc->hz : 0;
}

void clock_source_register(struct clock_source *c)
{
	*sources_end = c;
	sources_end = &c->next;
}

struct clock_source *clock_source_first(void)
{
	return sources;
}

struct clock_source *clock_source_current(void)
{
	return current;
}

static void keep(struct timer *t __unused)
{
	time_now();
}

static uint64_t pace(const struct clock_source *c)
{
	return c->hz ? c->hz : TICKS_ASSUMED_HZ;
}

static void keeper_start(const struct clock_source *c)
{
	uint64_t turns_per_256s;

	timer_cancel(&keeper);
	if (c->bits >= 64)
		return;
	turns_per_256s = (pace(c) << 8 >> c->bits) + 1;
	keeper.expired = keep;
	timer_start_periodic(&keeper, (NS_PER_S << 8) / turns_per_256s / 4);
}

void clock_source_use(struct clock_source *c)
{
	uint64_t first = c->read(c) & GENMASK(c->bits - 1, 0);

	if (!current && tsc)
		timeline_correct(&timeline, boot_handover()->tsc, pace(tsc));
	timeline_continue(&timeline, ticks_now(), first, pace(c));
	current = c;
	ticks = first;
	keeper_start(c);
}

void clock_source_set_hz(struct clock_source *c, uint64_t hz, const char *from)
{
	c->hz = hz;
	c->from = from;
	if (c == current) {
		uint64_t now = ticks_now();

		timeline_continue(&timeline, now, now, hz);
	}
}

void clock_source_is_tsc(struct clock_source *c)
{
	tsc = c;
}
