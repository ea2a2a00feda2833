/* SPDX-License-Identifier: MIT */
/*
 * The machine under the loop on the host: a clock that goes on by a step each
 * time it is read, and no interrupt but those that a test raises.
 */
#pragma once

#include "kernel/lib/types.h"

enum { HOST_STEP_NS = 50 * 1000 };

extern uint64_t host_clock_step;	/* ns; 0: it stands still */

/* Called where interrupts are open, to raise one that is pending (irq_dispatch()); or NULL. */
extern void (*host_interrupt)(void);
