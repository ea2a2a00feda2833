// SPDX-License-Identifier: MIT
/* Random formats, compared with the C library's printf; for the host alone. */
#include <stdio.h>

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/ktest.h"
#include "kernel/log.h"

struct maker {
	char fmt[64];
	size_t len;
};

static void add(struct maker *m, char c)
{
	if (m->len + 1 < sizeof(m->fmt))
		m->fmt[m->len++] = c;
	m->fmt[m->len] = '\0';
}

static bool chance(struct ktest_run *t, unsigned one_in)
{
	return ktest_random_below(t, one_in) == 0;
}

static void add_count(struct ktest_run *t, struct maker *m)
{
	add(m, (char)('1' + ktest_random_below(t, 9)));
	if (chance(t, 2))
		add(m, (char)('0' + ktest_random_below(t, 3)));
}

/* Literal text, then one conversion that takes an integer or a string. */
static char make_format(struct ktest_run *t, struct maker *m)
{
	char conversion = "diuxXcs"[ktest_random_below(t, 7)];
	bool number = conversion != 'c' && conversion != 's';

	m->len = 0;
	add(m, 'a');
	add(m, '%');
	while (chance(t, 2))
		add(m, number && conversion != 'u' ? "-0"[ktest_random_below(t, 2)] : '-');
	if ((conversion == 'x' || conversion == 'X') && chance(t, 2))
		add(m, '#');
	if ((conversion == 'd' || conversion == 'i') && chance(t, 3))
		add(m, '+');
	if (chance(t, 2))
		add_count(t, m);
	if (conversion != 'c' && chance(t, 3)) {
		add(m, '.');
		if (chance(t, 2))
			add_count(t, m);
	}
	return conversion;
}

static uint64_t make_number(struct ktest_run *t)
{
	uint64_t v = ktest_random(t) >> ktest_random_below(t, 64);

	return chance(t, 2) ? v : -v;
}

static void expect_same(struct ktest_run *t, const char *fmt, ...)
{
	char got[128], want[128];
	size_t size = chance(t, 4) ? ktest_random_below(t, 40) : sizeof(got);
	va_list args;
	int got_len, want_len;

	memset(got, '#', sizeof(got));
	memset(want, '#', sizeof(want));
	va_start(args, fmt);
	want_len = vsnprintf(want, size, fmt, args);
	va_end(args);
	va_start(args, fmt);
	got_len = format_va(got, size, fmt, args);
	va_end(args);
	if (!expect(t, got_len == want_len && memcmp(got, want, sizeof(got)) == 0))
		print("# \"%s\": got \"%s\", wanted \"%s\"\n", fmt, got, want);
}

KTEST(format_agrees_with_the_c_library)
{
	static const char *const lengths[] = { "hh", "h", "", "l", "ll", "z", "t", "j" };
	static const char *const strings[] = { "", "x", "cairn", "a longer piece of text" };

	for (unsigned round = 0; round < 50000 && t->failures < 5; round++) {
		uint64_t v = make_number(t);
		unsigned length = (unsigned)ktest_random_below(t, ARRAY_SIZE(lengths));
		struct maker m;
		char conversion = make_format(t, &m);

		if (conversion != 'c' && conversion != 's')
			for (const char *p = lengths[length]; *p; p++)
				add(&m, *p);
		add(&m, conversion);
		add(&m, 'z');
		if (conversion == 's')
			expect_same(t, m.fmt, strings[ktest_random_below(t, ARRAY_SIZE(strings))]);
		else if (conversion == 'c')
			expect_same(t, m.fmt, (int)('a' + v % 26));
		else if (length < 3)
			expect_same(t, m.fmt, (int)v);
		else
			expect_same(t, m.fmt, v);
	}
}
