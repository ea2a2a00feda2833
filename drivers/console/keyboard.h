/* SPDX-License-Identifier: MIT */
/*
 * From scan codes to the bytes that a terminal would send: scan code set 1, as
 * the keyboard controller translates it (IBM PS/2 technical reference,
 * Keyboard; 8042), us layout, xterm's sequences for keys beyond the alphabet.
 *
 * Shift, Ctrl and Caps Lock have their effect; Alt has none. Num Lock is on to
 * begin with, as the lights are never set. Pure.
 */
#pragma once

#include "kernel/lib/types.h"

enum { KEYBOARD_BYTES_MAX = 8 };

/* All zero is a keyboard on which nothing is pressed. */
struct keyboard {
	bool shift_left, shift_right, ctrl_left, ctrl_right;
	bool caps;
	bool num_off;
	bool extended;		/* the byte before was E0 */
	uint8_t swallow;	/* bytes that yet belong to Pause */
};

/*
 * Takes a byte from the controller, any number whatever. Writes what a terminal
 * would send for it to out[KEYBOARD_BYTES_MAX], unterminated; returns how many
 * bytes that is, mostly 0 or 1.
 */
size_t keyboard_take(struct keyboard *k, uint8_t code, char *out);
