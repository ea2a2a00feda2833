/* SPDX-License-Identifier: MIT */
/* Bus addresses for devices. */
#pragma once

#include "kernel/lib/types.h"

/*
 * The only way to a bus address. Accepts memory of the direct map and of the
 * kernel's data and bss, wholly; refuses everything else (stacks, ioremap,
 * text, rodata, null, what wraps). Any context.
 * Returns 0, -EINVAL (len is 0), -EFAULT.
 */
int __must_check dma_addr(const void *ptr, size_t len, paddr_t *out);
