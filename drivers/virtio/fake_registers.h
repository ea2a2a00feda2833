/* SPDX-License-Identifier: MIT */
/*
 * A virtio device for the host's tests, at the level of its registers: MMIO of
 * both versions (VIRTIO 1.2, 4.2.2, 4.2.4), PCI modern (4.1.4) and legacy
 * (4.1.4.10). Honest unless a test sets one of its vices; what a driver must
 * not do (2.1.1, 3.1.1, 4.1.4.3.2, 4.2.2.2, 4.2.3.1.1) it counts as a mistake.
 */
#pragma once

#include "kernel/host_io.h"

enum {
	FAKE_REGISTERS_QUEUES = 3,
	FAKE_REGISTERS_CONFIG = 32,
	FAKE_REGISTERS_VECTORS = 4,
	FAKE_NO_VECTOR = 0xffff,

	/* Where the structures of a modern PCI device lie in its BAR. */
	FAKE_COMMON_AT = 0x0000,
	FAKE_ISR_AT = 0x1000,
	FAKE_DEVICE_AT = 0x2000,
	FAKE_NOTIFY_AT = 0x3000,
	FAKE_NOTIFY_MULTIPLIER = 4,
	FAKE_BAR_LEN = 0x4000,
};

enum fake_face { FAKE_MMIO_1, FAKE_MMIO_2, FAKE_PCI_MODERN, FAKE_PCI_LEGACY };

struct fake_registers_queue {
	uint16_t max, size;
	uint64_t desc, driver, device;	/* bus addresses; legacy: of desc alone */
	bool ready;
	unsigned resetting;		/* so many more times queue_reset reads as 1 */
	uint16_t vector;
};

struct fake_registers {
	struct host_registers io;
	enum fake_face face;

	/* A test sets these. */
	uint32_t id;			/* device type */
	uint64_t offered;
	uint8_t config[FAKE_REGISTERS_CONFIG];
	uint32_t magic, version;	/* as MMIO says them */
	uint32_t status_junk;		/* MMIO: bits above the eight that exist */
	unsigned resets_slowly;		/* so many times it reads as before a reset, queue or all */
	bool no_queue_resets;		/* MMIO: it has no register for them, as QEMU 7.2 */
	bool message_signalled;		/* legacy PCI: MSI-X is on, so registers lie elsewhere */
	unsigned vectors;		/* that it has room for */
	uint16_t notify_off[FAKE_REGISTERS_QUEUES];

	/* What it saw. */
	uint64_t accepted;
	uint8_t status;
	unsigned resets;
	uint32_t generation;
	uint32_t isr;
	unsigned isr_again;		/* MMIO: told once more after an acknowledgement */
	uint16_t config_vector;
	uint32_t page_size;		/* MMIO 1 */
	struct fake_registers_queue queues[FAKE_REGISTERS_QUEUES];
	unsigned bells;
	uint32_t last_bell;		/* queue */
	size_t last_bell_at;		/* offset into the notify structure */
	unsigned mistakes;

	uint32_t queue, features_select, accepted_select;
	unsigned slow_left;
	bool reset_unread;		/* the status was not read as 0 since */
	bool features_selected, accepted_selected;
	bool magic_read, version_read, empty;	/* MMIO: what was read of a window, in order */
};

/* A device of this type with queues of 64, at a place that is taken from now on. */
void fake_registers_init(struct fake_registers *f, enum fake_face face, uint32_t id,
			 uintptr_t base);
void fake_registers_end(struct fake_registers *f);
