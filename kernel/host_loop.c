// SPDX-License-Identifier: MIT
#include "kernel/host_loop.h"

#include "kernel/irq.h"
#include "kernel/time.h"

uint64_t host_clock_step = HOST_STEP_NS;
void (*host_interrupt)(void);

uint64_t time_now(void)
{
	static uint64_t now;

	now += host_clock_step;
	return now;
}

void irq_open(void)
{
	if (host_interrupt)
		host_interrupt();
}

void irq_pause(void)
{
	irq_open();
}

void irq_halt(void)
{
	irq_open();
}
