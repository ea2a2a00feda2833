/* SPDX-License-Identifier: MIT */
/* Who called whom; the processor's part is arch/x86/backtrace.c. */
#pragma once

/*
 * Prints the callers of the function whose frame is at `frame`
 * (__builtin_frame_address(0)). Any context; needs no memory.
 */
void backtrace_print(const void *frame);
