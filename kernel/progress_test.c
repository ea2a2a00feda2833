// SPDX-License-Identifier: MIT
#include <string.h>

#include "kernel/ktest.h"
#include "kernel/progress.h"

enum { S = 1000 * 1000 * 1000 };

static const char *text(struct progress p, bool bar)
{
	static char line[256];

	progress_format(line, sizeof(line), &p, bar);
	return line;
}

KTEST(progress_tells_amounts_rate_and_time_left)
{
	struct progress p = {
		.what = "memtest", .total = 256 * MIB, .done = 64 * MIB, .elapsed = 2ull * S,
	};

	expect_str(t, text(p, false),
		   "memtest  25%, 64 MiB of 256 MiB, 32 MiB/s, 0:06 left");
	expect_str(t, text(p, true),
		   "memtest [#####               ]  25%, 64 MiB of 256 MiB, 32 MiB/s, 0:06 left");
}

KTEST(progress_tells_no_time_where_none_is_known)
{
	struct progress p = { .what = "blk", .unit = PROGRESS_PIECES, .total = 3, .done = 1 };

	expect_str(t, text(p, false), "blk  33%, 1 of 3");
	p.done = 0;
	p.elapsed = S;
	expect_str(t, text(p, false), "blk   0%, 0 of 3");
}

KTEST(progress_is_done_only_at_the_end)
{
	struct progress p = { .what = "x", .total = 1000 * GIB, .done = 1000 * GIB - 1 };

	expect_eq(t, progress_percent(&p), 99);
	p.done = p.total;
	expect_eq(t, progress_percent(&p), 100);
	p.done = p.total = 0;
	expect_eq(t, progress_percent(&p), 100);
}

KTEST(progress_fits_a_line_whatever_the_numbers)
{
	uint64_t rounds = ktest_operations() / 10 + 1;

	for (uint64_t i = 0; i < rounds; i++) {
		struct progress p = {
			.what = "elevenchars", .unit = ktest_random(t) & 1,
			.total = ktest_random(t) >> ktest_random_below(t, 64),
			.done = ktest_random(t) >> ktest_random_below(t, 64),
			.elapsed = ktest_random(t) >> ktest_random_below(t, 64),
		};
		unsigned percent = progress_percent(&p);

		if (p.unit == PROGRESS_PIECES)
			p.total %= 100000, p.done %= 100000;
		if (!expect(t, percent <= 100) || !expect(t, strlen(text(p, true)) < 100))
			return;
	}
}
