/* SPDX-License-Identifier: MIT */
/* The split ring as it lies in memory (VIRTIO 1.2, 2.7.5 to 2.7.8); little-endian. */
#pragma once

#include "kernel/lib/types.h"

enum virtq_desc_flags {
	VIRTQ_DESC_F_NEXT = 1,
	VIRTQ_DESC_F_WRITE = 2,
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

struct virtq_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};

struct virtq_used {
	uint16_t flags;
	uint16_t idx;
	struct virtq_used_elem ring[];
};

_Static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");
_Static_assert(offsetof(struct virtq_avail, ring) == 4, "2.7.6");
_Static_assert(offsetof(struct virtq_used, ring) == 4 && sizeof(struct virtq_used_elem) == 8,
	       "2.7.8");
