/* SPDX-License-Identifier: MIT */
/*
 * The rings as they lie in memory (VIRTIO 1.2): split, 2.7.5 to 2.7.8, and
 * packed, 2.8.13 and 2.8.14; little-endian.
 */
#pragma once

#include "kernel/lib/types.h"

enum virtq_desc_flags {
	VIRTQ_DESC_F_NEXT = 1,
	VIRTQ_DESC_F_WRITE = 2,
	VIRTQ_DESC_F_INDIRECT = 4,
	VIRTQ_DESC_F_AVAIL = 1 << 7,	/* packed */
	VIRTQ_DESC_F_USED = 1 << 15,	/* packed */
};

enum virtq_flags {
	VIRTQ_AVAIL_F_NO_INTERRUPT = 1,
	VIRTQ_USED_F_NO_NOTIFY = 1,
};

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* Behind the entries lies used_event (2.7.6). */
struct virtq_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};

/* Behind the entries lies avail_event (2.7.8). */
struct virtq_used {
	uint16_t flags;
	uint16_t idx;
	struct virtq_used_elem ring[];
};

struct pvirtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/* Event suppression (2.8.14): `desc` and, above it, `flags`, as one word. */
struct pvirtq_event {
	uint32_t word;
};

enum pvirtq_event_flags {
	RING_EVENT_FLAGS_ENABLE = 0,
	RING_EVENT_FLAGS_DISABLE = 1,
	RING_EVENT_FLAGS_DESC = 2,	/* with EVENT_IDX */
};

#define RING_EVENT_OFF		GENMASK(14, 0)
#define RING_EVENT_WRAP		BIT(15)
#define RING_EVENT_FLAGS	GENMASK(17, 16)

_Static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");
_Static_assert(offsetof(struct virtq_avail, ring) == 4, "2.7.6");
_Static_assert(offsetof(struct virtq_used, ring) == 4 && sizeof(struct virtq_used_elem) == 8,
	       "2.7.8");
_Static_assert(sizeof(struct pvirtq_desc) == 16 && offsetof(struct pvirtq_desc, flags) == 14,
	       "2.8.13");
_Static_assert(sizeof(struct pvirtq_event) == 4, "2.8.14");
