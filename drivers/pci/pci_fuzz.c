/* SPDX-License-Identifier: MIT */
/* Any bytes as a function's configuration space, and as a whole machine. */
#include "kernel/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/pci/fake_config.h"
#include "drivers/pci/msi.h"
#include "drivers/virtio/virtio_pci_caps.h"

static struct fake_config fake;

/* The bytes, and behind them the bits of each BAR that can be written. */
static const struct pci_device *function_of(const uint8_t *data, size_t size)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fn = fake_function_add(&fake, 0, 1, 0, 0);
	memcpy(fn->config, data, size < PCI_CONFIG_SIZE ? size : PCI_CONFIG_SIZE);
	if (size > PCI_CONFIG_SIZE)
		memcpy(fn->bar_mask, data + PCI_CONFIG_SIZE,
		       size - PCI_CONFIG_SIZE < sizeof(fn->bar_mask) ? size - PCI_CONFIG_SIZE :
		       sizeof(fn->bar_mask));
	/* It may be a bridge, but one that leads nowhere. */
	fn->config[PCI_HEADER_TYPE] &= 0x83;
	memset(&fn->writable[PCI_PRIMARY_BUS], 0xff, 4);
	pci_scan(&fake.host);
	return fake.host.count ? &fake.host.devices[0] : NULL;
}

FUZZ(pci_capabilities)
{
	const struct pci_device *dev = function_of(data, size);
	struct pci_capability_walk walk;
	unsigned steps = 0;
	uint8_t id, at;

	if (!dev)
		return;
	pci_capability_begin(dev, &walk);
	while (pci_capability_any(dev, &walk, &id, &at) == 0) {
		fuzz_expect(at >= 0x40 && at <= PCI_CONFIG_SIZE - 4);
		fuzz_expect(++steps <= 48);
	}
	fuzz_expect(fake.mistakes == 0);
}

FUZZ(pci_messages)
{
	const struct pci_device *dev = function_of(data, size);
	struct pci_msix msix;
	struct pci_msi msi;
	const char *why;

	if (!dev)
		return;
	if (pci_msix_read(dev, &msix, &why) == 0) {
		fuzz_expect(msix.size >= 1 && msix.size <= PCI_MSIX_SIZE_MAX);
		fuzz_expect(pci_bar_holds(&msix.bar, msix.offset,
					  (uint64_t)msix.size * PCI_MSIX_ENTRY));
		fuzz_expect(pci_bar_check(&fake.host, &msix.bar) == NULL);
	} else {
		fuzz_expect(why != NULL);
	}
	if (pci_msi_read(dev, &msi, &why) == 0)
		fuzz_expect(msi.at <= PCI_CONFIG_SIZE - 10);
	fuzz_expect(fake.mistakes == 0);
}

FUZZ(virtio_pci_caps)
{
	const struct pci_device *dev = function_of(data, size);
	static struct virtio_pci_caps caps;

	if (!dev || virtio_pci_caps_read(dev, &caps))
		return;
	for (unsigned i = 1; i < VIRTIO_PCI_CAP_COUNT; i++) {
		const struct virtio_pci_cap *c = &caps.caps[i];

		if (c->length)
			fuzz_expect(pci_bar_holds(&caps.bars[c->bar], c->offset, c->length));
	}
	fuzz_expect(fake.mistakes == 0);
}

/* Bridges and BARs of eight bytes each: whatever they say, it ends, disjoint and aligned. */
FUZZ(pci_resources)
{
	enum { BARS = 64, BRIDGES = 16 };
	static struct pci_res_bridge bridges[BRIDGES];
	static struct pci_res_bar bars[BARS];
	static const struct pci_window windows[] = {
		{ { 0xc0000000, 0xd0000000 }, PCI_SPACE_MEMORY, PCI_FROM_CRS, 0 },
		{ { 0x800000000, 0xc00000000 }, PCI_SPACE_MEMORY, PCI_FROM_CRS, 0 },
	};
	static const struct pci_occupied occupied[] = {
		{ { 0, 0x80000000 }, "memory", PCI_OCCUPIED, false },
		{ { 0xc8000000, 0xc8100000 }, "something", PCI_RESERVED, false },
	};
	struct pci_resources r = { .windows = windows, .window_count = ARRAY_SIZE(windows),
				   .occupied = occupied, .occupied_count = ARRAY_SIZE(occupied),
				   .bridges = bridges, .bars = bars, .physical_bits = 40 };

	for (; size >= 8; data += 8, size -= 8) {
		uint32_t now = (uint32_t)data[3] << 24 | data[4] << 16 | data[5] << 8;

		if (data[0] & 1 && r.bridge_count < BRIDGES) {
			struct pci_res_bridge *b = &bridges[r.bridge_count];

			*b = (struct pci_res_bridge){ .key = r.bridge_count,
						      .can = { true, true, data[0] & 2 } };
			b->parent = (int16_t)((int)(data[1] % (r.bridge_count + 1)) - 1);
			b->now[1] = (struct pci_span){ now & 0xfff00000, (now & 0xfff00000) +
						       ((uint64_t)data[6] << 20) };
			r.bridge_count++;
		} else if (r.bar_count < BARS) {
			struct pci_res_bar *b = &bars[r.bar_count];

			*b = (struct pci_res_bar){ .key = r.bar_count, .wide = data[0] & 4,
						   .prefetchable = data[0] & 8,
						   .size = BIT(4 + data[2] % 36) };
			b->bridge = (int16_t)((int)(data[1] % (r.bridge_count + 1)) - 1);
			b->now = now | (data[0] & 4 ? (uint64_t)data[7] << 32 : 0);
			r.bar_count++;
		}
	}
	r.work = malloc(pci_resources_work(&r) + 1);
	pci_resources_solve(&r);
	free(r.work);
	for (unsigned i = 0; i < r.bar_count; i++) {
		fuzz_expect(bars[i].state != PCI_BAR_UNKNOWN);
		fuzz_expect(is_aligned(bars[i].address, bars[i].size));
		for (unsigned k = 0; k < i; k++)
			fuzz_expect(!bars[i].address || !bars[k].address ||
				    bars[i].address >= bars[k].address + bars[k].size ||
				    bars[k].address >= bars[i].address + bars[i].size);
	}
}
