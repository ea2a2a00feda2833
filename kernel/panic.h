/* SPDX-License-Identifier: MIT */
/*
 * The end of the line: a message and a backtrace on every console that works,
 * then failure for a test run (isa-debug-exit), else a halt.
 */
#pragma once

#include "kernel/lib/types.h"

/* Prints "panic: ..." and does not return. Any context. */
void __attribute__((noreturn)) panic(const char *fmt, ...) __printf(1, 2);

/* The same, for what the kernel cannot do without: "panic: no memory for ...". */
void __attribute__((noreturn)) panic_no_memory(const char *what);

/*
 * What comes after the message instead of leaving the machine: `end` is told
 * whether it was panic_no_memory(). If it returns, the machine is left.
 */
void panic_set_end(void (*end)(bool no_memory));

/*
 * For a caller that prints the message itself: begin() makes the consoles
 * work, end() does not return. `at` is the address that the panic came from:
 * within a panic that is all that is said, and the machine is left.
 */
void panic_begin(uintptr_t at);
void __attribute__((noreturn)) panic_end(void);

/* An invariant of ours; checked where CONFIG_ASSERT is on, else not evaluated. */
#ifdef CONFIG_ASSERT
#define assert(cond) do { \
	if (!(cond)) \
		panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
} while (0)
#else
#define assert(cond) ((void)sizeof((cond) ? 1 : 0))
#endif
