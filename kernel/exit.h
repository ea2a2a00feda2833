/* SPDX-License-Identifier: MIT */
/* Leaving the machine. */
#pragma once

#include "kernel/lib/types.h"

/*
 * Ends a run with a verdict: through QEMU's isa-debug-exit device where
 * CONFIG_DEBUG_EXIT is on (0x10 passed: QEMU's exit code 33; 0x11 failed: 35).
 * Where there is no such device the processor halts.
 */
void __attribute__((noreturn)) machine_exit(bool passed);

/*
 * Resets the machine as its button does: memory keeps what no firmware or
 * loader writes. What the consoles have not sent yet may be lost.
 */
void __attribute__((noreturn)) machine_restart(void);

/*
 * Has the keyboard controller pull the processor's reset line, as PCs do since
 * the first of them. False where no such controller answers; else the reset
 * may take its time, or never come.
 */
bool machine_restart_by_keyboard(void);
