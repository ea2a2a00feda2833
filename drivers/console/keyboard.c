// SPDX-License-Identifier: MIT
#include "drivers/console/keyboard.h"

#include "kernel/lib/string.h"

enum {
	RELEASED = BIT(7),
	PREFIX = 0xe0, PREFIX_PAUSE = 0xe1,
	PAUSE_REST = 2,			/* bytes behind E1, pressed and released alike */
	OVERRUN = 0xff, OVERRUN_SET_2 = 0x00,	/* keys were lost */

	KEY_CTRL = 0x1d, KEY_SHIFT_LEFT = 0x2a, KEY_SHIFT_RIGHT = 0x36, KEY_CAPS = 0x3a,
	KEY_NUM = 0x45, KEY_KEYPAD = 0x47, KEY_KEYPAD_END = 0x54,
	KEY_ENTER = 0x1c, KEY_SLASH = 0x35, KEY_FUNCTION = 0x3b, KEY_F11 = 0x57, KEY_F12 = 0x58,

	CONTROL_MASK = 0x1f,
};

#define BACKSPACE "\x7f"
#define ESCAPE "\x1b"

/* By scan code; 0: no byte. */
static const char plain[] = {
	[0x01] = '\x1b', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '-', '=', '\x7f',
	[0x0f] = '\t', 'q', 'w', 'e', 'r', 't', 'y', 'u', 'i', 'o', 'p', '[', ']', '\r',
	[0x1e] = 'a', 's', 'd', 'f', 'g', 'h', 'j', 'k', 'l', ';', '\'', '`',
	[0x2b] = '\\', 'z', 'x', 'c', 'v', 'b', 'n', 'm', ',', '.', '/',
	[0x37] = '*', [0x39] = ' ', [0x4a] = '-', [0x4e] = '+', [0x56] = '<',
};

static const char shifted[] = {
	[0x01] = '\x1b', '!', '@', '#', '$', '%', '^', '&', '*', '(', ')', '_', '+', '\x7f',
	[0x0f] = '\t', 'Q', 'W', 'E', 'R', 'T', 'Y', 'U', 'I', 'O', 'P', '{', '}', '\r',
	[0x1e] = 'A', 'S', 'D', 'F', 'G', 'H', 'J', 'K', 'L', ':', '"', '~',
	[0x2b] = '|', 'Z', 'X', 'C', 'V', 'B', 'N', 'M', '<', '>', '?',
	[0x37] = '*', [0x39] = ' ', [0x4a] = '-', [0x4e] = '+', [0x56] = '>',
};
static_assert(sizeof(plain) == sizeof(shifted), "one table each");

/* The numeric pad from 0x47 on: with Num Lock, and as the keys that have the pad's codes. */
static const char keypad[] = "789-456+1230.";
static const char *const navigation[] = {
	ESCAPE "[H", ESCAPE "[A", ESCAPE "[5~", NULL, ESCAPE "[D", NULL, ESCAPE "[C", NULL,
	ESCAPE "[F", ESCAPE "[B", ESCAPE "[6~", ESCAPE "[2~", ESCAPE "[3~",
};
static_assert(ARRAY_SIZE(navigation) == KEY_KEYPAD_END - KEY_KEYPAD, "the same keys");

static const char *const functions[] = {
	ESCAPE "OP", ESCAPE "OQ", ESCAPE "OR", ESCAPE "OS", ESCAPE "[15~",
	ESCAPE "[17~", ESCAPE "[18~", ESCAPE "[19~", ESCAPE "[20~", ESCAPE "[21~",
};

static size_t give(const char *text, char *out)
{
	size_t len = text ? strlen(text) : 0;

	memcpy(out, text ? text : "", len);
	return len;
}

static size_t give_byte(char c, char *out)
{
	*out = c;
	return 1;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What Ctrl makes of a byte (xterm's rules for a us keyboard); else the byte as it is. */
static char control_of(char c)
{
	static const char digits[] = "\0\x1b\x1c\x1d\x1e\x1f\x7f";	/* of 2 to 8 */

	if (is_letter(c) || (c >= '[' && c <= '_') || c == '@')
		return c & CONTROL_MASK;
	if (c >= '2' && c <= '8')
		return digits[c - '2'];
	switch (c) {
	case ' ':
	case '`':
		return '\0';
	case '-':
	case '/':
	case '?':
		return c == '?' ? '\x7f' : '\x1f';
	}
	return c;
}

static size_t take_character(const struct keyboard *k, uint8_t key, char *out)
{
	bool shift = k->shift_left || k->shift_right;
	char c = key < sizeof(plain) ? plain[key] : 0;

	if (c == 0)
		return 0;
	if (shift != (k->caps && is_letter(c)))
		c = shifted[key];
	if (k->ctrl_left || k->ctrl_right)
		c = control_of(c);
	return give_byte(c, out);
}

static size_t take_keypad(const struct keyboard *k, uint8_t key, char *out)
{
	bool shift = k->shift_left || k->shift_right;
	const char *keys = navigation[key - KEY_KEYPAD];
	char digit = keypad[key - KEY_KEYPAD];

	if (digit == '-' || digit == '+' || shift == k->num_off)
		return give_byte(digit, out);
	return give(keys, out);
}

/* Keys that a PC of 1987 had twice, or not at all. A shift among them is none that was pressed. */
static size_t take_extended(struct keyboard *k, uint8_t key, bool released, char *out)
{
	if (key == KEY_CTRL)
		k->ctrl_right = !released;
	if (released)
		return 0;
	if (key == KEY_ENTER)
		return give_byte('\r', out);
	if (key == KEY_SLASH)
		return give_byte('/', out);
	if (key >= KEY_KEYPAD && key < KEY_KEYPAD_END)
		return give(navigation[key - KEY_KEYPAD], out);
	return 0;
}

static bool take_modifier(struct keyboard *k, uint8_t key, bool released)
{
	switch (key) {
	case KEY_SHIFT_LEFT:
		k->shift_left = !released;
		return true;
	case KEY_SHIFT_RIGHT:
		k->shift_right = !released;
		return true;
	case KEY_CTRL:
		k->ctrl_left = !released;
		return true;
	case KEY_CAPS:
		k->caps ^= !released;
		return true;
	case KEY_NUM:
		k->num_off ^= !released;
		return true;
	}
	return false;
}

static size_t take_key(struct keyboard *k, uint8_t key, bool released, char *out)
{
	if (take_modifier(k, key, released) || released)
		return 0;
	if (key >= KEY_KEYPAD && key < KEY_KEYPAD_END)
		return take_keypad(k, key, out);
	if (key >= KEY_FUNCTION && key < KEY_FUNCTION + ARRAY_SIZE(functions))
		return give(functions[key - KEY_FUNCTION], out);
	if (key == KEY_F11 || key == KEY_F12)
		return give(key == KEY_F11 ? ESCAPE "[23~" : ESCAPE "[24~", out);
	return take_character(k, key, out);
}

size_t keyboard_take(struct keyboard *k, uint8_t code, char *out)
{
	bool extended = k->extended;

	k->extended = false;
	if (k->swallow && code != OVERRUN && code != OVERRUN_SET_2) {
		k->swallow--;
		return 0;
	}
	switch (code) {
	case PREFIX:
		k->extended = true;
		return 0;
	case PREFIX_PAUSE:
		k->swallow = PAUSE_REST;
		return 0;
	case OVERRUN:
	case OVERRUN_SET_2:
		/* Which were released meanwhile nobody knows: better none is held down. */
		*k = (struct keyboard){ .caps = k->caps, .num_off = k->num_off };
		return 0;
	}
	if (extended)
		return take_extended(k, code & ~RELEASED & 0xff, code & RELEASED, out);
	return take_key(k, code & ~RELEASED & 0xff, code & RELEASED, out);
}
