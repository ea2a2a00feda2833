/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's loop and interrupts need of a machine, for the host's
 * tests: a clock that goes on by a step each time it is read, and no interrupt
 * but those that a test raises. Compiled for the host only.
 */
#include "drivers/virtio/host_memory.h"

#include "kernel/irq.h"
#include "kernel/time.h"

enum { STEP_NS = 50 * 1000 };

static uint64_t now;

__weak uint64_t time_now(void)
{
	now += STEP_NS;
	return now;
}

void (*host_interrupt)(void);

__weak void irq_open(void)
{
	if (host_interrupt)
		host_interrupt();
}

__weak void irq_halt(void)
{
	irq_open();
}
