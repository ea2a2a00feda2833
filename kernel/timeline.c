// SPDX-License-Identifier: MIT
#include "kernel/timeline.h"

#include "kernel/lib/scale.h"
#include "kernel/time.h"

void timeline_begin(struct timeline *tl, uint64_t ns, uint64_t ticks, uint64_t hz)
{
	tl->ns = ns;
	tl->ticks = ticks;
	tl->factor = scale_make(NS_PER_S, hz);
	tl->last = max(tl->last, ns);
}

uint64_t timeline_at(struct timeline *tl, uint64_t ticks)
{
	uint64_t passed = ticks - tl->ticks;
	uint64_t ns;

	if (unlikely((int64_t)passed < 0))
		return tl->last;
	ns = tl->ns + scale(passed, tl->factor);
	if (likely(ns > tl->last))
		tl->last = ns;
	return tl->last;
}

void timeline_continue(struct timeline *tl, uint64_t ticks, uint64_t other, uint64_t hz)
{
	timeline_begin(tl, timeline_at(tl, ticks), other, hz);
}

void timeline_correct(struct timeline *tl, uint64_t ticks, uint64_t hz)
{
	timeline_begin(tl, 0, ticks, hz);
}
