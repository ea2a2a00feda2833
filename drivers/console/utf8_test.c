// SPDX-License-Identifier: MIT
#include "drivers/console/utf8.h"

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

enum { MAX = 64 };

/* All of `bytes`, as if the text ended with a line feed, which is left out. */
static unsigned decode(const void *bytes, size_t len, uint32_t *out)
{
	struct utf8 u = { 0 };
	uint32_t codes[2];
	unsigned count = 0;

	for (size_t i = 0; i <= len; i++) {
		uint8_t byte = i < len ? ((const uint8_t *)bytes)[i] : '\n';
		unsigned n = utf8_take(&u, byte, codes);

		for (unsigned j = 0; j < n; j++)
			out[count++] = codes[j];
	}
	return count - 1;
}

static bool gives(const char *bytes, unsigned count, const uint32_t *wanted)
{
	uint32_t out[MAX];

	return decode(bytes, strlen(bytes), out) == count &&
	       memcmp(out, wanted, count * sizeof(*out)) == 0;
}

#define GIVES(bytes, ...) \
	gives(bytes, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
	      (uint32_t[]){ __VA_ARGS__ })

enum { BAD = UTF8_REPLACEMENT };

KTEST(utf8_decodes_each_length_at_its_ends)
{
	expect(t, GIVES("\x01\x7f", 0x01, 0x7f));
	expect(t, GIVES("\xc2\x80\xdf\xbf", 0x80, 0x7ff));
	expect(t, GIVES("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
			0x800, 0xd7ff, 0xe000, 0xffff));
	expect(t, GIVES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0x10000, 0x10ffff));
}

KTEST(utf8_replaces_what_is_none)
{
	expect(t, GIVES("\xc0\xaf", BAD, BAD));			/* overlong */
	expect(t, GIVES("\xe0\x9f\xbf", BAD, BAD, BAD));
	expect(t, GIVES("\xf0\x8f\xbf\xbf", BAD, BAD, BAD, BAD));
	expect(t, GIVES("\xed\xa0\x80", BAD, BAD, BAD));	/* a surrogate */
	expect(t, GIVES("\xf4\x90\x80\x80", BAD, BAD, BAD, BAD));	/* too large */
	expect(t, GIVES("\xf5\xff\x80", BAD, BAD, BAD));
	expect(t, GIVES("\xe4\xb8" "a", BAD, 'a'));		/* broken off */
	expect(t, GIVES("\xe4\xb8\xc3\xa4", BAD, 0xe4));
	expect(t, GIVES("\xf0\x9f\x98", BAD));
}

/* RFC 3629 by arithmetic: what a sequence decodes to, or 0. */
static unsigned whole(const uint8_t *b, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = b[0] < 0x80 ? 1 : b[0] < 0xc0 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 :
		     b[0] < 0xf8 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	*code = n == 1 ? b[0] : b[0] & (0x7f >> n);
	for (unsigned i = 1; i < n; i++) {
		if (b[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (b[i] & 0x3f);
	}
	return *code < least[n] || *code > 0x10ffff || *code >> 11 == 0x1b ? 0 : n;
}

KTEST(utf8_finds_in_random_bytes_each_character_and_no_other)
{
	static const uint8_t likely[] = {
		0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xe4, 0xed, 0xef, 0xf0, 0xf1,
		0xf4, 0xf5, 'a',
	};

	for (uint64_t round = 0; round < ktest_operations() / 20; round++) {
		uint8_t bytes[16];
		uint32_t out[MAX], code;
		unsigned count, good = 0, seen = 0;
		size_t len = 1 + ktest_random_below(t, sizeof(bytes));

		for (size_t i = 0; i < len; i++)
			bytes[i] = likely[ktest_random_below(t, sizeof(likely))];
		count = decode(bytes, len, out);
		for (size_t i = 0; i < len;) {
			unsigned n = whole(bytes + i, len - i, &code);

			while (n > 0 && seen < count && out[seen] == BAD)
				seen++;
			if (n > 0)
				require(t, seen < count && out[seen++] == code);
			good += n > 0;
			i += max(n, 1u);
		}
		for (unsigned i = 0; i < count; i++)
			good -= out[i] != BAD;
		require(t, good == 0 && count <= len);
	}
}
