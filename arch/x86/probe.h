/* SPDX-License-Identifier: MIT */
/* Accesses of any width that may fault, as registers of devices want them. */
#pragma once

#include "kernel/lib/types.h"

/*
 * Reads or writes `width` bytes (1, 2, 4 or 8) at `addr` in one access.
 * Returns 0; -EFAULT if it faulted (exception_last_fault() tells how), and
 * nothing was read or written; -EINVAL for another width.
 */
int __must_check probe_load(uintptr_t addr, unsigned width, uint64_t *out);
int __must_check probe_store(uintptr_t addr, unsigned width, uint64_t value);
