// SPDX-License-Identifier: MIT
/* Tests of formatted output against expected text. */
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/ktest.h"

static char text[64];

/* Where the compiler would see the mistake that the test is about. */
static const char *volatile no_string;
static volatile int widest = __INT_MAX__;

#define expect_format(t, want, ...) do { \
	int _len = format(text, sizeof(text), __VA_ARGS__); \
	expect_str(t, text, want); \
	expect_eq(t, _len, strlen(want)); \
} while (0)

KTEST(format_prints_each_conversion)
{
	expect_format(t, "", "%s", "");
	expect_format(t, "plain", "plain");
	expect_format(t, "-7 7 4294967295", "%d %i %u", -7, 7, 0xffffffffu);
	expect_format(t, "-2147483648", "%d", -__INT_MAX__ - 1);
	expect_format(t, "-9223372036854775808", "%ld", INT64_MIN);
	expect_format(t, "18446744073709551615", "%zu", SIZE_MAX);
	expect_format(t, "beef BEEF 0xbeef 0XBEEF", "%x %X %#x %#X",
		      0xbeef, 0xbeef, 0xbeef, 0xbeef);
	expect_format(t, "0 0 0", "%d %x %#x", 0, 0, 0);
	expect_format(t, "ffffffffffffffff", "%llx", ~0ull);
	expect_format(t, "x (null) y", "x %s y", no_string);
	expect_format(t, "abc 100%", "%c%s %d%%", 'a', "bc", 100);
	expect_format(t, "0x1000 0", "%p %p", (void *)4096, (void *)0);
}

KTEST(format_applies_width_precision_and_flags)
{
	expect_format(t, "[   42][42   ][00042]", "[%5d][%-5d][%05d]", 42, 42, 42);
	expect_format(t, "[  -42][-0042]", "[%5d][%05d]", -42, -42);
	expect_format(t, "[+1][-1][+0]", "[%+d][%+d][%+d]", 1, -1, 0);
	expect_format(t, "[0x002a][  0x2a]", "[%#06x][%#6x]", 42, 42);
	expect_format(t, "[  007][]", "[%5.3d][%.0d]", 7, 0);
	expect_format(t, "[  7][7  ]", "[%*d][%*d]", 3, 7, -3, 7);
	expect_format(t, "[ab][ab   ][   ab]", "[%.2s][%-5.2s][%5.*s]", "abc", "abc", 2, "abc");
	expect_format(t, "[abc]", "[%.*s]", -1, "abc");
	expect_format(t, "-1 255 -1 65535", "%hhd %hhu %hd %hu",
		      (signed char)255, (unsigned char)511, (short)65535, (unsigned short)65535);
}

static int format_unchecked(const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = format_va(text, sizeof(text), fmt, args);
	va_end(args);
	return len;
}

KTEST(format_shows_what_it_does_not_know)
{
	expect_eq(t, format_unchecked("a %q b %-5"), 10);
	expect_str(t, text, "a %q b %-5");
	expect_eq(t, format_unchecked("%5.1f|%d", 7), 7);
	expect_str(t, text, "%5.1f|7");
	expect_eq(t, format_unchecked("100%"), 4);
	expect_str(t, text, "100%");
}

KTEST(format_never_writes_past_its_buffer)
{
	const char *want = "name=value 0x00000fff      |";
	char buf[40];

	for (size_t size = 0; size < sizeof(buf); size++) {
		size_t kept = size ? min(size - 1, strlen(want)) : 0;

		memset(buf, '#', sizeof(buf));
		require(t, format(buf, size, "%s=%s %#010x%-6s|", "name", "value", 0xfff, "") ==
			   (int)strlen(want));
		require(t, memcmp(buf, want, kept) == 0);
		require(t, size == 0 || buf[kept] == '\0');
		for (size_t i = size; i < sizeof(buf); i++)
			require(t, buf[i] == '#');
	}
	expect_eq(t, format(NULL, 0, "%d", 12345), 5);
}

KTEST(format_bounds_the_length_it_returns)
{
	char buf[4];

	expect_eq(t, format(buf, sizeof(buf), "%*d%*d", widest, 1, widest, 1), __INT_MAX__);
	expect_str(t, buf, "   ");
	expect_eq(t, format(buf, sizeof(buf), "%.*d", widest, 1), __INT_MAX__);
	expect_str(t, buf, "000");
	expect_eq(t, format(buf, sizeof(buf), "%-*s|", -widest - 1, ""), __INT_MAX__);
}
