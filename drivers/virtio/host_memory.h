/* SPDX-License-Identifier: MIT */
/* The host's memory and machine as the tests of this directory see them. */
#pragma once

#include "kernel/lib/types.h"

extern const void *host_memory_refuse;	/* dma_addr() says -EFAULT */
extern unsigned host_memory_live;	/* blocks allocated and not freed */

/* Called where interrupts are open, to raise what is pending (irq_dispatch()). */
extern void (*host_interrupt)(void);
