/* SPDX-License-Identifier: MIT */
/*
 * Reads from /dev/vda by io_uring, past the page cache, with buffers and file
 * registered beforehand: whatever the kernel could be spared, it is.
 */
#include "scripts/linuxbench/linuxbench.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DEPTH_MAX = 256, KIB = 1024, BUFFER = 1024 * KIB };

static const struct shape {
	const char *name;
	uint32_t len;
	unsigned depth, requests;
	int sequential;
} shapes[] = {
	{ "blk.read_4k.d1", 4 * KIB, 1, 10000, 0 },
	{ "blk.read_4k.d32", 4 * KIB, 32, 50000, 0 },
	{ "blk.read_4k.d256", 4 * KIB, 256, 50000, 0 },
	{ "blk.read_128k.d8", 128 * KIB, 8, 10000, 1 },
};

static struct {
	int fd;
	unsigned *sq_tail, *sq_array, sq_mask;
	unsigned *cq_head, *cq_tail, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static uint8_t *buffer;
static uint64_t places, place, random_state;

static void *ring_map(size_t size, uint64_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
		    (off_t)offset);
}

static int ring_open(unsigned entries)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_COOP_TASKRUN };
	uint8_t *base;

	ring.fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (ring.fd < 0)
		return -1;
	base = ring_map(p.cq_off.cqes + p.cq_entries * sizeof(*ring.cqes), IORING_OFF_SQ_RING);
	ring.sqes = ring_map(p.sq_entries * sizeof(*ring.sqes), IORING_OFF_SQES);
	if (base == MAP_FAILED || ring.sqes == MAP_FAILED)
		return -1;
	ring.sq_tail = (unsigned *)(base + p.sq_off.tail);
	ring.sq_array = (unsigned *)(base + p.sq_off.array);
	ring.sq_mask = *(unsigned *)(base + p.sq_off.ring_mask);
	ring.cq_head = (unsigned *)(base + p.cq_off.head);
	ring.cq_tail = (unsigned *)(base + p.cq_off.tail);
	ring.cq_mask = *(unsigned *)(base + p.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(base + p.cq_off.cqes);
	return 0;
}

static int ring_register(int fd)
{
	struct iovec whole = { buffer, BUFFER };

	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1) < 0)
		return -1;
	return (int)syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &whole, 1);
}

static uint64_t next_place(const struct shape *s)
{
	if (s->sequential)
		return place = place + 1 < places ? place + 1 : 0;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) * places >> 32;
}

static void prepare(const struct shape *s, unsigned slot)
{
	unsigned tail = *ring.sq_tail;
	unsigned at = tail & ring.sq_mask;
	struct io_uring_sqe *e = &ring.sqes[at];

	memset(e, 0, sizeof(*e));
	e->opcode = IORING_OP_READ_FIXED;
	e->flags = IOSQE_FIXED_FILE;
	e->off = next_place(s) * s->len;
	e->addr = (uintptr_t)(buffer + (size_t)slot * s->len);
	e->len = s->len;
	e->user_data = slot;
	ring.sq_array[at] = at;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int read_all(const struct shape *s, unsigned requests)
{
	unsigned submitted = s->depth, ended = 0, fresh = s->depth;

	for (unsigned i = 0; i < s->depth; i++)
		prepare(s, i);
	while (ended < requests) {
		unsigned head = *ring.cq_head;

		if (syscall(SYS_io_uring_enter, ring.fd, fresh, 1, IORING_ENTER_GETEVENTS, NULL,
			    0) < 0)
			return -1;
		fresh = 0;
		for (; head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE); head++) {
			const struct io_uring_cqe *c = &ring.cqes[head & ring.cq_mask];

			if (c->res != (int)s->len)
				return -1;
			ended++;
			if (submitted < requests) {
				prepare(s, (unsigned)c->user_data);
				submitted++;
				fresh++;
			}
		}
		__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	}
	return 0;
}

static int shape_run(const struct shape *s, uint64_t size)
{
	struct span span;

	places = size / s->len;
	place = 0;
	random_state = 88172645463325252;
	if (read_all(s, 8 * s->depth))
		return give_up(s->name);
	span_begin(&span);
	if (read_all(s, s->requests))
		return give_up(s->name);
	span_end(&span);
	span_print(&span, s->name, s->requests, "requests");
	return 0;
}

int blk_measure(void)
{
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT);
	uint64_t size = 0;

	put("/sys/block/vda/queue/scheduler", "none");
	put("/sys/block/vda/queue/iostats", "0");
	put("/sys/block/vda/queue/nomerges", "2");
	buffer = aligned_alloc(4096, BUFFER);
	memset(buffer, 0, BUFFER);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) || ring_open(DEPTH_MAX) ||
	    ring_register(fd))
		return give_up("blk");
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shape_run(&shapes[i], size))
			return -1;
	return 0;
}
