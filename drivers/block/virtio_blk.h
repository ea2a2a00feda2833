/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device (VIRTIO 1.2, 5.2): what its files share. Private to
 * virtio_blk*.c and their tests.
 *
 *	virtio_blk_config.c	its configuration space
 *	virtio_blk_info.c	what the device says of itself
 *	virtio_blk_give.c	from a request to the ring, whole or in parts
 *	virtio_blk_line.c	requests that wait until there is room
 *	virtio_blk_back.c	what comes back, from the device or by a reset
 *	virtio_blk.c		from probe to the end: resets, the watch, resizing
 */
#pragma once

#include "drivers/block/block.h"
#include "drivers/virtio/virtio.h"

/* Feature bits (5.2.3). */
#define VIRTIO_BLK_F_SIZE_MAX		BIT(1)
#define VIRTIO_BLK_F_SEG_MAX		BIT(2)
#define VIRTIO_BLK_F_GEOMETRY		BIT(4)
#define VIRTIO_BLK_F_RO			BIT(5)
#define VIRTIO_BLK_F_BLK_SIZE		BIT(6)
#define VIRTIO_BLK_F_FLUSH		BIT(9)
#define VIRTIO_BLK_F_TOPOLOGY		BIT(10)
#define VIRTIO_BLK_F_CONFIG_WCE		BIT(11)
#define VIRTIO_BLK_F_MQ			BIT(12)
#define VIRTIO_BLK_F_DISCARD		BIT(13)
#define VIRTIO_BLK_F_WRITE_ZEROES	BIT(14)

/* Request types and status (5.2.6). */
enum virtio_blk_type {
	VIRTIO_BLK_T_IN = 0,
	VIRTIO_BLK_T_OUT = 1,
	VIRTIO_BLK_T_FLUSH = 4,
	VIRTIO_BLK_T_GET_ID = 8,
	VIRTIO_BLK_T_DISCARD = 11,
	VIRTIO_BLK_T_WRITE_ZEROES = 13,
};

enum virtio_blk_status {
	VIRTIO_BLK_S_OK = 0,
	VIRTIO_BLK_S_IOERR = 1,
	VIRTIO_BLK_S_UNSUPP = 2,
	VIRTIO_BLK_S_NONE = 0xff,	/* ours: the device has written none */
};

enum { VIRTIO_BLK_UNMAP = 1 };		/* flag of a range */

/* Configuration space (5.2.4); little-endian, as we are. */
struct virtio_blk_config {
	uint64_t capacity;		/* sectors */
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback;
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
} __packed;
static_assert(offsetof(struct virtio_blk_config, blk_size) == 20, "5.2.4");
static_assert(offsetof(struct virtio_blk_config, writeback) == 32, "5.2.4");
static_assert(offsetof(struct virtio_blk_config, max_discard_sectors) == 36, "5.2.4");
static_assert(sizeof(struct virtio_blk_config) == 60, "5.2.4");

struct virtio_blk_header {
	uint32_t type;
	uint32_t reserved;		/* ioprio on legacy devices */
	uint64_t sector;		/* 0 unless it reads or writes */
};
static_assert(sizeof(struct virtio_blk_header) == 16, "5.2.6");

/* The data of a discard or of writing zeroes. */
struct virtio_blk_range {
	uint64_t sector;
	uint32_t sectors;
	uint32_t flags;
};
static_assert(sizeof(struct virtio_blk_range) == 16, "5.2.6");

enum {
	VIRTIO_BLK_QUEUES = 4,		/* that we use, at most */
	VIRTIO_BLK_RING = 256,		/* descriptors of each, at most */
	VIRTIO_BLK_SEGMENTS = 126,	/* pieces of the data of one part, at most */
	VIRTIO_BLK_PART_MAX = 1 << 30,	/* bytes of one part: far below 4 GiB (2.7.5.2) */
	VIRTIO_BLK_SIZE_MAX = 2 << 20,	/* bytes of a block, at most */
};

/* What the device said of itself that cannot be: a static text, and the number. */
struct virtio_blk_lie {
	const char *what;
	uint64_t value;
};

/*
 * What `c` says, as far as `features` say that it says it, within bounds.
 * `ring` is how many descriptors each queue has. What is merely odd is left
 * out or bounded; what cannot be used is a lie.
 * Returns 0, -EPROTO (*lie).
 */
int __must_check virtio_blk_info(const struct virtio_blk_config *c, uint64_t features,
				 unsigned ring, struct block_info *out,
				 struct virtio_blk_lie *lie);

/* Of `capacity`, the sectors that make whole blocks; -EPROTO: more than bytes can be counted. */
int __must_check virtio_blk_sectors(uint64_t capacity, uint32_t block_size, uint64_t *out,
				    struct virtio_blk_lie *lie);

/* Queues for a device that says it has so many. */
unsigned virtio_blk_queues(uint64_t features, uint16_t num_queues);

/*
 * One device request: a request, or a part of one that the device cannot take
 * at once. It lies in memory that the device was given, of which it may write
 * `status` alone.
 */
struct virtio_blk_part {
	struct virtio_blk_header header;	/* the device reads */
	struct virtio_blk_range range;		/* the device reads, if anybody */
	uint8_t status;				/* the device writes */
	uint32_t len;				/* bytes of the request that it is about */
	struct block_request *request;
	struct virtio_blk_part *next;		/* free, or to be given again */
	uint64_t number;			/* in the order given, of all queues */
};
static_assert(sizeof(struct virtio_blk_part) == 64, "a line of the cache");

struct virtio_blk_queue {
	struct virtqueue *vq;
	struct virtio_blk_part *free;		/* the one used last comes first */
	struct virtio_blk_part *again;		/* between halted and restarted */
	struct virtio_blk_part *parts;		/* all, one for each descriptor */
	struct block_request proof;		/* of its interrupt, but for the first */
	uint8_t proof_id[BLOCK_ID_LEN];		/* the device writes */
};

struct virtio_blk {
	struct block_device block;
	struct virtio_device *dev;

	/* virtio_blk_give.c's */
	struct virtio_blk_queue *current;	/* for submissions of this turn */
	size_t simple_max;			/* bytes that are one part of one segment */
	size_t part_max;			/* bytes of one part */
	struct work publish;

	/* virtio_blk_line.c's */
	struct block_request *first, **end;

	/* virtio_blk_back.c's */
	uint64_t back;				/* parts that came back */
	bool halted;				/* being reset: nothing is given */
	int error;				/* that ends what is outstanding, if stopped */

	/* virtio_blk.c's */
	struct timer watch;
	uint64_t seen;				/* `back` when the watch looked last */
	unsigned silent;			/* times in a row that this was the same */
	bool warned;				/* it was reset for silence, and silent since */
	struct work restart;

	struct virtio_blk_queue queues[VIRTIO_BLK_QUEUES];
};

static inline struct virtio_blk *virtio_blk_of(struct block_device *b)
{
	return container_of(b, struct virtio_blk, block);
}

/* virtio_blk_config.c: 0, or an error of virtio_config_read(). */

int __must_check virtio_blk_config_read(struct virtio_device *dev, struct virtio_blk_config *c);
int __must_check virtio_blk_capacity_read(struct virtio_device *dev, struct virtio_blk_config *c);

/* virtio_driver.queues_wanted */
unsigned virtio_blk_queues_wanted(struct virtio_device *dev);

/* virtio_blk_give.c */

/* The queue has its parts, all free. Returns 0, -ENOMEM. */
int __must_check virtio_blk_parts_alloc(struct virtio_blk_queue *q);

/* After info, queues and parts. */
void virtio_blk_give_init(struct virtio_blk *v);

/* block_device.submit */
int virtio_blk_submit(struct block_device *b, struct block_request *r);

/*
 * Gives the device the next part of a request, of r->given bytes on, in any
 * queue that has room. Returns 0, or what virtqueue_add() does.
 */
int __must_check virtio_blk_give(struct virtio_blk *v, struct block_request *r);
/* The same for the request of a queue's proof, in this queue, at once. */
int __must_check virtio_blk_give_to(struct virtio_blk *v, struct virtio_blk_queue *q,
				    struct block_request *r);
/* Gives it a part again that it had before a reset. */
int __must_check virtio_blk_give_again(struct virtio_blk *v, struct virtio_blk_queue *q,
				       struct virtio_blk_part *p);

/* Shows the device all it was given. */
void virtio_blk_publish(struct virtio_blk *v);
/* The same, at the end of this turn of the loop, and it is watched. */
void virtio_blk_publish_soon(struct virtio_blk *v);

/* Bytes of the request that parts are made of, 0 of a flush, which is one part. */
static inline size_t virtio_blk_span(const struct block_request *r)
{
	if (r->op == BLOCK_GET_ID)
		return BLOCK_ID_LEN;
	return r->op == BLOCK_FLUSH ? 0 : r->len;
}

/* virtio_blk_line.c */

void virtio_blk_line_init(struct virtio_blk *v);

/* The request waits, or is given at once as far as there is room. Returns 0, -EFAULT, -ENODEV. */
int __must_check virtio_blk_line_submit(struct virtio_blk *v, struct block_request *r);

/* Gives the device of the line what there is room for. */
void virtio_blk_line_run(struct virtio_blk *v);

/* The rest of a request that waits will not be given. */
void virtio_blk_line_leave(struct virtio_blk *v, struct block_request *r);

/* What waits and does not lie inside the disk any more ends with -ERANGE. */
void virtio_blk_line_shrink(struct virtio_blk *v);

/* block_device.withdraw */
void virtio_blk_withdraw(struct block_device *b, struct block_request *r, int error);

/* virtio_blk_back.c */

/* The queues' callback. */
void virtio_blk_drain(struct virtqueue *vq);
/* The same of all queues. */
void virtio_blk_drain_all(struct virtio_blk *v);

/* One part of it less, or the line. Where that was the last the request ends. */
void virtio_blk_part_over(struct virtio_blk *v, struct block_request *r);

/* Parts that the device has. */
unsigned virtio_blk_outstanding(const struct virtio_blk *v);

/* It was reset and owns nothing of the queue's: q->again is what it gets again. */
void virtio_blk_queue_take_back(struct virtio_blk *v, struct virtio_blk_queue *q);
/* Gives it that; what virtqueue_add() says. */
int __must_check virtio_blk_queue_give_back(struct virtio_blk *v, struct virtio_blk_queue *q);
/* The same of all queues; between the two nothing is given. */
void virtio_blk_take_back(struct virtio_blk *v);
int __must_check virtio_blk_give_back(struct virtio_blk *v);
/* The device was stopped: all ends with v->error. */
void virtio_blk_end_all(struct virtio_blk *v);

/* virtio_blk.c */

/* Starts the watch: the device owes something. */
void virtio_blk_watch(struct virtio_blk *v);
