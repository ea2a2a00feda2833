/* SPDX-License-Identifier: MIT */
/*
 * What is said of disks, in the boot report and by the shell.
 */
#include "drivers/block/block.h"

#include "kernel/lib/format.h"
#include "kernel/log.h"

enum { LINE_MAX = 256 };

/* A text that is put together piece by piece. */
struct line {
	char text[LINE_MAX];
	size_t len;
};

static void __printf(2, 3) line_add(struct line *l, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = format_va(l->text + l->len, sizeof(l->text) - l->len, fmt, args);
	va_end(args);
	l->len = min(l->len + (size_t)n, sizeof(l->text) - 1);
}

/* The size as people say it: exact, so in the largest unit that divides it. */
static void size_add(struct line *l, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && bytes && bytes % KIB == 0) {
		bytes /= KIB;
		unit++;
	}
	line_add(l, "%llu %s", (unsigned long long)bytes, units[unit]);
}

static void abilities_add(struct line *l, const struct block_info *info)
{
	if (info->read_only)
		line_add(l, ", read-only");
	if (info->flush)
		line_add(l, ", write cache");
	if (info->discard_max)
		line_add(l, ", discard");
	if (info->zeroes_max)
		line_add(l, ", write zeroes");
	if (info->queues > 1)
		line_add(l, ", %u queues", info->queues);
}

int block_describe(struct block_device *b, char *buf, size_t size)
{
	struct block_info *info = &b->info;
	struct line l = { .len = 0 };

	size_add(&l, info->sectors * BLOCK_SECTOR);
	line_add(&l, ", blocks of %u", info->block_size);
	if (info->physical_size > info->block_size)
		line_add(&l, " (physical %u)", info->physical_size);
	if (*block_serial(b))
		line_add(&l, ", serial %s", block_serial(b));
	abilities_add(&l, info);
	if (b->stopped)
		line_add(&l, ", stopped");
	return format(buf, size, "%s", l.text);
}

void block_report(void)
{
	struct block_device *b;
	char line[LINE_MAX];

	for (unsigned i = 0; (b = block_at(i)); i++) {
		block_describe(b, line, sizeof(line));
		print("blk%-4u %s\n", i, line);
	}
}
