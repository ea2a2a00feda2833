// SPDX-License-Identifier: MIT
#include "kernel/wait.h"

#include <asm/cpu.h>

/* Turns after which a wait ends even if the counter does not move. */
#define TURNS_MAX	(UINT64_C(1) << 31)

/* A turn that takes longer than this says that we stood still. */
#define TICKS_A_TURN	8192

static uint64_t total;

void wait_begin(struct wait *w, uint64_t ticks)
{
	w->began = cycles();
	w->ticks = ticks;
	w->turns = 0;
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
