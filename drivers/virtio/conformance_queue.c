/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/conformance_queue.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

struct conformance_queue conformance_queue;

static uint8_t arena[4096];

static void nothing(struct virtqueue *vq __unused)
{
}

static int probe(struct virtio_device *dev)
{
	int rc = virtio_queue_setup(dev, 0, CONFORMANCE_SIZE, nothing, &conformance_queue.vq);

	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static const struct virtio_driver driver = {
	.name = "conformance", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe,
};

bool conformance_open(struct ktest_run *t, uint64_t ring_features)
{
	struct conformance_queue *c = &conformance_queue;

	memset(c, 0, sizeof(*c));
	fake_device_init(&c->fake, VIRTIO_ID_RNG);
	c->fake.offered |= ring_features;
	if (!expect_eq(t, virtio_device_start(&c->fake.dev, &driver), 0))
		return false;
	c->at = c->fake.rings[0].at;
	if (expect_eq(t, c->fake.accepted, VIRTIO_F_VERSION_1 | ring_features))
		return true;
	conformance_close(t);
	return false;
}

void conformance_close(struct ktest_run *t)
{
	host_barrier = NULL;
	expect(t, conformance_queue.fake.dev.fault == NULL);
	virtio_device_fail(&conformance_queue.fake.dev, "the test is over", 0);
	while (virtqueue_detach(conformance_queue.vq))
		;
	virtio_queues_free(&conformance_queue.fake.dev);
}

static struct conformance_request *request_free(void)
{
	for (unsigned i = 0; i < CONFORMANCE_SIZE; i++)
		if (!conformance_queue.requests[i].live)
			return &conformance_queue.requests[i];
	return NULL;
}

/* Shapes that are constants are compiled into the caller, so some of them are here. */
static int add(struct conformance_request *r)
{
	struct virtqueue *vq = conformance_queue.vq;

	switch (r->out << 4 | r->in) {
	case 0x01: return virtqueue_add(vq, r->segs, 0, 1, r);
	case 0x10: return virtqueue_add(vq, r->segs, 1, 0, r);
	case 0x11: return virtqueue_add(vq, r->segs, 1, 1, r);
	case 0x12: return virtqueue_add(vq, r->segs, 1, 2, r);
	case 0x21: return virtqueue_add(vq, r->segs, 2, 1, r);
	default: return virtqueue_add(vq, r->segs, r->out, r->in, r);
	}
}

struct conformance_request *conformance_add(struct ktest_run *t)
{
	struct conformance_request *r = request_free();
	unsigned count = 1 + (unsigned)ktest_random_below(t, CONFORMANCE_SEGMENTS);
	int rc;

	if (!r)
		return NULL;
	r->out = (unsigned)ktest_random_below(t, count + 1);
	r->in = count - r->out;
	for (unsigned i = 0; i < count; i++)
		r->segs[i] = (struct virtqueue_segment){
			&arena[ktest_random_below(t, sizeof(arena) / 2)],
			1 + (uint32_t)ktest_random_below(t, sizeof(arena) / 2),
		};
	rc = add(r);
	expect(t, rc == 0 || rc == -ENOSPC);
	r->live = rc == 0;
	return rc ? NULL : r;
}

void conformance_same(struct ktest_run *t, const struct conformance_request *r,
		      const struct conformance_found *found, unsigned count)
{
	require(t, count == r->out + r->in);
	for (unsigned i = 0; i < count; i++) {
		expect_eq(t, found[i].addr, (uintptr_t)r->segs[i].data);
		expect_eq(t, found[i].len, r->segs[i].len);
		expect_eq(t, found[i].write, i >= r->out);
	}
}

struct conformance_request *conformance_take(struct ktest_run *t)
{
	struct conformance_request *r;
	uint32_t written;
	void *token;

	if (virtqueue_take(conformance_queue.vq, &token, &written))
		return NULL;
	r = token;
	expect(t, r->live);
	r->live = false;
	return r;
}
