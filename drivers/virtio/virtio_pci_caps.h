/* SPDX-License-Identifier: MIT */
/*
 * Where a modern virtio-pci device says its structures are (VIRTIO 1.2,
 * 4.1.4). Reads configuration space only, so it runs on the host.
 */
#pragma once

#include "drivers/pci/pci.h"

/* cfg_type (4.1.4). */
enum virtio_pci_cfg {
	VIRTIO_PCI_CAP_COMMON = 1,
	VIRTIO_PCI_CAP_NOTIFY = 2,
	VIRTIO_PCI_CAP_ISR = 3,
	VIRTIO_PCI_CAP_DEVICE = 4,
	VIRTIO_PCI_CAP_COUNT = 5,	/* one past the last that we use */
};

enum {
	VIRTIO_PCI_VENDOR = 0x1af4,
	VIRTIO_PCI_MODERN = 0x1040,	/* the first number of those without a legacy interface */
	VIRTIO_PCI_COMMON_SIZE = 56,	/* up to queue_device, 4.1.4.3 */
};

/* One structure, inside its BAR; length 0 if the device has none. */
struct virtio_pci_cap {
	uint8_t bar;
	uint32_t offset;
	uint32_t length;
};

struct virtio_pci_caps {
	struct virtio_pci_cap caps[VIRTIO_PCI_CAP_COUNT];	/* by cfg_type */
	struct pci_bar bars[PCI_BARS_MAX];	/* those that a structure lies in */
	uint32_t notify_multiplier;
	const char *problem;			/* with -EPROTO: what is wrong */
};

/*
 * Takes the first usable structure of each type; one in an I/O BAR or of a
 * reserved BAR number is passed over (4.1.4).
 * Returns 0; -ENOENT (no virtio capability: legacy only), -EPROTO (what is
 * there does not add up, see out->problem).
 */
int __must_check virtio_pci_caps_read(const struct pci_device *dev,
				      struct virtio_pci_caps *out);

/* Type by enum virtio_id, 0 if the function is no virtio device (4.1.2). */
uint32_t virtio_pci_id(const struct pci_device *dev);
