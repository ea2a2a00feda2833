/* SPDX-License-Identifier: MIT */
/* The host's memory as the tests of this directory see it. */
#pragma once

#include "kernel/lib/types.h"

extern const void *host_memory_refuse;	/* dma_addr() says -EFAULT */
extern uintptr_t host_memory_bias;	/* an address less this is its bus address; 0 */
extern unsigned host_memory_live;	/* blocks allocated and not freed */
