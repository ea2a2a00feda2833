// SPDX-License-Identifier: MIT
/*
 * The command `blk`. A number of sectors counts in units of 512 bytes, as all
 * positions do; what is no multiple of the disk's block is refused by the disk.
 */
#include "drivers/block/block.h"

#include "drivers/block/block_verify.h"
#include "kernel/complete.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum {
	SHOW_SECTORS_MAX = 64,		/* of `read` */
	SHOW_LINE = 16,
	TEXT_MAX = 256,			/* bytes of `write` */
	LINE_MAX = 256,
};

/* What a word asks of a disk; `args` are the words behind it. */
struct verb {
	const char *name;
	int least, most;		/* words behind it */
	int (*run)(struct block_device *b, int count, char **args);
};

static int number(const char *word, uint64_t *value)
{
	const char *end;

	return parse_u64(word, &end, value) || *end ? -EINVAL : 0;
}

static int told(const char *what, int rc)
{
	if (rc)
		print("blk: %s: %s\n", what, errno_name(rc));
	return rc == -EINVAL ? -ERANGE : rc;	/* the words were understood */
}

static void line_show(uint64_t at, const uint8_t *bytes)
{
	char text[SHOW_LINE + 1];

	print("%08llx ", (unsigned long long)at);
	for (unsigned i = 0; i < SHOW_LINE; i++) {
		print(" %02x", bytes[i]);
		text[i] = bytes[i] < ' ' || bytes[i] > '~' ? '.' : (char)bytes[i];
	}
	text[SHOW_LINE] = '\0';
	print("  %s\n", text);
}

static int read_run(struct block_device *b, int count, char **args)
{
	uint64_t sector, sectors = b->info.block_size / BLOCK_SECTOR;
	uint8_t *buf;
	int rc;

	if (number(args[0], &sector) || (count > 1 && number(args[1], &sectors)))
		return -EINVAL;
	if (sectors == 0 || sectors > max((uint64_t)SHOW_SECTORS_MAX,
					  (uint64_t)b->info.block_size / BLOCK_SECTOR))
		return -EINVAL;
	buf = kmalloc(sectors * BLOCK_SECTOR);
	rc = buf ? block_read(b, sector, buf, sectors * BLOCK_SECTOR) : -ENOMEM;
	for (size_t at = 0; !rc && !shell_interrupted() && at < sectors * BLOCK_SECTOR;
	     at += SHOW_LINE)
		line_show(sector * BLOCK_SECTOR + at, buf + at);
	kfree(buf);
	return shell_interrupted() ? -EINTR : told("read", rc);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0x0a1b" is two bytes, anything else is its characters. */
static int bytes_parse(const char *word, uint8_t *out, size_t *len)
{
	size_t n = strlen(word);

	if (!str_has_prefix(word, "0x")) {
		if (n > TEXT_MAX)
			return -EINVAL;
		memcpy(out, word, n);
		*len = n;
		return 0;
	}
	word += 2;
	*len = (n - 2) / 2;
	if (n == 2 || n % 2 || *len > TEXT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < *len; i++) {
		int high = nibble(word[2 * i]), low = nibble(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* The rest of the block stays as it is. */
static int write_run(struct block_device *b, int count __unused, char **args)
{
	uint8_t bytes[TEXT_MAX], *buf;
	uint64_t sector;
	size_t len;
	int rc;

	if (number(args[0], &sector) || bytes_parse(args[1], bytes, &len))
		return -EINVAL;
	buf = kmalloc(b->info.block_size);
	rc = buf ? block_read(b, sector, buf, b->info.block_size) : -ENOMEM;
	if (!rc) {
		memcpy(buf, bytes, len);
		rc = block_write(b, sector, buf, b->info.block_size);
	}
	kfree(buf);
	return told("write", rc);
}

static int flush_run(struct block_device *b, int count __unused, char **args __unused)
{
	return told("flush", block_flush(b));
}

static int erase(struct block_device *b, enum block_op op, char **args)
{
	uint64_t sector, sectors;

	if (number(args[0], &sector) || number(args[1], &sectors))
		return -EINVAL;
	if (sectors > UINT64_MAX / BLOCK_SECTOR)
		return told(block_op_name(op), -ERANGE);
	return told(block_op_name(op), block_erase(b, op, sector, sectors * BLOCK_SECTOR));
}

static int discard_run(struct block_device *b, int count __unused, char **args)
{
	return erase(b, BLOCK_DISCARD, args);
}

static int zeroes_run(struct block_device *b, int count __unused, char **args)
{
	return erase(b, BLOCK_WRITE_ZEROES, args);
}

static int id_run(struct block_device *b, int count __unused, char **args __unused)
{
	print("%s\n", *block_serial(b) ? block_serial(b) : "no serial number");
	return 0;
}

static int reset_run(struct block_device *b, int count __unused, char **args __unused)
{
	return told("reset", b->restart(b));
}

static int stats_run(struct block_device *b, int count __unused, char **args __unused)
{
	const struct block_stats *s = &b->stats;

	for (unsigned op = 0; op < ARRAY_SIZE(s->requests); op++)
		print("%s%s %llu", op ? ", " : "", block_op_name(op),
		      (unsigned long long)s->requests[op]);
	print("\n%llu bytes read, %llu written, %llu errors\n",
	      (unsigned long long)s->bytes_read, (unsigned long long)s->bytes_written,
	      (unsigned long long)s->errors);
	print("%llu device requests, %llu doorbells, %llu resets, %llu changes of size\n",
	      (unsigned long long)s->device_requests, (unsigned long long)s->doorbells,
	      (unsigned long long)s->resets, (unsigned long long)b->changes);
	return 0;
}

static int bench_run(struct block_device *b, int count __unused, char **args __unused)
{
	if (!IS_ENABLED(CONFIG_BENCH)) {
		print("blk: bench: not built (CONFIG_BENCH)\n");
		return -ENOTSUP;
	}
	return block_bench(b);
}

static const struct verb verbs[] = {
	{ "read", 1, 2, read_run }, { "write", 2, 2, write_run }, { "flush", 0, 0, flush_run },
	{ "discard", 2, 2, discard_run }, { "zeroes", 2, 2, zeroes_run },
	{ "verify", 0, 2, block_verify_run }, { "bench", 0, 0, bench_run },
	{ "id", 0, 0, id_run }, { "reset", 0, 0, reset_run }, { "stats", 0, 0, stats_run },
};

static void device_show(unsigned index, struct block_device *b)
{
	const struct block_info *i = &b->info;
	char line[LINE_MAX];

	block_describe(b, line, sizeof(line));
	print("blk%u: %s\n", index, line);
	b->describe(b, line, sizeof(line));
	print("  %s\n  %llu sectors; %u segments of %u bytes a request", line,
	      (unsigned long long)i->sectors, i->segment_max, i->segment_size);
	if (i->cylinders)
		print("; geometry %u/%u/%u", i->cylinders, i->heads, i->track_sectors);
	if (i->io_min || i->io_opt)
		print("; best from %u to %u blocks", i->io_min, i->io_opt);
	print("\n");
}

static int list(void)
{
	struct block_device *b;

	if (block_count() == 0) {
		print("no block device\n");
		return -ENODEV;
	}
	for (unsigned i = 0; (b = block_at(i)); i++)
		device_show(i, b);
	return 0;
}

static int blk_run(int argc, char **argv)
{
	struct block_device *b;
	uint64_t index;

	if (argc == 1)
		return list();
	if (number(str_has_prefix(argv[1], "blk") ? argv[1] + 3 : argv[1], &index))
		return shell_wrong(argv[1], "no number of a disk");
	if (argc == 2)
		return shell_wrong(argv[1], "what to do is missing");
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(v->name, argv[2]) != 0)
			continue;
		if (argc - 3 < v->least || argc - 3 > v->most)
			return -EINVAL;
		b = index < block_count() ? block_at((unsigned)index) : NULL;
		if (!b) {
			print("blk: no block device %llu\n", (unsigned long long)index);
			return -ENODEV;
		}
		return v->run(b, argc - 3, argv + 3);
	}
	return -EINVAL;
}

static void blk_complete(struct completion *c, int argc, char **argv __unused)
{
	char name[8];

	for (unsigned i = 0; argc == 1 && i < block_count(); i++) {
		format(name, sizeof(name), "blk%u", i);
		completion_offer(c, name);
	}
	for (unsigned i = 0; argc == 2 && i < ARRAY_SIZE(verbs); i++)
		completion_offer(c, verbs[i].name);
}

SHELL_COMMAND(blk, "[N read SECTOR [COUNT]|write SECTOR TEXT|0xHEX|verify [SECTOR [COUNT]]|bench|"
	      "flush|id|reset|stats|discard SECTOR COUNT|zeroes SECTOR COUNT]",
	      "list disks, or do something with disk N", blk_run, .complete = blk_complete,
	      .text = "A sector has 512 bytes. `verify` reads all of the disk, or COUNT sectors,\n"
	      "and tells what cannot be read, and a checksum; `bench` measures reading.\n");
