/* SPDX-License-Identifier: MIT */
/*
 * What is said of disks, in the boot report, by the shell and as JSON.
 */
#include "drivers/block/block.h"

#include "kernel/json.h"
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

static void stats_json(struct json *j, const struct block_device *b)
{
	const struct block_stats *s = &b->stats;

	json_object(j, "requests");
	for (unsigned op = 0; op < ARRAY_SIZE(s->requests); op++)
		json_number(j, block_op_name(op), s->requests[op]);
	json_end(j);
	json_number(j, "bytes_read", s->bytes_read);
	json_number(j, "bytes_written", s->bytes_written);
	json_number(j, "errors", s->errors);
	json_number(j, "device_requests", s->device_requests);
	json_number(j, "doorbells", s->doorbells);
	json_number(j, "resets", s->resets);
	json_number(j, "changes", b->changes);
}

static void device_json(struct json *j, struct block_device *b)
{
	const struct block_info *info = &b->info;
	char where[24];

	b->where(b, where, sizeof(where));
	json_object(j, NULL);
	json_string(j, "driver", b->driver);
	json_string(j, "where", where);
	json_string(j, "serial", *block_serial(b) ? block_serial(b) : NULL);
	json_hex(j, "sectors", info->sectors);
	json_number(j, "block_size", info->block_size);
	json_number(j, "physical_size", info->physical_size);
	json_number(j, "segments", info->segment_max);
	json_number(j, "segment_size", info->segment_size);
	json_hex(j, "discard_max", info->discard_max);
	json_hex(j, "zeroes_max", info->zeroes_max);
	json_number(j, "queues", info->queues);
	json_bool(j, "read_only", info->read_only);
	json_bool(j, "write_cache", info->flush);
	json_bool(j, "stopped", b->stopped);
	stats_json(j, b);
	json_end(j);
}

void block_report_json(struct json *j)
{
	struct block_device *b;

	json_array(j, NULL);
	for (unsigned i = 0; (b = block_at(i)); i++)
		device_json(j, b);
	json_end(j);
}
