/* SPDX-License-Identifier: MIT */
/*
 * How fast the time-stamp counter runs, from two looks at a clock whose
 * frequency is known; and whom to believe where several clocks say different
 * things. Arithmetic only.
 */
#pragma once

#include "kernel/lib/types.h"

/* A clock's counter, read between two readings of the time-stamp counter. */
struct clock_sample {
	uint64_t tsc;		/* in the middle of them */
	uint64_t count;
	uint64_t spread;	/* ticks from one to the other: what the reading took */
};

/* The clock that is measured by. */
struct clock_reference {
	uint64_t hz;		/* of `count` */
	unsigned bits;		/* after which it wraps */
};

struct calibration {
	uint64_t hz;		/* of the time-stamp counter */
	uint32_t error_ppm;	/* what reading and the clock's resolution leave open */
};

/*
 * Measures from the first to the last sample. `hint` is about what the
 * time-stamp counter runs at, from an earlier measurement, and tells how often
 * the clock wrapped; 0: it did not. Returns NULL, or in words why the clock
 * cannot be believed (it did not move, the result is out of bounds).
 */
const char *calibrate(const struct clock_sample *first, const struct clock_sample *last,
		      struct clock_reference by, uint64_t hint, struct calibration *out);

/*
 * Whether it is certain how often the clock wrapped since `first`, at `now` of
 * a time-stamp counter that `believed` was measured of.
 */
bool calibration_spans(const struct clock_sample *first, uint64_t now, struct clock_reference by,
		       const struct calibration *believed);

/* By how many millionths `hz` is above (or below) `than`; `than` is 1 MHz to 100 GHz. */
int64_t deviation_ppm(uint64_t hz, uint64_t than);

/* Whether two measurements can be of the same counter. */
bool calibrations_agree(const struct calibration *a, const struct calibration *b);

/*
 * Whom to believe of `count` measurements in the order of trust: the first
 * that another one agrees with; where no two agree, the first. count > 0.
 */
unsigned calibration_pick(const struct calibration *of, unsigned count);
