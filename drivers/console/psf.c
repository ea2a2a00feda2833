// SPDX-License-Identifier: MIT
#include "drivers/console/psf.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

struct psf1_header {
	uint8_t magic[2];
	uint8_t mode;		/* bit 0: 512 glyphs */
	uint8_t glyph_bytes;	/* height; the width is 8 */
} __packed;

struct psf2_header {
	uint8_t magic[4];
	uint32_t version;
	uint32_t header_bytes;
	uint32_t flags;
	uint32_t count;
	uint32_t glyph_bytes;
	uint32_t height, width;
} __packed;

enum { SIDE_MAX = 64, COUNT_MAX = 65536 };

static int parse1(const void *data, struct psf_font *out)
{
	const struct psf1_header *h = data;

	out->count = h->mode & 1 ? 512 : 256;
	out->glyph_bytes = h->glyph_bytes;
	out->width = 8;
	out->height = h->glyph_bytes;
	out->glyphs = (const uint8_t *)(h + 1);
	return 0;
}

static int parse2(const void *data, size_t size, struct psf_font *out)
{
	struct psf2_header h;

	memcpy(&h, data, sizeof(h));
	if (h.header_bytes < sizeof(h) || h.header_bytes > size)
		return -EINVAL;
	out->count = h.count;
	out->glyph_bytes = h.glyph_bytes;
	out->width = h.width;
	out->height = h.height;
	out->glyphs = (const uint8_t *)data + h.header_bytes;
	return 0;
}

int psf_parse(const void *data, size_t size, struct psf_font *out)
{
	static const uint8_t magic1[] = { 0x36, 0x04 };
	static const uint8_t magic2[] = { 0x72, 0xb5, 0x4a, 0x86 };
	int error = -EINVAL;
	size_t left;

	if (size >= sizeof(struct psf1_header) && memcmp(data, magic1, sizeof(magic1)) == 0)
		error = parse1(data, out);
	else if (size >= sizeof(struct psf2_header) && memcmp(data, magic2, sizeof(magic2)) == 0)
		error = parse2(data, size, out);
	if (error)
		return error;
	left = size - (out->glyphs - (const uint8_t *)data);
	if (out->width == 0 || out->width > SIDE_MAX || out->height == 0 ||
	    out->height > SIDE_MAX || out->count == 0 || out->count > COUNT_MAX ||
	    out->glyph_bytes != (out->width + 7) / 8 * out->height ||
	    (uint64_t)out->count * out->glyph_bytes > left)
		return -EINVAL;
	return 0;
}

const uint8_t *psf_glyph(const struct psf_font *font, uint32_t code)
{
	return font->glyphs + (code < font->count ? code : 0) * (size_t)font->glyph_bytes;
}
