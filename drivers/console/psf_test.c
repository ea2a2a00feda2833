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
	expect(t, psf_glyph(&font, 255) == data + 4 + 255 * 16);
	expect(t, psf_glyph(&font, 256) == data + 4);
	expect_eq(t, psf_parse(data, sizeof(data) - 1, &font), -EINVAL);
}

KTEST(psf_reads_version_2)
{
	uint8_t data[32 + 64] = { 0 };
	struct psf_font font;

	memcpy(data, psf2_head, sizeof(psf2_head));
	require(t, psf_parse(data, sizeof(data), &font) == 0);
	expect_eq(t, font.width, 12);
	expect(t, psf_glyph(&font, 1) == data + 32 + 32);
	data[20] = 31;	/* bytes a glyph that do not fit its sides */
	expect_eq(t, psf_parse(data, sizeof(data), &font), -EINVAL);
}

KTEST(psf_never_points_outside_the_data)
{
	for (int i = 0; i < 20000; i++) {
		size_t size = 1 + ktest_random_below(t, 600);
		uint8_t *data = malloc(size);
		struct psf_font font;

		for (size_t j = 0; j < size; j++)
			data[j] = ktest_random(t);
		memcpy(data, i & 1 ? psf2_head : (const uint8_t *)"\x36\x04\0\x01",
		       min(size, i & 1 ? (size_t)24 : (size_t)4));
		if (psf_parse(data, size, &font) == 0) {
			const uint8_t *g = psf_glyph(&font, ktest_random(t));

			expect(t, g >= data && g + font.glyph_bytes <= data + size);
		}
		free(data);
	}
}
