/* SPDX-License-Identifier: MIT */
/*
 * Block devices, whatever drives them.
 *
 *	r->request.done = arrived;
 *	r->op = BLOCK_READ;
 *	r->sector = 2048;
 *	r->buf = page;
 *	r->len = PAGE_SIZE;
 *	rc = block_submit(block_at(0), r);
 *
 * kernel/request.h says whose a request is when. Any number may be
 * outstanding, of any length: what a device cannot take at once is split,
 * what its queues have no room for waits. They end in any order. Submissions
 * of one turn of the loop reach the device together, with one doorbell.
 *
 * A write that has ended may still be in a cache; what was written before a
 * BLOCK_FLUSH was submitted, and had ended by then, is on the medium when that
 * has ended with 0.
 *
 * Errors that a request ends with, beside those of kernel/request.h: -EIO (the
 * device could not: a medium error), -ENOTSUP (it says that it does not know
 * this), -ERANGE (the disk shrank before its turn came), and of a device that
 * was reset while it had the request nothing: the request is given to it again.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/request.h"

enum {
	BLOCK_MAX = 64,
	BLOCK_SECTOR = 512,		/* bytes of the unit of all positions (VIRTIO 1.2, 5.2.6) */
	BLOCK_ID_LEN = 20,		/* bytes of BLOCK_GET_ID */
};

/* How long a device may take for one request before it is reset. */
#define BLOCK_ANSWER_NS	(10 * NS_PER_S)

enum block_op {
	BLOCK_READ,		/* len bytes into buf */
	BLOCK_WRITE,		/* len bytes from buf */
	BLOCK_FLUSH,		/* ends at once where there is no cache to empty */
	BLOCK_DISCARD,		/* len bytes are not needed any more; no buf */
	BLOCK_WRITE_ZEROES,	/* len bytes become zero; no buf */
	BLOCK_GET_ID,		/* the serial number: BLOCK_ID_LEN bytes into buf, perhaps no NUL */
};

struct block_device;

struct block_request {
	struct request request;
	/* The owner sets these. */
	enum block_op op;
	bool unmap;		/* BLOCK_WRITE_ZEROES: the space may be given back */
	uint64_t sector;	/* the first, in units of BLOCK_SECTOR */
	void *buf;		/* must satisfy dma_addr(): no stack */
	size_t len;		/* bytes, a multiple of the block size; not of FLUSH, GET_ID */

	/* The class's. */
	struct block_device *device;

	/* The driver's: of requests that wait, and of those in several parts. */
	struct block_request *next, **link;	/* the line; link is NULL outside it */
	size_t given;		/* bytes that device requests were made for */
	unsigned parts;		/* that the device has, and 1 for the rest in the line */
	int error;		/* that it will end with, once it has come back */
};

/* What a device says of itself, checked. Sizes in bytes unless said otherwise. */
struct block_info {
	uint64_t sectors;	/* capacity, in units of BLOCK_SECTOR */
	uint32_t block_size;	/* logical: a power of two, at least BLOCK_SECTOR */
	uint32_t physical_size;	/* of a physical block; as block_size if it does not say */
	uint32_t align;		/* first aligned logical block, in blocks */
	uint32_t io_min, io_opt;	/* suggested, in blocks; 0: it does not say */
	uint16_t cylinders;	/* geometry; 0: it does not say */
	uint8_t heads, track_sectors;
	uint32_t segment_max;	/* segments of one device request */
	uint32_t segment_size;	/* of one segment */
	uint64_t discard_max;	/* bytes of one BLOCK_DISCARD; 0: it cannot */
	uint64_t zeroes_max;	/* bytes of one BLOCK_WRITE_ZEROES; 0: it cannot */
	bool read_only;
	bool flush;		/* it has a cache that BLOCK_FLUSH empties */
	unsigned queues;
};

struct block_stats {
	uint64_t requests[BLOCK_GET_ID + 1];	/* that ended with 0, by enum block_op */
	uint64_t bytes_read, bytes_written;	/* of these */
	uint64_t errors;
	uint64_t device_requests;	/* what they were split into */
	uint64_t doorbells;
	uint64_t resets;
};

/* A device in DMA memory; its driver sets these, and they last for ever. */
struct block_device {
	const char *driver;	/* a static text */
	struct block_info info;
	struct block_stats stats;
	uint64_t changes;	/* of info.sectors since it was found */
	bool stopped;		/* for good: it takes no requests */
	char serial[BLOCK_ID_LEN + 1];	/* of BLOCK_GET_ID, printable; "" if it has none */
	bool identified;	/* it answered that, or will not */
	struct block_request identify;	/* BLOCK_GET_ID; set by block_register() */
	uint8_t id[BLOCK_ID_LEN];	/* what it answers; DMA memory */
	/*
	 * block_submit(): begins the request by block_begin() or, where
	 * block_is_plain(), by block_begin_plain(); then it ends by
	 * request_end(). Returns 0, an error of block_begin(), or
	 * block_refuse() of an error of block_submit().
	 */
	int (*submit)(struct block_device *b, struct block_request *r);
	/* Ends it with `error` as soon as the device has it no more; -ETIMEDOUT resets it. */
	void (*withdraw)(struct block_device *b, struct block_request *r, int error);
	/* Resets the device and gives it what it had again. 0, -ENOTSUP, -ENODEV, -EPROTO. */
	int (*restart)(struct block_device *b);
	/* It does not answer: stops it for good, ending all that is outstanding. */
	void (*give_up)(struct block_device *b);
	/* "virtio-pci 00:02.0 ...", as format(). */
	int (*describe)(struct block_device *b, char *buf, size_t size);
	/* The address alone: "0xfeb02e00", "0000:00:02.0"; as format(). */
	int (*where)(struct block_device *b, char *buf, size_t size);
};

/* For drivers: checks a request, which is outstanding then. Errors as block_submit(). */
int __must_check block_begin(struct block_device *b, struct block_request *r);

/* Whole blocks, inside the device. A length of 0 is one sector less, and so far beyond the end. */
static __inlined bool block_range_is_good(const struct block_device *b, uint64_t sector,
					  size_t len)
{
	uint64_t odd = (sector * BLOCK_SECTOR | len) & (b->info.block_size - 1);

	return !odd && sector < b->info.sectors &&
	       len / BLOCK_SECTOR - 1 < b->info.sectors - sector;
}

/*
 * For drivers: a read or a write with no limit, of which block_begin() returns
 * 0; and all that is to be done to begin that one.
 */
static __inlined bool block_is_plain(const struct block_device *b, const struct block_request *r)
{
	return request_is_plain(&r->request) &&
	       (r->op == BLOCK_READ || (r->op == BLOCK_WRITE && !b->info.read_only)) &&
	       block_range_is_good(b, r->sector, r->len);
}

static __inlined void block_begin_plain(struct block_device *b, struct block_request *r)
{
	request_begin_plain(&r->request);
	r->device = b;
	r->link = NULL;
	r->error = 0;
}

/* For drivers: the request was not taken, for this reason, which it returns. */
int block_refuse(struct block_request *r, int error);

/* Adds a device for good, all set. Returns 0, -ENOSPC. */
int __must_check block_register(struct block_device *b);

unsigned block_count(void);
/* In the order found; NULL past the last. */
struct block_device *block_at(unsigned index);

/*
 * Returns 0: done() will be called. Else it will not: -EINVAL (no done(), a
 * length of 0 or no multiple of the block size, a position that is none),
 * -ERANGE (beyond the end), -EFAULT (buf is no DMA memory), -EROFS (a device
 * that is read-only), -ENOTSUP (a device that cannot do this), -EBUSY (the
 * request is outstanding), -ENODEV (the device was stopped).
 */
static inline int __must_check block_submit(struct block_device *b, struct block_request *r)
{
	return b->submit(b, r);
}

/*
 * Ends a request with -ECANCELED: at once if the device has not been given any
 * of it, else as soon as the device gives back what it has: buf is the
 * device's until done() is called. False if it is not outstanding or about to
 * end. A limit that passes ends it the same way with -ETIMEDOUT, but then a
 * device that still has it is reset, and is given what else it had again.
 */
bool block_cancel(struct block_request *r);

/*
 * Submit and run the loop until it has ended; buf is DMA memory. Returns what
 * block_submit() does or the request ends with; -EBUSY also for such calls
 * within each other, too many.
 */
int __must_check block_read(struct block_device *b, uint64_t sector, void *buf, size_t len);
int __must_check block_write(struct block_device *b, uint64_t sector, const void *buf,
			     size_t len);
int __must_check block_flush(struct block_device *b);
/* BLOCK_DISCARD, BLOCK_WRITE_ZEROES. */
int __must_check block_erase(struct block_device *b, enum block_op op, uint64_t sector,
			     uint64_t len);

/*
 * The device's serial number; "" if it has none or does not tell. Asked for
 * once, by b->identify, unless the driver did so already. May run the loop.
 */
const char *block_serial(struct block_device *b);

/* "read", "flush", ...: as the shell calls them. */
const char *block_op_name(enum block_op op);

/* One line: size, block size, what it can do, who drives it; as format(). */
int block_describe(struct block_device *b, char *buf, size_t size);

/*
 * Prints figures of reading it. Where CONFIG_BENCH is on. Returns 0, -EINTR if
 * the user stopped it, or another negative errno that it has told.
 */
int block_bench(struct block_device *b);

/* Prints the lines of the boot report about block devices. */
void block_report(void);

struct json;
/* Writes the value of "block" (Documentation/machine.md). */
void block_report_json(struct json *j);
