/* SPDX-License-Identifier: MIT */
/*
 * Who called whom, on the consoles: a line for each frame, "at ADDRESS NAME+OFFSET"
 * for an instruction, "from ADDRESS NAME+OFFSET" for where a call returns to. Names
 * are there with CONFIG_SYMBOLS. scripts/decode-panic reads these lines.
 *
 * Context: anywhere, before there is a heap and on every stack; needs no memory.
 */
#pragma once

#include "kernel/lib/types.h"

struct trap_frame;

/* From where a trap came. */
void backtrace_print_at(const struct trap_frame *f);

enum { BACKTRACE_NAME_MAX = 96 };

/*
 * "NAME+0xOFFSET" of where an instruction stands (`exact`), or of where a call
 * returns to; "" if unknown.
 */
void backtrace_name(uint64_t address, bool exact, char *buf, size_t size);
