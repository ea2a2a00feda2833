// SPDX-License-Identifier: MIT
#include "drivers/console/psf.h"

#include "drivers/console/utf8.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

struct psf1_header {
	uint8_t magic[2];
	uint8_t mode;
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

enum { COUNT_MAX = 65536, NOWHERE = UINT32_MAX };

/* Of psf1_header.mode, psf2_header.flags. */
enum { PSF1_512 = BIT(0), PSF1_TABLE = BIT(1), PSF1_SEQUENCES = BIT(2), PSF2_TABLE = BIT(0) };

/* Between the characters of the table; above all of them. */
enum { SEQUENCE = 0x200000, GLYPH_END };
enum { UCS2_SEQUENCE = 0xfffe, UCS2_END = 0xffff, UTF8_SEQUENCE = 0xfe, UTF8_END = 0xff };

static int parse1(const void *data, struct psf_font *out)
{
	const struct psf1_header *h = data;

	out->count = h->mode & PSF1_512 ? 512 : 256;
	out->glyph_bytes = h->glyph_bytes;
	out->width = 8;
	out->height = h->glyph_bytes;
	out->glyphs = (const uint8_t *)(h + 1);
	out->kind = h->mode & (PSF1_TABLE | PSF1_SEQUENCES) ? PSF_UCS2 : PSF_NO_TABLE;
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
	out->kind = h.flags & PSF2_TABLE ? PSF_UTF8 : PSF_NO_TABLE;
	return 0;
}

/* One character of the table, or a mark between them. False at its end. */
static bool next_ucs2(const uint8_t **at, const uint8_t *end, uint32_t *code)
{
	if (end - *at < 2)
		return false;
	*code = (*at)[0] | (*at)[1] << 8;
	*at += 2;
	if (*code >= UCS2_SEQUENCE)
		*code = *code == UCS2_END ? GLYPH_END : SEQUENCE;
	return true;
}

static bool next_utf8(const uint8_t **at, const uint8_t *end, uint32_t *code)
{
	struct utf8 u = { 0 };
	uint32_t codes[2];

	while (*at < end) {
		uint8_t byte = *(*at)++;

		if (byte >= UTF8_SEQUENCE) {
			*code = byte == UTF8_END ? GLYPH_END : SEQUENCE;
			return true;
		}
		if (utf8_take(&u, byte, codes) > 0) {
			*code = codes[0];
			return true;
		}
	}
	return false;
}

/*
 * Goes through the table from `*at` on, to the next character that a glyph
 * shows by itself; those of sequences of several are passed over.
 */
static bool next_entry(const struct psf_font *font, const uint8_t **at, uint32_t *glyph,
		       uint32_t *code)
{
	bool sequence = false;

	while (*glyph < font->count) {
		bool any = font->kind == PSF_UCS2 ? next_ucs2(at, font->end, code) :
						    next_utf8(at, font->end, code);

		if (!any)
			return false;
		if (*code == GLYPH_END)
			++*glyph;
		sequence = *code != GLYPH_END && (sequence || *code == SEQUENCE);
		if (!sequence && *code < SEQUENCE)
			return true;
	}
	return false;
}

static uint32_t search(const struct psf_font *font, uint32_t wanted)
{
	const uint8_t *at = font->table;
	uint32_t glyph = 0, code;

	if (font->kind == PSF_NO_TABLE)
		return wanted >= ' ' && wanted <= '~' && wanted < font->count ? wanted : NOWHERE;
	while (next_entry(font, &at, &glyph, &code)) {
		if (code == wanted)
			return glyph;
	}
	return NOWHERE;
}

static uint32_t find_missing(const struct psf_font *font)
{
	uint32_t glyph = search(font, UTF8_REPLACEMENT);

	if (glyph == NOWHERE)
		glyph = search(font, '?');
	return glyph == NOWHERE ? 0 : glyph;
}

static void keep(struct psf_font *font, uint32_t code, uint32_t glyph)
{
	font->kept[code % PSF_KEPT].code = code;
	font->kept[code % PSF_KEPT].glyph = glyph;
}

/* What most text consists of, in one pass. */
static void keep_first(struct psf_font *font)
{
	const uint8_t *at = font->table;
	uint32_t glyph = 0, code;

	for (unsigned i = 0; i < PSF_KEPT; i++)
		keep(font, i, font->missing);
	for (uint32_t c = ' '; font->kind == PSF_NO_TABLE && c <= '~' && c < font->count; c++)
		keep(font, c, c);
	if (font->kind == PSF_NO_TABLE)
		return;
	while (next_entry(font, &at, &glyph, &code)) {
		if (code < PSF_KEPT && font->kept[code].glyph == font->missing)
			keep(font, code, glyph);
	}
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
	if (out->width == 0 || out->width > PSF_SIDE_MAX || out->height == 0 ||
	    out->height > PSF_SIDE_MAX || out->count == 0 || out->count > COUNT_MAX ||
	    out->glyph_bytes != (out->width + 7) / 8 * out->height ||
	    (uint64_t)out->count * out->glyph_bytes > left)
		return -EINVAL;
	out->table = out->glyphs + (size_t)out->count * out->glyph_bytes;
	out->end = (const uint8_t *)data + size;
	out->missing = find_missing(out);
	keep_first(out);
	return 0;
}

const uint8_t *psf_glyph(struct psf_font *font, uint32_t code)
{
	uint32_t slot = code % PSF_KEPT;

	if (font->kept[slot].code != code) {
		uint32_t glyph = search(font, code);

		keep(font, code, glyph == NOWHERE ? font->missing : glyph);
	}
	return font->glyphs + font->kept[slot].glyph * (size_t)font->glyph_bytes;
}
