/* SPDX-License-Identifier: MIT */
/* PC screen fonts, versions 1 and 2, as console tools ship them. */
#pragma once

#include "kernel/lib/types.h"

struct psf_font {
	const uint8_t *glyphs;	/* in the data given */
	uint32_t count;
	uint32_t glyph_bytes;
	uint32_t width, height;	/* pixels */
};

/*
 * Reads the header of a font of `size` bytes and checks that its glyphs lie
 * within. Returns 0, or -EINVAL.
 */
int __must_check psf_parse(const void *data, size_t size, struct psf_font *out);

/* The bitmap of a glyph; a code without one shows as glyph 0. */
const uint8_t *psf_glyph(const struct psf_font *font, uint32_t code);
