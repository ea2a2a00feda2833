// SPDX-License-Identifier: MIT
#include "kernel/wait.h"

#include <asm/cpu.h>

#include "kernel/lib/scale.h"
#include "kernel/time.h"

/* Turns after which a wait ends even if the counter does not move. */
#define TURNS_MAX	(UINT64_C(1) << 31)

/* A turn that takes longer than this says that we stood still. */
#define TICKS_A_TURN	8192

/* As good a guess as any, and WAIT_DEVICE for WAIT_DEVICE_NS. */
#define HZ_UNKNOWN	UINT64_C(2000000000)

static uint64_t total;

static void begin(struct wait *w, uint64_t ticks)
{
	w->began = cycles();
	w->ticks = ticks;
	w->turns = 0;
}

void wait_begin_ns(struct wait *w, uint64_t ns)
{
	uint64_t hz = time_tsc_hz();

	begin(w, scale(ns, scale_make(hz ? hz : HZ_UNKNOWN, NS_PER_S)));
}

void wait_begin(struct wait *w, uint64_t ticks)
{
	if (ticks == WAIT_DEVICE && time_tsc_hz())
		wait_begin_ns(w, WAIT_DEVICE_NS);
	else
		begin(w, ticks);
}

bool wait_turn(struct wait *w)
{
	cpu_pause();
	if (++w->turns >= TURNS_MAX)
		return false;
	return w->turns < w->ticks / TICKS_A_TURN || cycles() - w->began < w->ticks;
}

void wait_end(struct wait *w)
{
	total += cycles() - w->began;
}

uint64_t wait_total(void)
{
	return total;
}
