/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a device behind a ring. They say what the driver's side does and
 * when, and are written over the ring's memory between its steps and, by a hook,
 * between any two reads of one step. Whatever they are: each token comes back exactly
 * once, none that was not given, no more bytes than there was room for, and
 * nothing is read or written outside the ring.
 */
#include "kernel/fuzz.h"

#include "drivers/virtio/fake_virtqueue.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/dma.h"

enum { REQUESTS = 64 };

static struct fake_virtqueue dev;
static char arena[256];

/* Tokens are the addresses of these; 0: not outstanding, else writable bytes + 1. */
static uint32_t requests[REQUESTS];
static unsigned live;

static struct {
	const uint8_t *data;
	size_t size;
} input;

static uint8_t next(void)
{
	if (!input.size)
		return 0;
	input.size--;
	return *input.data++;
}

static uint16_t next16(void)
{
	uint8_t low = next();

	return (uint16_t)(low | next() << 8);
}

/* A few bytes anywhere, also where the device should only read. */
static void scribble(void)
{
	uint8_t *memory = dev.memory;
	size_t at = next16() % dev.layout.total;

	for (unsigned n = next() % 8 + 1u; n && at < dev.layout.total; n--)
		memory[at++] = next();
}

/* Between two reads. */
static void change(void)
{
	if (input.size && next() & 1)
		scribble();
}

static void add(void)
{
	struct virtqueue_segment segs[6];
	uint8_t shape = next();
	unsigned out = shape & 3, in = shape >> 2 & 3, slot = 0;
	uint32_t writable = 0;
	int rc;

	while (slot < REQUESTS && requests[slot])
		slot++;
	if (slot == REQUESTS)
		return;
	for (unsigned i = 0; i < out + in; i++) {
		segs[i] = (struct virtqueue_segment){ arena, shape >> 4 };
		writable += i >= out ? segs[i].len : 0;
	}
	if (out + in == 1 && in)
		rc = virtqueue_add(&dev.vq, segs, 0, 1, &requests[slot]);
	else
		rc = virtqueue_add(&dev.vq, segs, out, in, &requests[slot]);
	if (rc)
		return;
	fuzz_expect(out + in <= dev.vq.size);
	requests[slot] = writable + 1;
	live++;
}

static void came_back(const void *token, uint32_t written)
{
	size_t at = (size_t)((const char *)token - (const char *)requests) / sizeof(requests[0]);

	fuzz_expect(at < REQUESTS && requests[at]);
	fuzz_expect(written < requests[at]);
	requests[at] = 0;
	live--;
}

static void take(void)
{
	uint32_t written;
	void *token;
	int rc = virtqueue_take(&dev.vq, &token, &written);

	fuzz_expect(rc == 0 || rc == -EAGAIN || rc == -EPROTO);
	fuzz_expect((rc == -EPROTO) == dev.vq.stopped);
	if (!rc)
		came_back(token, written);
}

/* What an honest device would do with one of its requests, `which` of those outstanding. */
static void use(unsigned which)
{
	for (unsigned i = 0; i < dev.vq.size; i++) {
		const struct virtqueue_slot *slot = &dev.slots[i];

		if (slot->number >= dev.vq.published || which--)
			continue;
		if (dev.vq.is_packed) {
			dev.used = dev.vq.pack.next_used;
			dev.used_wrap = dev.vq.pack.used_flags != 0;
		} else {
			dev.used = dev.vq.used->idx;
		}
		fake_virtqueue_say(&dev, slot->id, slot->writable, VIRTQ_DESC_F_WRITE);
		return;
	}
}

static void end(void)
{
	void *token;

	virtqueue_stop(&dev.vq);
	while ((token = virtqueue_detach(&dev.vq)))
		came_back(token, 0);
	fuzz_expect(live == 0);
	fuzz_expect(virtqueue_room(&dev.vq) == 0);
}

static void step(void)
{
	uint8_t op = next();

	switch (op & 7) {
	case 0: add(); break;
	case 1: virtqueue_publish(&dev.vq); break;
	case 2: take(); break;
	case 3: use(op >> 3); break;
	case 4: scribble(); break;
	case 5: virtqueue_interrupts_off(&dev.vq); break;
	case 6: (void)!virtqueue_interrupts_on_after(&dev.vq, op >> 3); break;
	case 7:
		if (op < 0xf0)
			break;
		end();
		virtqueue_reinit(&dev.vq);
		break;
	}
	fuzz_expect(virtqueue_outstanding(&dev.vq) == live);
	fuzz_expect(dev.lies <= 1 || !dev.vq.stopped || virtqueue_room(&dev.vq) == 0);
	fuzz_expect(dev.vq.stopped || live || virtqueue_room(&dev.vq) == dev.vq.size);
}

static void play(const uint8_t *data, size_t size, uint64_t features)
{
	struct virtqueue_shape shape = { .align = 16 };
	uint8_t first;

	input.data = data;
	input.size = size;
	first = next();
	shape.features = features | (first & 1 ? VIRTIO_F_EVENT_IDX : 0) |
			 (first & 2 ? VIRTIO_F_INDIRECT_DESC : 0);
	shape.size = (uint16_t)(1u << (first >> 2) % 6);
	shape.entries = shape.size;
	if (features & VIRTIO_F_RING_PACKED)
		shape.size = shape.entries = (uint16_t)((first >> 2) % 40u + 1);
	else if (first & 0x80)
		shape.entries = 64;
	memset(requests, 0, sizeof(requests));
	live = 0;
	fake_virtqueue_open(&dev, &shape);
	/* The first segments of requests are, or are not, where dma_addr() need not look. */
	dma_window = (struct dma_window){ (uintptr_t)arena, next() & 1 ? sizeof(arena) : 0,
					  (uintptr_t)arena };
	virtqueue_read_hook = change;
	while (input.size)
		step();
	virtqueue_read_hook = NULL;
	dma_window = (struct dma_window){ 0 };
	end();
	fake_virtqueue_close(&dev);
}

FUZZ(virtqueue_split)
{
	play(data, size, 0);
}

FUZZ(virtqueue_packed)
{
	play(data, size, VIRTQUEUE_FEATURES & VIRTIO_F_RING_PACKED);
}
