/* SPDX-License-Identifier: MIT */
/*
 * Formatted output: the subset of printf that a kernel needs.
 *
 * %d %i %u %x %X %c %s %p %%, the flags - 0 # +, width and precision (also *),
 * and the lengths hh h l ll z t j. No floating point, no %n. An unknown
 * conversion is printed as it stands, so a mistake is seen, not hidden.
 */
#pragma once

#include "kernel/lib/types.h"

/*
 * Writes at most `size` bytes, terminator included (none if size is 0).
 * Returns the length that the whole text would have had.
 */
int format_va(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int format(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
