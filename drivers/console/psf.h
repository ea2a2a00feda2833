/* SPDX-License-Identifier: MIT */
/*
 * PC screen fonts, versions 1 and 2, as console tools ship them, with the
 * table in which a font says what characters its glyphs show.
 */
#pragma once

#include "kernel/lib/types.h"

enum { PSF_SIDE_MAX = 64, PSF_KEPT = 256 };

enum psf_table {
	PSF_NO_TABLE,		/* the glyphs are taken to be in the order of ASCII */
	PSF_UCS2,
	PSF_UTF8,
};

struct psf_font {
	const uint8_t *glyphs;	/* in the data given */
	uint32_t count;
	uint32_t glyph_bytes;
	uint32_t width, height;	/* pixels */
	enum psf_table kind;
	const uint8_t *table, *end;	/* in the data given */
	uint32_t missing;	/* glyph of what the font does not show */
	struct {
		uint32_t code;
		uint32_t glyph;
	} kept[PSF_KEPT];	/* what was looked up, by the code's low byte */
};

/*
 * Reads the header of a font of `size` bytes and checks that its glyphs lie
 * within. Returns 0, or -EINVAL.
 */
int __must_check psf_parse(const void *data, size_t size, struct psf_font *out);

/*
 * The bitmap of a character. One that the font does not show has that of
 * U+FFFD, else of '?', else the first. Keeps what it finds.
 */
const uint8_t *psf_glyph(struct psf_font *font, uint32_t code);
