/* SPDX-License-Identifier: MIT */
/*
 * Where virtio-mmio devices are said to be: a bounded list of windows that do
 * not overlap. Pure, so that its parser runs on the host.
 */
#pragma once

#include "kernel/irq.h"
#include "kernel/lib/types.h"

struct acpi_virtio_mmio;

enum {
	VIRTIO_MMIO_WINDOWS_MAX = 64,
	VIRTIO_MMIO_WINDOW_MIN = 0x100,		/* registers without configuration (4.2.2) */
	VIRTIO_MMIO_WINDOW_MAX = 1 << 16,
};

struct virtio_mmio_window {
	paddr_t base;
	uint32_t size;		/* bytes */
	uint32_t gsi;
	enum irq_trigger trigger;
	enum irq_polarity polarity;
	const char *from;	/* who said so: "command line", "ACPI", "configured window" */
};

struct virtio_mmio_windows {
	struct virtio_mmio_window list[VIRTIO_MMIO_WINDOWS_MAX];
	unsigned count;
};

/*
 * Reads "<size>@<base>:<irq>[:<id>]" (Linux's syntax); numbers are decimal or
 * 0x..., size and base may end in K, M, G. The id is checked and not kept.
 * How the line is signalled this does not say: an edge, see the .c file.
 * Returns 0, -EINVAL (no such form, or a number out of range: base aligned to
 * 4 bytes and not 0, size from VIRTIO_MMIO_WINDOW_MIN to _MAX, irq 32 bits).
 */
int __must_check virtio_mmio_window_parse(const char *value, struct virtio_mmio_window *out);

/*
 * Takes a window as ACPI has it. Returns 0, -EINVAL (base or size out of the
 * same range; what is beyond _MAX is left out).
 */
int __must_check virtio_mmio_window_from_acpi(const struct acpi_virtio_mmio *said,
					      struct virtio_mmio_window *out);

/*
 * Adds a window. One of the same place that is there already stays as it is,
 * if it was said by somebody else, who came first, or says the same. Returns 0,
 * -EBUSY (it overlaps another), -ENOSPC.
 */
int __must_check virtio_mmio_windows_add(struct virtio_mmio_windows *w,
					 const struct virtio_mmio_window *window);
