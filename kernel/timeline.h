/* SPDX-License-Identifier: MIT */
/*
 * From a counter's ticks to nanoseconds that never go back: not when the
 * frequency is corrected, not when another counter takes over, not when the
 * counter itself jumps back. Knows no hardware.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	TIMELINE_HZ_MIN = 1000 * 1000,			/* of a counter that is believed */
};
#define TIMELINE_HZ_MAX	UINT64_C(100000000000)

struct timeline {
	uint64_t ticks, ns;	/* a moment: the counter then, the time then */
	uint64_t factor;	/* nanoseconds a tick (kernel/lib/scale.h) */
	uint64_t last;		/* what was told last */
};

/* Begins with `ns` at `ticks` of a counter of `hz`, TIMELINE_HZ_MIN to TIMELINE_HZ_MAX. */
void timeline_begin(struct timeline *tl, uint64_t ns, uint64_t ticks, uint64_t hz);

/* The time when the counter stands at `ticks`. */
uint64_t timeline_at(struct timeline *tl, uint64_t ticks);

/*
 * From now on, `ticks` of the counter that it had, time goes on by a counter
 * that stands at `other` and has `hz`. No step: only the pace changes.
 */
void timeline_continue(struct timeline *tl, uint64_t ticks, uint64_t other, uint64_t hz);

/*
 * The whole of the time so far was counted with a wrong frequency: as if it
 * had been `hz` from `ticks` = 0 ns on. Where that makes it earlier than what
 * was told, time stands still until it is later.
 */
void timeline_correct(struct timeline *tl, uint64_t ticks, uint64_t hz);

/*
 * A counter of `bits` bits that wraps, made one of 64: `before` is what it was
 * at the last reading, less than one turn ago.
 */
static inline uint64_t timeline_extend(uint64_t before, uint64_t raw, unsigned bits)
{
	return before + ((raw - before) & GENMASK(bits - 1, 0));
}
