// SPDX-License-Identifier: MIT
#include "kernel/progress.h"

#include "kernel/lib/format.h"

enum { BAR = 20, AMOUNT = 24, REST = 64 };

#define NS	UINT64_C(1000000000)

/* a * b / c without overflow; UINT64_MAX where the result has more bits. c > 0. */
static uint64_t ratio(uint64_t a, uint64_t b, uint64_t c)
{
	/* Bits that 64 cannot hold are given up on both sides of the fraction. */
	while (b && a > UINT64_MAX / b && c > 1) {
		a = (a >> 1) + (a & 1);
		c >>= 1;
	}
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b / c;
}

static void amount(char *buf, uint64_t n, enum progress_unit unit)
{
	static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	unsigned i = 0;

	if (unit == PROGRESS_PIECES) {
		format(buf, AMOUNT, "%llu", (unsigned long long)n);
		return;
	}
	while (n >= 10 * KIB && i + 1 < ARRAY_SIZE(names)) {
		n >>= 10;
		i++;
	}
	format(buf, AMOUNT, "%llu %s", (unsigned long long)n, names[i]);
}

unsigned progress_percent(const struct progress *p)
{
	if (p->done >= p->total)
		return 100;
	return (unsigned)min(ratio(p->done, 100, p->total), UINT64_C(99));
}

/* ", 12 MiB/s, 1:05 left", or nothing. */
static void rest(char *buf, const struct progress *p)
{
	uint64_t rate, left;
	char text[AMOUNT];

	buf[0] = '\0';
	if (p->elapsed == 0 || p->done == 0)
		return;
	rate = ratio(p->done, NS, p->elapsed);
	amount(text, rate, p->unit);
	left = ratio(p->total - min(p->done, p->total), p->elapsed, p->done) / NS;
	if (left < 100 * 3600)
		format(buf, REST, ", %s/s, %llu:%02llu left", text,
		       (unsigned long long)left / 60, (unsigned long long)left % 60);
	else
		format(buf, REST, ", %s/s", text);
}

int progress_format(char *buf, size_t size, const struct progress *p, bool bar)
{
	char marks[BAR + 5] = "", done[AMOUNT], total[AMOUNT], after[REST];
	unsigned percent = progress_percent(p);

	if (bar) {
		format(marks, sizeof(marks), " [%*s]", BAR, "");
		for (unsigned i = 0; i < percent * BAR / 100; i++)
			marks[2 + i] = '#';
	}
	amount(done, min(p->done, p->total), p->unit);
	amount(total, p->total, p->unit);
	rest(after, p);
	return format(buf, size, "%s%s %3u%%, %s of %s%s", p->what, marks, percent, done, total,
		      after);
}
