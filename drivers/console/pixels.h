/* SPDX-License-Identifier: MIT */
/*
 * Drawing on a linear framebuffer of 15, 16, 24 or 32 bits a pixel and any
 * pitch. It is only written, in words as far as they go.
 */
#pragma once

#include "kernel/boot_info.h"

struct mmio;

enum { PIXELS_NIBBLE = 4 };

/* Colours are ANSI's, 0 to 15 (term.h). */
struct pixels {
	struct mmio *base;
	uint32_t width, height;
	uint32_t pitch;			/* bytes a line */
	uint32_t bytes;			/* a pixel */
	uint32_t colours[16];		/* as the framebuffer wants them */
	unsigned foreground, background;	/* that the words are for */
	/* Four pixels, lit by the bits of the index; `bytes` words are used. */
	uint32_t words[1 << PIXELS_NIBBLE][PIXELS_NIBBLE];
};

/*
 * `fb` is what the boot information holds, of kind RGB, mapped at
 * `base`: pitch times height bytes.
 */
void pixels_init(struct pixels *p, struct mmio *base, const struct boot_framebuffer *fb);

/* All of it black. */
void pixels_clear(struct pixels *p);

/*
 * Draws a bitmap of `width` by `height`, each line in whole bytes, the first
 * pixel in the highest bit. It must fit at `x`, `y`.
 */
void pixels_draw(struct pixels *p, uint32_t x, uint32_t y, const uint8_t *bits,
		 uint32_t width, uint32_t height, unsigned foreground, unsigned background);
