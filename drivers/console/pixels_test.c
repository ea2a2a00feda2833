// SPDX-License-Identifier: MIT
/* Drawing at every depth, pixel by pixel, into memory that the sanitizer guards. */
#include "drivers/console/pixels.h"

#include <stdlib.h>

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

static const struct {
	uint8_t bpp;
	struct boot_colour_field red, green, blue;
	uint32_t yellow;		/* colour 3: 0xaa, 0x55, 0 */
} depths[] = {
	{ 32, { 16, 8 }, { 8, 8 }, { 0, 8 }, 0xaa5500 },
	{ 32, { 0, 8 }, { 8, 8 }, { 16, 8 }, 0x0055aa },
	{ 32, { 20, 10 }, { 10, 10 }, { 0, 10 }, 0x2a8u << 20 | 0x154 << 10 },
	{ 24, { 16, 8 }, { 8, 8 }, { 0, 8 }, 0xaa5500 },
	{ 24, { 0, 8 }, { 8, 8 }, { 16, 8 }, 0x0055aa },
	{ 16, { 11, 5 }, { 5, 6 }, { 0, 5 }, 0x15 << 11 | 0x15 << 5 },
	{ 15, { 10, 5 }, { 5, 5 }, { 0, 5 }, 0x15 << 10 | 0x0a << 5 },
};

enum { GUARD = 0x5a };

static uint32_t pixel(const uint8_t *picture, const struct boot_framebuffer *fb, uint32_t x,
		      uint32_t y)
{
	uint32_t bytes = (fb->bpp + 7) / 8, v = 0;

	memcpy(&v, picture + (size_t)y * fb->pitch + x * bytes, bytes);
	return v;
}

KTEST(pixels_are_drawn_where_and_as_they_should_at_any_depth_and_pitch)
{
	for (unsigned round = 0; round < 700; round++) {
		unsigned d = round % ARRAY_SIZE(depths);
		uint32_t bytes = (depths[d].bpp + 7) / 8;
		uint32_t width = 1 + ktest_random_below(t, 64);
		uint32_t height = 1 + ktest_random_below(t, 40);
		uint32_t x = ktest_random_below(t, 20), y = ktest_random_below(t, 5);
		struct boot_framebuffer fb = {
			.kind = BOOT_FRAMEBUFFER_RGB,
			.width = x + width + ktest_random_below(t, 3),
			.height = y + height + ktest_random_below(t, 2),
			.bpp = depths[d].bpp,
			.red = depths[d].red, .green = depths[d].green, .blue = depths[d].blue,
		};
		uint8_t bits[8 * 40], *picture;
		struct pixels p;
		bool same = true;

		fb.pitch = fb.width * bytes + ktest_random_below(t, 9);
		/* The last line ends with its last pixel: no byte behind it is ours. */
		picture = malloc((size_t)fb.pitch * (fb.height - 1) + fb.width * bytes);
		memset(picture, GUARD, (size_t)fb.pitch * (fb.height - 1) + fb.width * bytes);
		for (size_t i = 0; i < sizeof(bits); i++)
			bits[i] = ktest_random(t);
		pixels_init(&p, (struct mmio *)picture, &fb);
		expect_eq(t, p.colours[3], depths[d].yellow);
		pixels_clear(&p);
		pixels_draw(&p, x, y, bits, width, height, 3, 0);
		for (uint32_t i = 0; i < fb.width * fb.height; i++) {
			uint32_t column = i % fb.width, line = i / fb.width;
			uint32_t gx = column - x, gy = line - y;
			bool lit = gx < width && gy < height &&
				(bits[gy * ((width + 7) / 8) + gx / 8] & 0x80 >> gx % 8);

			same &= pixel(picture, &fb, column, line) == (lit ? depths[d].yellow : 0);
		}
		expect(t, same);
		for (uint32_t i = fb.width * bytes; i < fb.pitch && fb.height > 1; i++)
			expect_eq(t, picture[i], GUARD);
		free(picture);
	}
}

KTEST(pixels_change_colours_between_glyphs)
{
	struct boot_framebuffer fb = {
		.width = 16, .height = 1, .pitch = 64, .bpp = 32,
		.red = { 16, 8 }, .green = { 8, 8 }, .blue = { 0, 8 },
	};
	static const uint8_t bits[] = { 0x0f };
	uint8_t picture[64];
	struct pixels p;

	pixels_init(&p, (struct mmio *)picture, &fb);
	pixels_draw(&p, 0, 0, bits, 8, 1, 1, 8);
	pixels_draw(&p, 8, 0, bits, 8, 1, 12, 0);
	expect_eq(t, pixel(picture, &fb, 0, 0), 0x555555);
	expect_eq(t, pixel(picture, &fb, 7, 0), 0xaa0000);
	expect_eq(t, pixel(picture, &fb, 8, 0), 0);
	expect_eq(t, pixel(picture, &fb, 15, 0), 0x5555ff);
}
