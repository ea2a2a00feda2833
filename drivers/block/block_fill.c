/* SPDX-License-Identifier: MIT */
/*
 * The command `blkfill`: much data to a disk and back, for the runs of
 * scripts/tests.cfg. Requests of all sizes up to a MiB, many outstanding; every
 * sector has contents of its own (block_pattern.h), which the host can check
 * in the file behind the disk.
 *
 * The area is cut into stripes, which are visited in an order that jumps; how
 * many requests are outstanding changes all the time, up to the depth. While
 * it writes, the device is restarted now and then: what it has then is given
 * to it again, and nobody may notice.
 */
#include "drivers/block/block.h"
#include "drivers/block/block_pattern.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum {
	STRIPE = 2048,			/* sectors: 1 MiB, the longest request too */
	SIZES = 12,			/* of requests: up to 2^0 ... 2^11 sectors */
	DEPTH_MAX = 256,
	BUFFERS = 32 << 20,		/* bytes, all together */
	MOOD = 64,			/* requests until depth and restarts are drawn again */
	RESTART_ODDS = 16,
};

/* For the last to end: each may take its time, and again after a reset. */
#define PATIENCE	(8 * BLOCK_ANSWER_NS)

struct fill;

struct piece {
	struct block_request r;
	struct fill *fill;
	struct piece *next;		/* of those that are free */
};

struct fill {
	struct block_device *disk;
	enum block_op op;
	uint64_t seed, generation;
	uint64_t stripes, stripe, step;	/* how many, of these now, to the next */
	uint64_t stripes_left;
	unsigned at;			/* sector of the stripe that comes next */
	unsigned depth, limit;		/* outstanding at most; at present */
	bool restarts;

	struct piece *pieces, *free;
	unsigned order;			/* of a piece's pages */
	unsigned outstanding;
	uint64_t requests, restarted;
	uint64_t wrong;			/* sectors */
	uint64_t where;			/* the first sector that failed */
	int error;			/* of the first request that failed */
};

static void sectors_make(struct piece *p)
{
	uint64_t (*words)[BLOCK_PATTERN_WORDS] = p->r.buf;

	for (size_t i = 0; i < p->r.len / BLOCK_SECTOR; i++)
		block_pattern_fill(words[i], p->fill->seed, p->fill->generation,
				   p->r.sector + i);
}

static void sectors_compare(struct piece *p)
{
	const uint64_t (*words)[BLOCK_PATTERN_WORDS] = p->r.buf;
	struct fill *f = p->fill;

	for (size_t i = 0; i < p->r.len / BLOCK_SECTOR; i++) {
		if (block_pattern_matches(words[i], f->seed, f->generation, p->r.sector + i))
			continue;
		if (!f->wrong++ && !f->error)
			f->where = p->r.sector + i;
	}
}

static void piece_done(struct request *request)
{
	struct piece *p = container_of(request, struct piece, r.request);
	struct fill *f = p->fill;

	if (request->error && !f->error) {
		f->error = request->error;
		f->where = p->r.sector;
	}
	if (!request->error && f->op == BLOCK_READ)
		sectors_compare(p);
	p->next = f->free;
	f->free = p;
	f->outstanding--;
}

static uint64_t draw(struct fill *f)
{
	return block_pattern_random(f->seed + f->generation, f->requests * 4 + f->at % 4);
}

/* The next range of the area: from f->at of this stripe, of a random length. */
static void piece_place(struct fill *f, struct piece *p)
{
	unsigned unit = f->disk->info.block_size / BLOCK_SECTOR;
	unsigned most = (unsigned)((size_t)PAGE_SIZE << f->order) / BLOCK_SECTOR;
	uint64_t random = draw(f);
	unsigned count = 1 + (unsigned)((random >> 32) & ((1u << random % SIZES) - 1));

	count = min((count + unit - 1) / unit * unit, most);
	count = min(count, STRIPE - f->at);
	p->r.sector = f->stripe * STRIPE + f->at;
	p->r.len = (size_t)count * BLOCK_SECTOR;
	f->at += count;
	if (f->at == STRIPE) {
		f->at = 0;
		f->stripe = (f->stripe + f->step) % f->stripes;
		f->stripes_left--;
	}
}

/* Another depth; and now and then a restart under load. */
static void mood_change(struct fill *f)
{
	uint64_t random = draw(f) >> 16;
	unsigned powers = 1;

	while (1u << powers <= f->depth)
		powers++;
	f->limit = 1u << random % powers;
	if (!f->restarts || (random >> 16) % RESTART_ODDS)
		return;
	if (f->disk->restart(f->disk) == 0)
		f->restarted++;
}

static int piece_start(struct fill *f)
{
	struct piece *p = f->free;
	int rc;

	if (f->requests++ % MOOD == 0)
		mood_change(f);
	piece_place(f, p);
	p->r.request.done = piece_done;
	p->r.op = f->op;
	if (f->op == BLOCK_WRITE)
		sectors_make(p);
	rc = block_submit(f->disk, &p->r);
	if (rc) {
		f->where = p->r.sector;
		return rc;
	}
	f->free = p->next;
	f->outstanding++;
	return 0;
}

static bool has_room(void *context)
{
	struct fill *f = context;

	return f->error || (f->free && f->outstanding < f->limit);
}

static bool is_idle(void *context)
{
	return ((struct fill *)context)->outstanding == 0;
}

/* Once over the whole area. Returns 0 or the first error; f->wrong counts too. */
static int fill_run(struct fill *f)
{
	int rc = 0;

	f->stripes_left = f->stripes;
	f->stripe = f->generation % f->stripes;
	f->limit = f->depth;
	while (!f->error && !rc && f->stripes_left) {
		rc = loop_until(has_room, f, PATIENCE);
		while (!rc && !f->error && f->stripes_left && has_room(f))
			rc = piece_start(f);
	}
	if (rc && !f->error)
		f->error = rc;
	rc = loop_until(is_idle, f, PATIENCE);
	return f->error ?: rc;
}

/* A step through the stripes that meets each once. */
static uint64_t step_for(uint64_t stripes)
{
	uint64_t step = stripes * 5 / 8 + 1;

	for (;; step++) {
		uint64_t a = stripes, b = step;

		while (b) {
			uint64_t rest = a % b;

			a = b;
			b = rest;
		}
		if (a == 1)
			return step;
	}
}

static void fill_free(struct fill *f)
{
	for (unsigned i = 0; f->pieces && i < f->depth; i++)
		if (f->pieces[i].r.buf)
			page_free(f->pieces[i].r.buf, f->order);
	kfree(f->pieces);
	kfree(f);
}

/* Buffers for `depth` requests: as long as they fit into what we may have. */
static int fill_alloc(struct fill *f)
{
	while (f->order && ((size_t)PAGE_SIZE << f->order) * f->depth > BUFFERS)
		f->order--;
	f->pieces = kcalloc(f->depth, sizeof(*f->pieces));
	if (!f->pieces)
		return -ENOMEM;
	for (unsigned i = 0; i < f->depth; i++) {
		struct piece *p = &f->pieces[i];

		p->r.buf = page_alloc(f->order, PAGE_ANY);
		if (!p->r.buf)
			return -ENOMEM;
		p->fill = f;
		p->next = f->free;
		f->free = p;
	}
	return 0;
}

/* Says how it went. */
static int fill_tell(const struct fill *f, const char *verb, int rc)
{
	if (rc)
		print("blkfill: %s of sector %llu: %s\n", verb, (unsigned long long)f->where,
		      errno_name(rc));
	else if (f->wrong)
		print("blkfill: %llu sectors are wrong, sector %llu first\n",
		      (unsigned long long)f->wrong, (unsigned long long)f->where);
	else
		print("blkfill: %s of %llu MiB is right: %llu requests of at most %zu KiB, "
		      "%u outstanding, %llu restarts\n", verb, (unsigned long long)f->stripes,
		      (unsigned long long)f->requests, ((size_t)PAGE_SIZE << f->order) / 1024,
		      f->depth, (unsigned long long)f->restarted);
	return rc ?: f->wrong ? -EIO : 0;
}

static int flush(struct block_device *disk)
{
	return disk->info.flush ? block_flush(disk) : 0;
}

static int run_write(struct fill *f)
{
	int rc;

	f->op = BLOCK_WRITE;
	f->restarts = f->disk->restart != NULL;
	rc = fill_run(f) ?: flush(f->disk);
	return fill_tell(f, "write", rc);
}

static int run_verify(struct fill *f)
{
	int rc = f->disk->restart ? f->disk->restart(f->disk) : -ENOTSUP;

	if (rc == 0)
		f->restarted++;
	else if (rc != -ENOTSUP)
		return fill_tell(f, "restart", rc);
	f->op = BLOCK_READ;
	return fill_tell(f, "verify", fill_run(f));
}

/* Writes it again and again, each time as the next generation. */
static int run_rounds(struct fill *f)
{
	uint64_t rounds = f->generation;
	int rc = 0;

	f->op = BLOCK_WRITE;
	for (f->generation = 1; !rc && f->generation <= rounds; f->generation++) {
		rc = fill_run(f) ?: flush(f->disk);
		if (!rc)
			print("flushed generation %llu\n", (unsigned long long)f->generation);
	}
	return fill_tell(f, "write", rc);
}

static int number(const char *word, uint64_t least, uint64_t most, uint64_t *value)
{
	const char *end;
	int rc = parse_u64(word, &end, value);

	return rc ?: *end || *value < least || *value > most ? -EINVAL : 0;
}

/* DISK SEED MIB [DEPTH [GENERATION]] */
static int fill_parse(struct fill *f, int argc, char **argv)
{
	uint64_t disk, depth = 32;

	if (argc < 3 || argc > 5 || number(argv[0], 0, BLOCK_MAX - 1, &disk) ||
	    number(argv[1], 0, UINT64_MAX, &f->seed) || number(argv[2], 1, 1 << 20, &f->stripes) ||
	    (argc > 3 && number(argv[3], 1, DEPTH_MAX, &depth)) ||
	    (argc > 4 && number(argv[4], 0, UINT64_MAX, &f->generation)))
		return -EINVAL;
	f->disk = block_at((unsigned)disk);
	f->depth = (unsigned)depth;
	f->step = step_for(f->stripes);
	f->order = 8;		/* a stripe */
	if (!f->disk) {
		print("blkfill: there is no disk %llu\n", (unsigned long long)disk);
		return -ENODEV;
	}
	if (f->disk->info.sectors / STRIPE < f->stripes) {
		print("blkfill: the disk has no more than %llu MiB\n",
		      (unsigned long long)f->disk->info.sectors / STRIPE);
		return -ERANGE;
	}
	return 0;
}

static int blkfill_run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct fill *f);
	} modes[] = { { "write", run_write }, { "verify", run_verify }, { "rounds", run_rounds } };
	struct fill *f;
	unsigned mode = 0;
	int rc;

	while (mode < ARRAY_SIZE(modes) && (argc < 2 || strcmp(argv[1], modes[mode].name)))
		mode++;
	if (mode == ARRAY_SIZE(modes))
		return -EINVAL;
	f = kzalloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	rc = fill_parse(f, argc - 2, argv + 2) ?: fill_alloc(f);
	if (rc == -ENOMEM)
		print("blkfill: no memory for so many requests\n");
	rc = rc ?: modes[mode].run(f);
	if (f->outstanding) {	/* what is the device's is never given back */
		print("blkfill: %u requests never ended\n", f->outstanding);
		return rc;
	}
	fill_free(f);
	return rc;
}
SHELL_COMMAND(blkfill, "write|verify|rounds DISK SEED MIB [DEPTH [GENERATION]]",
	      "OVERWRITE a disk with what `verify` and blkcheck.py know", blkfill_run);
