// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "drivers/console/psf.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const uint8_t psf2_head[32] = {
	0x72, 0xb5, 0x4a, 0x86, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 0, 0, 32, 0, 0, 0, 16, 0, 0, 0, 12, 0, 0, 0,
};

KTEST(psf_reads_version_1)
{
	static uint8_t data[4 + 256 * 16] = { 0x36, 0x04, 0, 16 };
	struct psf_font font;

	require(t, psf_parse(data, sizeof(data), &font) == 0);
	expect_eq(t, font.count, 256);
	expect_eq(t, font.width, 8);
	expect_eq(t, font.height, 16);
	expect(t, psf_glyph(&font, '~') == data + 4 + '~' * 16);
	/* Without a table nobody knows what the others are. */
	expect(t, psf_glyph(&font, 200) == data + 4 + '?' * 16);
	expect(t, psf_glyph(&font, 0x2588) == data + 4 + '?' * 16);
	expect_eq(t, psf_parse(data, sizeof(data) - 1, &font), -EINVAL);
}

KTEST(psf_reads_version_2)
{
	uint8_t data[32 + 64] = { 0 };
	struct psf_font font;

	memcpy(data, psf2_head, sizeof(psf2_head));
	require(t, psf_parse(data, sizeof(data), &font) == 0);
	expect_eq(t, font.width, 12);
	expect(t, psf_glyph(&font, 1) == data + 32);
	data[20] = 31;	/* bytes a glyph that do not fit its sides */
	expect_eq(t, psf_parse(data, sizeof(data), &font), -EINVAL);
}

/* Glyphs of one byte each: 0 and 1, with what the table says they show. */
static const uint8_t psf2_small[32] = {
	0x72, 0xb5, 0x4a, 0x86, 0, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0,
	2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0,
};

KTEST(psf_finds_characters_by_the_table_in_utf_8)
{
	static const char table[] =
		"A\xc3\xa4\xfe" "B\xcc\x88\xff"	/* B only in a sequence */
		"\xef\xbf\xbd\xe2\x82\xac" "A\xff";
	uint8_t data[32 + 2 + sizeof(table) - 1];
	struct psf_font font;

	memcpy(data, psf2_small, 32);
	memcpy(data + 34, table, sizeof(table) - 1);
	require(t, psf_parse(data, sizeof(data), &font) == 0);
	for (unsigned again = 0; again < 2; again++) {
		expect(t, psf_glyph(&font, 'A') == data + 32);
		expect(t, psf_glyph(&font, 0xe4) == data + 32);
		expect(t, psf_glyph(&font, 0x20ac) == data + 33);
		expect(t, psf_glyph(&font, 0x21ac) == data + 33);	/* the same slot: none */
		expect(t, psf_glyph(&font, 'B') == data + 33);
	}
}

KTEST(psf_finds_characters_by_the_table_in_ucs_2)
{
	static uint8_t data[4 + 256 + 14] = { 0x36, 0x04, 0x02, 1 };
	static const uint8_t table[14] = {
		'x', 0, 0xfe, 0xff, 'y', 0, 0xff, 0xff,		/* glyph 0: x, a sequence of y */
		'?', 0, 0x88, 0x25, 0xff, 0xff,			/* glyph 1: ?, U+2588 */
	};
	struct psf_font font;

	memcpy(data + 4 + 256, table, sizeof(table));
	require(t, psf_parse(data, sizeof(data), &font) == 0);
	expect(t, psf_glyph(&font, 'x') == data + 4);
	expect(t, psf_glyph(&font, 0x2588) == data + 5);
	expect(t, psf_glyph(&font, 'y') == data + 5);
	/* A table that is cut in the middle of a word ends there. */
	require(t, psf_parse(data, sizeof(data) - 3, &font) == 0);
	expect(t, psf_glyph(&font, '?') == data + 5);
	expect(t, psf_glyph(&font, 0x2588) == data + 5);
}

KTEST(psf_never_points_outside_the_data)
{
	for (int i = 0; i < 20000; i++) {
		size_t size = 1 + ktest_random_below(t, 600);
		uint8_t *data = malloc(size);
		struct psf_font font;

		for (size_t j = 0; j < size; j++)
			data[j] = ktest_random(t);
		memcpy(data, i & 1 ? psf2_small : (const uint8_t *)"\x36\x04\2\x01",
		       min(size, i & 1 ? sizeof(psf2_small) : (size_t)4));
		if (psf_parse(data, size, &font) == 0) {
			for (unsigned j = 0; j < 8; j++) {
				const uint8_t *g = psf_glyph(&font, ktest_random_below(t, 0x200));

				expect(t, g >= data && g + font.glyph_bytes <= data + size);
			}
		}
		free(data);
	}
}
