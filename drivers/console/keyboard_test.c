// SPDX-License-Identifier: MIT
/* Every key of a us keyboard, and bytes that no keyboard sends. */
#include "drivers/console/keyboard.h"

#include <string.h>

#include "kernel/ktest.h"

enum { UP = 0x80, SHIFT = 0x2a, SHIFT_RIGHT = 0x36, CTRL = 0x1d, CAPS = 0x3a, NUM = 0x45 };

static char got[256];

/* What these codes give, in order; as text in `got`. */
static const char *typed(struct keyboard *k, const char *codes, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += keyboard_take(k, (uint8_t)codes[i], got + len);
	got[len] = '\0';
	return got;
}

#define TYPED(k, codes) typed((k), codes, sizeof(codes) - 1)

/* A press and a release. */
static const char *key(struct keyboard *k, uint8_t code)
{
	const char codes[] = { (char)code, (char)(code | UP) };

	return typed(k, codes, 2);
}

KTEST(keyboard_has_every_character_of_the_us_layout)
{
	static const char rows[] =
		"\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x29"
		"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x2b"
		"\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28"
		"\x2c\x2d\x2e\x2f\x30\x31\x32\x33\x34\x35\x39";
	struct keyboard k = { 0 };

	expect_str(t, typed(&k, rows, strlen(rows)),
		   "1234567890-=`qwertyuiop[]\\asdfghjkl;'zxcvbnm,./ ");
	keyboard_take(&k, SHIFT, got);
	expect_str(t, typed(&k, rows, strlen(rows)),
		   "!@#$%^&*()_+~QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>? ");
	keyboard_take(&k, SHIFT | UP, got);
	key(&k, CAPS);
	expect_str(t, typed(&k, rows, strlen(rows)),
		   "1234567890-=`QWERTYUIOP[]\\ASDFGHJKL;'ZXCVBNM,./ ");
	keyboard_take(&k, SHIFT_RIGHT, got);
	expect_str(t, typed(&k, rows, strlen(rows)),
		   "!@#$%^&*()_+~qwertyuiop{}|asdfghjkl:\"zxcvbnm<>? ");
}

KTEST(keyboard_keys_beyond_the_alphabet_send_what_a_terminal_does)
{
	static const struct {
		const char *codes, *want;
	} cases[] = {
		{ "\x01", "\x1b" }, { "\x0e", "\x7f" }, { "\x0f", "\t" }, { "\x1c", "\r" },
		{ "\x56", "<" }, { "\x37", "*" }, { "\x4a", "-" }, { "\x4e", "+" },
		{ "\xe0\x48", "\x1b[A" }, { "\xe0\x50", "\x1b[B" }, { "\xe0\x4d", "\x1b[C" },
		{ "\xe0\x4b", "\x1b[D" }, { "\xe0\x47", "\x1b[H" }, { "\xe0\x4f", "\x1b[F" },
		{ "\xe0\x49", "\x1b[5~" }, { "\xe0\x51", "\x1b[6~" }, { "\xe0\x52", "\x1b[2~" },
		{ "\xe0\x53", "\x1b[3~" }, { "\xe0\x1c", "\r" }, { "\xe0\x35", "/" },
		{ "\x3b", "\x1bOP" }, { "\x3e", "\x1bOS" }, { "\x3f", "\x1b[15~" },
		{ "\x44", "\x1b[21~" }, { "\x57", "\x1b[23~" }, { "\x58", "\x1b[24~" },
		/* What has no byte: Alt, Windows keys, Menu, Scroll Lock, SysRq, keys of no PC. */
		{ "\x38\xe0\x38\xe0\x5b\xe0\x5c\xe0\x5d\x46\x54\x59\x7f", "" },
	};
	struct keyboard k = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_str(t, typed(&k, cases[i].codes, strlen(cases[i].codes)), cases[i].want);
}

KTEST(keyboard_ctrl_makes_control_characters)
{
	struct keyboard k = { 0 };
	unsigned wrong = 0;

	keyboard_take(&k, CTRL, got);
	expect_str(t, key(&k, 0x2e), "\x03");
	expect_str(t, key(&k, 0x1e), "\x01");
	expect_str(t, key(&k, 0x1a), "\x1b");
	expect_str(t, key(&k, 0x2b), "\x1c");
	expect_str(t, key(&k, 0x07), "\x1e");
	expect_str(t, key(&k, 0x35), "\x1f");
	expect_str(t, key(&k, 0x0b), "0");
	expect_eq(t, keyboard_take(&k, 0x39, got), 1);
	expect_eq(t, got[0], 0);
	keyboard_take(&k, CTRL | UP, got);
	expect_str(t, key(&k, 0x2e), "c");
	expect_str(t, TYPED(&k, "\xe0\x1d\x2e\xe0\x9d\x2e"), "\x03" "c");
	/* Each letter, with Shift as without. */
	keyboard_take(&k, CTRL, got);
	for (uint8_t code = 0x10; code <= 0x32; code++) {
		char before;

		if (keyboard_take(&k, code, got) != 1 || got[0] < 1 || got[0] > 26)
			continue;
		before = got[0];
		keyboard_take(&k, SHIFT, got);
		keyboard_take(&k, code, got);
		wrong += got[0] != before;
		keyboard_take(&k, SHIFT | UP, got);
	}
	expect_eq(t, wrong, 0);
}

KTEST(keyboard_numeric_pad_has_digits_or_arrows)
{
	static const char pad[] = "\x47\x48\x49\x4a\x4b\x4c\x4d\x4e\x4f\x50\x51\x52\x53";
	static const char arrows[] =
		"\x1b[H\x1b[A\x1b[5~-\x1b[D\x1b[C+\x1b[F\x1b[B\x1b[6~\x1b[2~\x1b[3~";
	struct keyboard k = { 0 };

	expect_str(t, TYPED(&k, pad), "789-456+1230.");
	keyboard_take(&k, SHIFT, got);
	expect_str(t, TYPED(&k, pad), arrows);
	keyboard_take(&k, SHIFT | UP, got);
	key(&k, NUM);
	expect_str(t, TYPED(&k, pad), arrows);
	keyboard_take(&k, SHIFT, got);
	expect_str(t, TYPED(&k, pad), "789-456+1230.");
}

KTEST(keyboard_sequences_of_several_codes_are_one_key)
{
	struct keyboard k = { 0 };

	/* Pause, which holds what looks like Ctrl and Num Lock; Print Screen; false shifts. */
	expect_str(t, TYPED(&k, "\xe1\x1d\x45\xe1\x9d\xc5" "\x47" "\x2e"), "7c");
	expect_str(t, TYPED(&k, "\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa\x1e"), "a");
	expect_str(t, TYPED(&k, "\xe0\x2a\xe0\x48\x1e\xe0\xc8\xe0\xaa"), "\x1b[Aa");
	expect_str(t, TYPED(&k, "\xfa\xfe\xee\xaa\x1e"), "a");
	/* Keys were lost with Shift and Ctrl held down. */
	expect_str(t, TYPED(&k, "\x2a\x1d\xff\x1e"), "a");
	/* In the middle of Pause too, whose rest does not come then. */
	expect_str(t, TYPED(&k, "\x2a\xe1\xff\x1e\x1f"), "as");
}

KTEST(keyboard_lives_with_any_bytes)
{
	struct keyboard k = { 0 };
	char out[KEYBOARD_BYTES_MAX + 1];
	unsigned long_ones = 0, beyond = 0;

	for (uint64_t i = 0; i < ktest_operations(); i++) {
		uint8_t code = (uint8_t)ktest_random(t);
		size_t len;

		memset(out, 0x55, sizeof(out));
		len = keyboard_take(&k, code, out);
		beyond += len > KEYBOARD_BYTES_MAX || out[KEYBOARD_BYTES_MAX] != 0x55;
		long_ones += len > 1;
		for (size_t j = 0; j < len; j++)
			beyond += (uint8_t)out[j] > 0x7f;
		for (size_t j = len; j < sizeof(out); j++)
			beyond += out[j] != 0x55;
	}
	expect_eq(t, beyond, 0);
	expect(t, long_ones > 0);
}
