/* SPDX-License-Identifier: MIT */
/*
 * Where virtio-mmio devices are said to be: a bounded list of windows that do
 * not overlap. Pure, so that its parser runs on the host.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	VIRTIO_MMIO_WINDOWS_MAX = 64,
	VIRTIO_MMIO_WINDOW_MIN = 0x100,		/* registers without configuration (4.2.2) */
	VIRTIO_MMIO_WINDOW_MAX = 1 << 16,
};

struct virtio_mmio_window {
	paddr_t base;
	uint32_t size;		/* bytes */
	uint32_t gsi;
};

struct virtio_mmio_windows {
	struct virtio_mmio_window list[VIRTIO_MMIO_WINDOWS_MAX];
	unsigned count;
};

/*
 * Reads "<size>@<base>:<irq>[:<id>]" (Linux's syntax); numbers are decimal or
 * 0x..., size and base may end in K, M, G. The id is checked and not kept.
 * Returns 0, -EINVAL (no such form, or a number out of range: base aligned to
 * 4 bytes and not 0, size from VIRTIO_MMIO_WINDOW_MIN to _MAX, irq 32 bits).
 */
int __must_check virtio_mmio_window_parse(const char *value, struct virtio_mmio_window *out);

/*
 * Adds a window; the same one again is taken once. Returns 0, -EBUSY (it
 * overlaps another), -ENOSPC.
 */
int __must_check virtio_mmio_windows_add(struct virtio_mmio_windows *w,
					 const struct virtio_mmio_window *window);
