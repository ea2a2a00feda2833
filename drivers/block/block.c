/* SPDX-License-Identifier: MIT */
/*
 * Disks: what a request must be before a driver sees it, and calls that wait.
 *
 * That buf is memory of ours is for the driver to find out, as its ring does
 * so in any case.
 */
#include "drivers/block/block.h"

#include "kernel/lib/errno.h"
#include "kernel/loop.h"

#define LOG_SUBSYS block
#include "kernel/log.h"
LOG_DEFINE();

/* A device that is silent is given up before (BLOCK_ANSWER_NS, and once more). */
#define WAIT_NS		(4 * BLOCK_ANSWER_NS)

static struct block_device *devices[BLOCK_MAX];
static unsigned device_count;

static void identified(struct request *request)
{
	struct block_device *b = container_of(request, struct block_device, identify.request);
	size_t n = 0;

	for (; !request->error && n < BLOCK_ID_LEN && b->id[n]; n++)
		b->serial[n] = b->id[n] < ' ' || b->id[n] > '~' ? '?' : (char)b->id[n];
	b->serial[n] = '\0';
	b->identified = true;
}

int block_register(struct block_device *b)
{
	if (device_count == BLOCK_MAX)
		return -ENOSPC;
	b->identify = (struct block_request){
		.request.done = identified, .op = BLOCK_GET_ID, .buf = b->id, .device = b,
	};
	devices[device_count++] = b;
	return 0;
}

unsigned block_count(void)
{
	return device_count;
}

struct block_device *block_at(unsigned index)
{
	return index < device_count ? devices[index] : NULL;
}

const char *block_op_name(enum block_op op)
{
	static const char *const names[] = {
		[BLOCK_READ] = "read", [BLOCK_WRITE] = "write", [BLOCK_FLUSH] = "flush",
		[BLOCK_DISCARD] = "discard", [BLOCK_WRITE_ZEROES] = "zeroes",
		[BLOCK_GET_ID] = "id",
	};

	return (unsigned)op < ARRAY_SIZE(names) ? names[op] : "?";
}

static int range_check(const struct block_device *b, uint64_t sector, size_t len)
{
	if (block_range_is_good(b, sector, len))
		return 0;
	if (len == 0 || ((sector * BLOCK_SECTOR | len) & (b->info.block_size - 1)))
		return -EINVAL;
	return -ERANGE;
}

/* What is neither a read nor a write. */
static int other_check(const struct block_device *b, const struct block_request *r)
{
	switch (r->op) {
	case BLOCK_FLUSH:
		return 0;
	case BLOCK_GET_ID:
		return 0;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		if (b->info.read_only)
			return -EROFS;
		if (!(r->op == BLOCK_DISCARD ? b->info.discard_max : b->info.zeroes_max))
			return -ENOTSUP;
		return range_check(b, r->sector, r->len);
	default:
		return -EINVAL;
	}
}

static int request_check(const struct block_device *b, const struct block_request *r)
{
	if (r->op > BLOCK_WRITE)
		return other_check(b, r);
	if (r->op == BLOCK_WRITE && b->info.read_only)
		return -EROFS;
	return range_check(b, r->sector, r->len);
}

static void limit_expired(struct request *request)
{
	struct block_request *r = container_of(request, struct block_request, request);

	r->device->withdraw(r->device, r, -ETIMEDOUT);
}

int block_begin(struct block_device *b, struct block_request *r)
{
	int rc = request_check(b, r);

	if (!rc)
		rc = request_begin(&r->request, limit_expired);
	if (!rc)
		block_begin_plain(b, r);
	return rc;
}

int block_refuse(struct block_request *r, int error)
{
	request_undo(&r->request);
	return error;
}

bool block_cancel(struct block_request *r)
{
	if (!request_is_open(&r->request))
		return false;
	r->device->withdraw(r->device, r, -ECANCELED);
	return true;
}

static void nothing_more(struct request *r __unused)
{
}

/* The request is gone with the caller's stack, so it ends here, whatever it takes. */
static int submit_and_wait(struct block_device *b, struct block_request *r)
{
	int rc;

	if (!loop_may_wait())
		return -EBUSY;
	r->request.done = nothing_more;
	r->request.limit = WAIT_NS;
	rc = block_submit(b, r);
	if (rc)
		return rc;
	if (request_wait(&r->request, 2 * WAIT_NS)) {
		b->give_up(b);
		requests_tell();
	}
	return r->request.error;
}

int block_read(struct block_device *b, uint64_t sector, void *buf, size_t len)
{
	struct block_request r = {
		.op = BLOCK_READ, .sector = sector, .buf = buf, .len = len,
	};

	return submit_and_wait(b, &r);
}

int block_write(struct block_device *b, uint64_t sector, const void *buf, size_t len)
{
	struct block_request r = {
		.op = BLOCK_WRITE, .sector = sector, .buf = (void *)buf, .len = len,
	};

	return submit_and_wait(b, &r);
}

int block_flush(struct block_device *b)
{
	struct block_request r = { .op = BLOCK_FLUSH };

	return submit_and_wait(b, &r);
}

int block_erase(struct block_device *b, enum block_op op, uint64_t sector, uint64_t len)
{
	struct block_request r = { .op = op, .sector = sector, .len = len };

	if (op != BLOCK_DISCARD && op != BLOCK_WRITE_ZEROES)
		return -EINVAL;
	return submit_and_wait(b, &r);
}

const char *block_serial(struct block_device *b)
{
	struct block_request *r = &b->identify;

	if (b->identified)
		return b->serial;
	if (!r->request.outstanding && block_submit(b, r))
		b->identified = true;
	else if (request_wait(&r->request, WAIT_NS))
		log_warn("%s: it does not say who it is", b->driver);
	return b->serial;
}
