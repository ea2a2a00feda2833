// SPDX-License-Identifier: MIT
/*
 * Which bytes may follow the first is all that tells a good sequence from an
 * overlong one, a surrogate or one that is too large (RFC 3629, section 4).
 */
#include "drivers/console/utf8.h"

enum { TAIL_LOW = 0x80, TAIL_HIGH = 0xbf, TAIL_MASK = 0x3f };

static const struct {
	uint8_t first, last;		/* of the first byte */
	uint8_t mask, tail;		/* its bits of the code; how many bytes follow */
	uint8_t low, high;		/* of the second byte */
} forms[] = {
	{ 0x00, 0x7f, 0x7f, 0, 0, 0 },
	{ 0xc2, 0xdf, 0x1f, 1, TAIL_LOW, TAIL_HIGH },
	{ 0xe0, 0xe0, 0x0f, 2, 0xa0, TAIL_HIGH },
	{ 0xe1, 0xec, 0x0f, 2, TAIL_LOW, TAIL_HIGH },
	{ 0xed, 0xed, 0x0f, 2, TAIL_LOW, 0x9f },
	{ 0xee, 0xef, 0x0f, 2, TAIL_LOW, TAIL_HIGH },
	{ 0xf0, 0xf0, 0x07, 3, 0x90, TAIL_HIGH },
	{ 0xf1, 0xf3, 0x07, 3, TAIL_LOW, TAIL_HIGH },
	{ 0xf4, 0xf4, 0x07, 3, TAIL_LOW, 0x8f },
};

static unsigned begin(struct utf8 *u, uint8_t byte, uint32_t *code)
{
	*code = UTF8_REPLACEMENT;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (byte < forms[i].first || byte > forms[i].last)
			continue;
		u->code = *code = byte & forms[i].mask;
		u->left = forms[i].tail;
		u->low = forms[i].low;
		u->high = forms[i].high;
		return u->left == 0;
	}
	return 1;
}

unsigned utf8_take(struct utf8 *u, uint8_t byte, uint32_t codes[static 2])
{
	if (u->left == 0)
		return begin(u, byte, codes);
	if (byte < u->low || byte > u->high) {
		u->left = 0;
		codes[0] = UTF8_REPLACEMENT;
		return 1 + begin(u, byte, codes + 1);
	}
	u->code = u->code << 6 | (byte & TAIL_MASK);
	u->low = TAIL_LOW;
	u->high = TAIL_HIGH;
	codes[0] = u->code;
	return --u->left == 0;
}
