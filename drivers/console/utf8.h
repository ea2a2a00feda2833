/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629), a byte at a time, whatever the bytes are. */
#pragma once

#include "kernel/lib/types.h"

enum { UTF8_REPLACEMENT = 0xfffd };

/* A decoder; zeroed, it is at the beginning. */
struct utf8 {
	uint32_t code;
	uint8_t left;			/* bytes that the sequence still wants */
	uint8_t low, high;		/* what the next of them may be */
};

/*
 * Takes a byte and returns how many characters it completes: 0, 1 or, where it
 * breaks off a sequence and is one itself, 2. What is no UTF-8 (an overlong
 * form, a surrogate, a value above 0x10ffff, a stray or missing byte) comes as
 * one UTF8_REPLACEMENT for the longest part that could have begun a character.
 */
unsigned utf8_take(struct utf8 *u, uint8_t byte, uint32_t codes[static 2]);
