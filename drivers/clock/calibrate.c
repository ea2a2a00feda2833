// SPDX-License-Identifier: MIT
#include "drivers/clock/calibrate.h"

#include "kernel/lib/scale.h"
#include "kernel/time.h"
#include "kernel/timeline.h"

enum {
	MILLION = 1000 * 1000,
	CRYSTALS_PPM = 500,	/* by which honest clocks may differ */
};

/* The clock's ticks between the samples. */
static uint64_t counted(const struct clock_sample *first, const struct clock_sample *last,
			struct clock_reference by, uint64_t hint)
{
	uint64_t mask = GENMASK(by.bits - 1, 0);
	uint64_t low = (last->count - first->count) & mask;
	uint64_t half = mask / 2 + 1;
	uint64_t ns, expected;

	if (!hint || by.bits >= 48)
		return low;
	ns = scale(last->tsc - first->tsc, scale_make(NS_PER_S, hint));
	expected = scale(ns, scale_make(by.hz, NS_PER_S));
	/* Of all that have these low bits the one nearest to what is expected. */
	if (expected + half < low)
		return low;
	return low + ((expected + half - low) & ~mask);
}

const char *calibrate(const struct clock_sample *first, const struct clock_sample *last,
		      struct clock_reference by, uint64_t hint, struct calibration *out)
{
	uint64_t passed = last->tsc - first->tsc;
	uint64_t open = first->spread + last->spread;
	uint64_t count, ns, tick;

	if ((int64_t)passed <= 0)
		return "the time-stamp counter did not go on";
	count = counted(first, last, by, hint);
	if (count == 0)
		return "it does not count";
	ns = scale(count, scale_make(NS_PER_S, by.hz));
	if (ns == 0 || passed / ns > TIMELINE_HZ_MAX / NS_PER_S)
		return "by it the time-stamp counter is above 100 GHz";
	out->hz = scale(NS_PER_S, scale_make(passed, ns));
	if (out->hz < TIMELINE_HZ_MIN)
		return "by it the time-stamp counter is below 1 MHz";
	tick = passed / count + 1;
	open = min(open, passed) + min(tick, passed);
	out->error_ppm = (uint32_t)scale(MILLION, scale_make(open, passed));
	return NULL;
}

bool calibration_spans(const struct clock_sample *first, uint64_t now, struct clock_reference by,
		       const struct calibration *believed)
{
	uint64_t ns = scale(now - first->tsc, scale_make(NS_PER_S, believed->hz));
	uint64_t count = scale(ns, scale_make(by.hz, NS_PER_S));
	uint64_t ppm = min((uint64_t)believed->error_ppm + CRYSTALS_PPM, (uint64_t)MILLION);

	return scale(count, scale_make(ppm, MILLION)) < BIT(by.bits) / 4;
}

int64_t deviation_ppm(uint64_t hz, uint64_t than)
{
	bool above = hz >= than;
	uint64_t apart = above ? hz - than : than - hz;
	uint64_t ppm = apart / than >= MILLION ? (uint64_t)MILLION * MILLION
		     : apart / than * MILLION + apart % than * MILLION / than;

	return above ? (int64_t)ppm : -(int64_t)ppm;
}

bool calibrations_agree(const struct calibration *a, const struct calibration *b)
{
	int64_t apart = deviation_ppm(a->hz, b->hz);
	int64_t allowed = (int64_t)CRYSTALS_PPM + a->error_ppm + b->error_ppm;

	return apart <= allowed && apart >= -allowed;
}

unsigned calibration_pick(const struct calibration *of, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < count; j++) {
			if (i != j && calibrations_agree(&of[i], &of[j]))
				return i;
		}
	}
	return 0;
}
