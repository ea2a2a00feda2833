// SPDX-License-Identifier: MIT
/* Tests of string.c and text.c. */
#include "kernel/lib/string_test.h"
#include "kernel/lib/string.h"
#include "kernel/lib/errno.h"
#include "kernel/ktest.h"

enum { ARENA = 256 };

static void fill_random(struct ktest_run *t, unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)ktest_random(t);
}

static void copy_bytes(unsigned char *dst, const unsigned char *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = ((const volatile unsigned char *)src)[i];
}

static bool same_bytes(const unsigned char *a, const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

KTEST(string_memory_moves_exactly_what_it_is_told)
{
	unsigned char got[ARENA], want[ARENA], before[ARENA];

	for (unsigned round = 0; round < 2000; round++) {
		size_t n = ktest_random_below(t, 96);
		size_t from = ktest_random_below(t, ARENA - n);
		size_t to = ktest_random_below(t, ARENA - n);

		fill_random(t, before, ARENA);
		copy_bytes(got, before, ARENA);
		copy_bytes(want, before, ARENA);
		copy_bytes(want + to, before + from, n);
		require(t, memmove(got + to, got + from, n) == got + to);
		require(t, same_bytes(got, want, ARENA));

		copy_bytes(got, want, ARENA);
		copy_bytes(want + to, before + from, n);
		require(t, memcpy(got + to, before + from, n) == got + to);
		require(t, same_bytes(got, want, ARENA));

		for (size_t i = 0; i < n; i++)
			want[from + i] = (unsigned char)round;
		require(t, memset(got + from, (int)(round | 0xf00), n) == got + from);
		require(t, same_bytes(got, want, ARENA));
	}
}

KTEST(string_memcmp_orders_by_the_first_difference)
{
	unsigned char a[64], b[64];

	for (unsigned round = 0; round < 2000; round++) {
		size_t n = ktest_random_below(t, 40), x = ktest_random_below(t, 8);
		size_t y = ktest_random_below(t, 8), at = ktest_random_below(t, 40);
		int want;

		fill_random(t, a, sizeof(a));
		copy_bytes(b + y, a + x, n);
		require(t, memcmp(a + x, b + y, n) == 0);
		b[y + at] = (unsigned char)ktest_random(t);
		want = at < n ? sign(a[x + at] - b[y + at]) : 0;
		require(t, sign(memcmp(a + x, b + y, n)) == want);
		require(t, sign(memcmp(b + y, a + x, n)) == -want);
	}
}

KTEST(string_lengths_and_comparisons_follow_c)
{
	const char *s = "cairn";

	expect_eq(t, strlen(""), 0);
	expect_eq(t, strlen(s), 5);
	expect_eq(t, strnlen(s, 0), 0);
	expect_eq(t, strnlen(s, 3), 3);
	expect_eq(t, strnlen(s, 9), 5);
	expect_eq(t, strcmp("a", "a"), 0);
	expect(t, strcmp("a", "b") < 0);
	expect(t, strcmp("a", "") > 0);
	expect(t, strcmp("", "a") < 0);
	expect(t, strcmp("a\xff", "a\x01") > 0);
	expect_eq(t, strncmp("abc", "abd", 2), 0);
	expect(t, strncmp("abc", "abd", 3) < 0);
	expect_eq(t, strncmp("ab", "ab", 9), 0);
	expect_eq(t, strncmp("x", "y", 0), 0);
	expect(t, strncmp("ab", "abc", 9) < 0);
	expect(t, strchr(s, 'c') == s);
	expect(t, strchr(s, 'n') == s + 4);
	expect(t, strchr(s, '\0') == s + 5);
	expect(t, !strchr(s, 'x'));
}

KTEST(string_copy_cuts_and_terminates)
{
	char buf[8] = "#######";

	expect_eq(t, str_copy(buf, 4, "abcdef"), 3);
	expect_str(t, buf, "abc");
	expect_eq(t, buf[4], '#');
	expect_eq(t, str_copy(buf, 4, "abc"), 3);
	expect_str(t, buf, "abc");
	expect_eq(t, str_copy(buf, 1, "abc"), 0);
	expect_str(t, buf, "");
	expect_eq(t, str_copy(buf, 8, ""), 0);
}

KTEST(string_prefix_is_recognised)
{
	expect(t, str_has_prefix("serial_line", "serial"));
	expect(t, str_has_prefix("serial", "serial"));
	expect(t, str_has_prefix("x", ""));
	expect(t, !str_has_prefix("ser", "serial"));
	expect(t, !str_has_prefix("", "v"));
}

KTEST(string_glob_matches_examples)
{
	expect(t, glob_match("", ""));
	expect(t, !glob_match("", "a"));
	expect(t, glob_match("*", ""));
	expect(t, glob_match("*", "anything"));
	expect(t, glob_match("heap_*", "heap_free"));
	expect(t, !glob_match("heap_*", "page_free"));
	expect(t, !glob_match("heap", "heap_free"));
	expect(t, glob_match("?eap", "heap"));
	expect(t, !glob_match("?", ""));
	expect(t, glob_match("*a*b", "xaxbxab"));
	expect(t, !glob_match("*a*b", "xaxbxa"));
	expect(t, glob_match("a**c", "abc"));
}

/* The definition, exponential but obvious. */
static bool glob_oracle(const char *glob, const char *s)
{
	if (!*glob)
		return !*s;
	if (*glob == '*')
		return glob_oracle(glob + 1, s) || (*s && glob_oracle(glob, s + 1));
	return *s && (*glob == '?' || *glob == *s) && glob_oracle(glob + 1, s + 1);
}

KTEST(string_glob_agrees_with_its_definition)
{
	char glob[8], s[10];

	for (unsigned round = 0; round < 5000; round++) {
		size_t n = ktest_random_below(t, sizeof(glob));
		size_t m = ktest_random_below(t, sizeof(s));

		for (size_t i = 0; i < n; i++)
			glob[i] = "ab?*"[ktest_random_below(t, 4)];
		for (size_t i = 0; i < m; i++)
			s[i] = "ab"[ktest_random_below(t, 2)];
		glob[n] = s[m] = '\0';
		require(t, glob_match(glob, s) == glob_oracle(glob, s));
	}
}

static void expect_number(struct ktest_run *t, const char *s, int want_err,
			  uint64_t want, const char *want_end)
{
	const char *end = "untouched";
	uint64_t v = 99;

	expect_eq(t, parse_size(s, &end, &v), want_err);
	expect_eq(t, v, want_err ? 99 : want);
	expect_str(t, end, want_err ? "untouched" : want_end);
}

KTEST(string_numbers_are_read)
{
	const char *end;
	uint64_t v;

	expect_number(t, "0", 0, 0, "");
	expect_number(t, "512@0xfeb00000:5", 0, 512, "@0xfeb00000:5");
	expect_number(t, "0xfeb02e00:47", 0, 0xfeb02e00, ":47");
	expect_number(t, "0XaBcx", 0, 0xabc, "x");
	expect_number(t, "12a", 0, 12, "a");
	expect_number(t, "4K@", 0, 4096, "@");
	expect_number(t, "3m", 0, 3 * MIB, "");
	expect_number(t, "2G", 0, 2 * GIB, "");
	expect_number(t, "1T!", 0, 1024 * GIB, "!");
	expect_number(t, "0x", -EINVAL, 0, "");
	expect_number(t, "", -EINVAL, 0, "");
	expect_number(t, "K", -EINVAL, 0, "");
	expect_number(t, "-1", -EINVAL, 0, "");
	expect_number(t, " 1", -EINVAL, 0, "");
	expect_number(t, "18446744073709551615", 0, UINT64_MAX, "");
	expect_number(t, "18446744073709551616", -ERANGE, 0, "");
	expect_number(t, "99999999999999999999", -ERANGE, 0, "");
	expect_number(t, "0xffffffffffffffff", 0, UINT64_MAX, "");
	expect_number(t, "0x10000000000000000", -ERANGE, 0, "");
	expect_number(t, "18014398509481984K", -ERANGE, 0, "");
	expect_number(t, "16777216T", -ERANGE, 0, "");
	expect_number(t, "16777215T", 0, UINT64_C(16777215) << 40, "");
	expect_eq(t, parse_u64("4K", &end, &v), 0);
	expect_eq(t, v, 4);
	expect_str(t, end, "K");
}

KTEST(errno_names_are_known)
{
	expect_str(t, errno_name(-ENOMEM), "ENOMEM");
	expect_str(t, errno_name(EPROTO), "EPROTO");
	expect_str(t, errno_name(0), "success");
	expect_str(t, errno_name(-9999), "unknown error");
	expect_str(t, errno_name(-__INT_MAX__ - 1), "unknown error");
}
