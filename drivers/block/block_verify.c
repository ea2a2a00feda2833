/* SPDX-License-Identifier: MIT */
/*
 * Reads in pieces; a piece that cannot be read is told, and the next one is
 * tried. The checksum (FNV-1a over words) lets two verifications be compared.
 */
#include "drivers/block/block_verify.h"

#include "drivers/block/block.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/progress.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum { PIECE = 128 * 1024, TOLD_MAX = 16 };

struct verify {
	struct block_device *b;
	uint64_t first, sectors;	/* asked for */
	uint64_t done, bad;		/* sectors */
	uint64_t sum;
	unsigned told;
};

static int number(const char *word, uint64_t *value)
{
	const char *end;

	return parse_u64(word, &end, value) || *end ? shell_wrong(word, "not a number") : 0;
}

static void add(struct verify *v, const uint8_t *bytes, size_t len)
{
	uint64_t word;

	for (size_t at = 0; at < len; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		v->sum = (v->sum ^ word) * UINT64_C(0x100000001b3);
	}
}

/* False where the device takes nothing more. */
static bool read_piece(struct verify *v, uint8_t *buf)
{
	uint64_t n = min(v->sectors - v->done, (uint64_t)PIECE / BLOCK_SECTOR);
	uint64_t sector = v->first + v->done;
	int rc = block_read(v->b, sector, buf, n * BLOCK_SECTOR);

	v->done += n;
	if (!rc) {
		add(v, buf, n * BLOCK_SECTOR);
		return true;
	}
	v->bad += n;
	if (v->told++ < TOLD_MAX)
		print("blk: verify: sectors %llu to %llu: %s\n", (unsigned long long)sector,
		      (unsigned long long)(sector + n - 1), errno_name(rc));
	return rc != -ENODEV && rc != -EINVAL;
}

static int read_all(struct verify *v, uint8_t *buf)
{
	struct progress p;
	bool goes_on = true;
	int rc = 0;

	progress_begin(&p, "verify", v->sectors * BLOCK_SECTOR, PROGRESS_BYTES);
	while (goes_on && v->done < v->sectors && !rc) {
		goes_on = read_piece(v, buf);
		progress_at(&p, v->done * BLOCK_SECTOR);
		rc = shell_interrupted() ? -EINTR : 0;
	}
	progress_end(&p);
	print("%llu sectors read, %llu of them in pieces that could not be read, sum 0x%016llx\n",
	      (unsigned long long)v->done, (unsigned long long)v->bad,
	      (unsigned long long)v->sum);
	return rc ? rc : v->bad ? -EIO : 0;
}

int block_verify_run(struct block_device *b, int count, char **args)
{
	struct verify v = { .b = b, .sum = UINT64_C(0xcbf29ce484222325) };
	uint8_t *buf;
	int rc;

	if (count > 0 && number(args[0], &v.first))
		return -EINVAL;
	v.sectors = b->info.sectors - min(v.first, b->info.sectors);
	if (count > 1 && number(args[1], &v.sectors))
		return -EINVAL;
	if (v.first > b->info.sectors || v.sectors > b->info.sectors - v.first) {
		print("blk: verify: the disk has %llu sectors\n",
		      (unsigned long long)b->info.sectors);
		return -ERANGE;
	}
	buf = kmalloc(PIECE);
	if (!buf) {
		print("blk: verify: no memory\n");
		return -ENOMEM;
	}
	rc = read_all(&v, buf);
	kfree(buf);
	return rc;
}
