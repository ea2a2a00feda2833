// SPDX-License-Identifier: MIT
/*
 * Four pixels take as many words of 32 bits as one takes bytes, at any depth.
 * So four bits of a glyph index a table of such words, made for two colours
 * and kept until others are asked for: no pixel is looked at by itself.
 */
#include "drivers/console/pixels.h"

#include <asm/io.h>

#include "kernel/lib/string.h"

enum { LEVEL_BITS = 8 };

/* Red, green and blue of VGA's sixteen, in ANSI's order. */
static const uint8_t levels[16][3] = {
	{ 0x00, 0x00, 0x00 }, { 0xaa, 0x00, 0x00 }, { 0x00, 0xaa, 0x00 }, { 0xaa, 0x55, 0x00 },
	{ 0x00, 0x00, 0xaa }, { 0xaa, 0x00, 0xaa }, { 0x00, 0xaa, 0xaa }, { 0xaa, 0xaa, 0xaa },
	{ 0x55, 0x55, 0x55 }, { 0xff, 0x55, 0x55 }, { 0x55, 0xff, 0x55 }, { 0xff, 0xff, 0x55 },
	{ 0x55, 0x55, 0xff }, { 0xff, 0x55, 0xff }, { 0x55, 0xff, 0xff }, { 0xff, 0xff, 0xff },
};

static uint32_t field_value(struct boot_colour_field f, uint8_t level)
{
	uint32_t v = level;

	v = f.size < LEVEL_BITS ? v >> (LEVEL_BITS - f.size) : v << (f.size - LEVEL_BITS);
	return v << f.position;
}

void pixels_init(struct pixels *p, struct mmio *base, const struct boot_framebuffer *fb)
{
	*p = (struct pixels){
		.base = base,
		.width = fb->width,
		.height = fb->height,
		.pitch = fb->pitch,
		.bytes = (fb->bpp + 7) / 8,
	};
	for (unsigned i = 0; i < ARRAY_SIZE(levels); i++)
		p->colours[i] = field_value(fb->red, levels[i][0]) |
				field_value(fb->green, levels[i][1]) |
				field_value(fb->blue, levels[i][2]);
}

void pixels_clear(struct pixels *p)
{
	size_t line = (size_t)p->width * p->bytes;

	for (uint32_t y = 0; y < p->height; y++) {
		size_t at = (size_t)y * p->pitch;
		size_t end = at + line;

		for (; at + 4 <= end; at += 4)
			mmio_write32(p->base, at, 0);
		for (; at < end; at++)
			mmio_write8(p->base, at, 0);
	}
}

/* Four pixels as bytes in memory, the highest bit's first. */
static void spread(struct pixels *p, unsigned bits, uint32_t *words)
{
	uint8_t *out = (uint8_t *)words;

	for (unsigned i = 0; i < PIXELS_NIBBLE; i++, out += p->bytes) {
		bool lit = bits & (1 << (PIXELS_NIBBLE - 1) >> i);

		memcpy(out, &p->colours[lit ? p->foreground : p->background], p->bytes);
	}
}

static void choose(struct pixels *p, unsigned foreground, unsigned background)
{
	if (p->foreground == foreground && p->background == background)
		return;
	p->foreground = foreground;
	p->background = background;
	for (unsigned bits = 0; bits < 1 << PIXELS_NIBBLE; bits++)
		spread(p, bits, p->words[bits]);
}

/* Four pixels; written out, for compilers do not unroll so short a loop by themselves. */
static __inlined void write_words(struct mmio *base, size_t at, const uint32_t *words,
				  uint32_t count)
{
	mmio_write32(base, at, words[0]);
	mmio_write32(base, at + 4, words[1]);
	if (count > 2)
		mmio_write32(base, at + 8, words[2]);
	if (count > 3)
		mmio_write32(base, at + 12, words[3]);
}

/* The last pixels of a line, fewer than eight. */
static __noinline void draw_rest(struct pixels *p, size_t at, uint8_t bits, uint32_t count)
{
	for (uint32_t i = 0; i < count * p->bytes; i++) {
		bool low = i >= PIXELS_NIBBLE * p->bytes;
		const uint8_t *from = (const uint8_t *)p->words[low ? bits & 0xf : bits >> 4];

		mmio_write8(p->base, at + i, from[i - (low ? PIXELS_NIBBLE * p->bytes : 0)]);
	}
}

/* `bytes` is a constant to each caller. */
static __inlined void draw_lines(struct pixels *p, size_t at, const uint8_t *bits,
				 uint32_t width, uint32_t height, uint32_t bytes)
{
	struct mmio *base = p->base;
	uint32_t rest = width % 8;

	for (uint32_t y = 0; y < height; y++, at += p->pitch) {
		size_t to = at;

		for (uint32_t x = 8; x <= width; x += 8, to += 8 * bytes) {
			uint8_t eight = *bits++;

			write_words(base, to, p->words[eight >> 4], bytes);
			write_words(base, to + 4 * bytes, p->words[eight & 0xf], bytes);
		}
		if (rest > 0)
			draw_rest(p, to, *bits++, rest);
	}
}

void pixels_draw(struct pixels *p, uint32_t x, uint32_t y, const uint8_t *bits,
		 uint32_t width, uint32_t height, unsigned foreground, unsigned background)
{
	size_t at = (size_t)y * p->pitch + (size_t)x * p->bytes;

	choose(p, foreground, background);
	switch (p->bytes) {
	case 2:
		draw_lines(p, at, bits, width, height, 2);
		break;
	case 3:
		draw_lines(p, at, bits, width, height, 3);
		break;
	case 4:
		draw_lines(p, at, bits, width, height, 4);
		break;
	}
}
