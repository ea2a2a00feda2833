/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/virtio_pci_caps.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Offsets within struct virtio_pci_cap of 4.1.4. */
enum {
	CAP_LEN = 2,
	CAP_BAR = 4,
	CAP_OFFSET = 8,
	CAP_LENGTH = 12,
	CAP_SIZE = 16,
	CAP_NOTIFY_MULTIPLIER = 16,
	CAP_NOTIFY_SIZE = 20,
};

enum {
	ID_TRANSITIONAL = 0x1000,	/* to 0x103f */
	ID_END = 0x1080,		/* from VIRTIO_PCI_MODERN on the type is added */
};

/* Types with a transitional number of their own (4.1.2), from ID_TRANSITIONAL on. */
static const uint8_t transitional_types[] = { 1, 2, 5, 3, 8, 4, 0, 0, 0, 9 };

uint32_t virtio_pci_id(const struct pci_device *dev)
{
	uint16_t nth;

	if (dev->vendor != VIRTIO_PCI_VENDOR || dev->header != 0)
		return 0;
	if (dev->device < ID_TRANSITIONAL || dev->device >= ID_END)
		return 0;
	if (dev->device >= VIRTIO_PCI_MODERN)
		return dev->device - VIRTIO_PCI_MODERN;
	/* 4.1.2.2: whatever the subsystem is; the others say their type there. */
	nth = dev->device - ID_TRANSITIONAL;
	if (nth < ARRAY_SIZE(transitional_types) && transitional_types[nth])
		return transitional_types[nth];
	return pci_config_read16(dev, PCI_SUBSYSTEM_ID);
}

static const uint32_t least_length[VIRTIO_PCI_CAP_COUNT] = {
	[VIRTIO_PCI_CAP_COMMON] = VIRTIO_PCI_COMMON_SIZE,
	[VIRTIO_PCI_CAP_NOTIFY] = 2,
	[VIRTIO_PCI_CAP_ISR] = 1,
	[VIRTIO_PCI_CAP_DEVICE] = 1,
};

/* Sizes a BAR once. */
static int bar_learn(const struct pci_device *dev, struct virtio_pci_caps *out, uint8_t bar)
{
	if (out->bars[bar].size)
		return 0;
	return pci_bar_read(dev, bar, &out->bars[bar]);
}

static const char *cap_take(const struct pci_device *dev, uint8_t at, uint8_t type, uint8_t bar,
			    struct virtio_pci_caps *out)
{
	struct virtio_pci_cap cap = {
		.bar = bar,
		.offset = pci_config_read32(dev, at + CAP_OFFSET),
		.length = pci_config_read32(dev, at + CAP_LENGTH),
	};

	if (bar_learn(dev, out, bar))
		return "a structure is in a BAR that does not exist";
	if (out->bars[bar].io)
		return NULL;
	if (cap.length < least_length[type])
		return "a structure is too short";
	if (!is_aligned(cap.offset, type == VIRTIO_PCI_CAP_ISR ? 1u :
			type == VIRTIO_PCI_CAP_NOTIFY ? 2u : 4u))
		return "a structure is not aligned";
	if (!pci_bar_holds(&out->bars[bar], cap.offset, cap.length))
		return "a structure lies outside its BAR";
	out->caps[type] = cap;
	return NULL;
}

/* Looks at one vendor capability. Returns what is wrong with it, or NULL. */
static const char *cap_read(const struct pci_device *dev, uint8_t at, struct virtio_pci_caps *out)
{
	if (at > PCI_CONFIG_SIZE - CAP_SIZE)
		return "a capability runs out of configuration space";

	uint32_t head = pci_config_read32(dev, at);
	uint8_t type = (uint8_t)(head >> 24);
	uint8_t bar = pci_config_read8(dev, at + CAP_BAR);
	bool notify = type == VIRTIO_PCI_CAP_NOTIFY;

	if (type == 0 || type >= VIRTIO_PCI_CAP_COUNT || bar >= PCI_BARS_MAX ||
	    out->caps[type].length)
		return NULL;
	if ((uint8_t)(head >> 16) < (notify ? CAP_NOTIFY_SIZE : CAP_SIZE) ||
	    (notify && at > PCI_CONFIG_SIZE - CAP_NOTIFY_SIZE))
		return "a capability is too short";

	const char *problem = cap_take(dev, at, type, bar, out);

	if (!problem && notify && out->caps[type].length)
		out->notify_multiplier = pci_config_read32(dev, at + CAP_NOTIFY_MULTIPLIER);
	return problem;
}

int virtio_pci_caps_read(const struct pci_device *dev, struct virtio_pci_caps *out)
{
	struct pci_capability_walk walk;
	bool any = false;
	uint8_t at;
	int rc;

	memset(out, 0, sizeof(*out));
	pci_capability_begin(dev, &walk);
	while ((rc = pci_capability_next(dev, &walk, PCI_CAP_VENDOR, &at)) == 0) {
		any = true;
		out->problem = cap_read(dev, at, out);
		if (out->problem)
			return -EPROTO;
	}
	if (rc == -ENOENT && !any)
		return -ENOENT;
	if (rc != -ENOENT)
		out->problem = "its list of capabilities is broken";
	else if (!out->caps[VIRTIO_PCI_CAP_COMMON].length ||
		 !out->caps[VIRTIO_PCI_CAP_NOTIFY].length)
		out->problem = "no common or no notify structure";
	else if (out->notify_multiplier & 1 ||
		 (out->notify_multiplier && !is_pow2(out->notify_multiplier)))
		out->problem = "the notify multiplier is no even power of two";
	return out->problem ? -EPROTO : 0;
}
