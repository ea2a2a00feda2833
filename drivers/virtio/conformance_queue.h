/* SPDX-License-Identifier: MIT */
/*
 * For tests of what VIRTIO 1.2 demands of a ring (2.7, 2.8): a queue whose
 * memory is looked at as a device would, with requests of random shape that
 * are known to the test. Compiled for the host only.
 */
#pragma once

#include <asm/barrier.h>

#include "drivers/virtio/fake_transport.h"
#include "kernel/ktest.h"

enum {
	CONFORMANCE_SIZE = 16,		/* descriptors */
	CONFORMANCE_SEGMENTS = 8,	/* of a request, at most */
};

struct conformance_request {
	bool live;			/* the device has it, or it came back and was not taken */
	unsigned out, in;
	struct virtqueue_segment segs[CONFORMANCE_SEGMENTS];
};

struct conformance_queue {
	struct fake_device fake;
	struct virtqueue *vq;
	struct virtqueue_addresses at;	/* of the ring's parts */
	struct conformance_request requests[CONFORMANCE_SIZE];
};

/* The only one at a time. */
extern struct conformance_queue conformance_queue;

/*
 * Brings up a device that offers these ring features beside VERSION_1. False
 * (a failure of the test) unless just these were agreed upon. The ring's memory
 * was rubbish: the sanitizer sees to that.
 */
bool __must_check conformance_open(struct ktest_run *t, uint64_t ring_features);
void conformance_close(struct ktest_run *t);

/* Adds a request of random shape; NULL if the ring had no room, or all are live. */
struct conformance_request *conformance_add(struct ktest_run *t);

/* A segment as a device finds it. */
struct conformance_found {
	uint64_t addr;
	uint32_t len;
	bool write;
};

/* That what the device found is this request, what it writes behind what it reads. */
void conformance_same(struct ktest_run *t, const struct conformance_request *r,
		      const struct conformance_found *found, unsigned count);

/* Takes one request back; NULL if there is none. */
struct conformance_request *conformance_take(struct ktest_run *t);
