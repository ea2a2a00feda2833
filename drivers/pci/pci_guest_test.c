/* SPDX-License-Identifier: MIT */
/* The machine that the test runs on: what is settled must hold of its registers. */
#include "drivers/pci/pci.h"

#include <asm/io.h>

#include "drivers/pci/bars.h"
#include "drivers/pci/msi.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/ioremap.h"
#include "mm/mm.h"

static bool is_used(const struct pci_bar *bar)
{
	return bar->state == PCI_BAR_KEPT || bar->state == PCI_BAR_ASSIGNED;
}

static bool overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

KTEST(pci_functions_are_consistent)
{
	const struct pci_device *dev, *other;
	char name[PCI_NAME_MAX];

	if (!pci_host_at(0))
		return ktest_skip(t, "no PCI host");
	for (unsigned i = 0; (dev = pci_device_at(i)); i++) {
		expect_eq(t, pci_config_read16(dev, PCI_VENDOR_ID), dev->vendor);
		expect_eq(t, pci_config_read16(dev, PCI_DEVICE_ID), dev->device);
		expect(t, pci_class_name(dev->class) != NULL);
		expect_eq(t, strlen(pci_name(dev, name)), 12);
		expect(t, !pci_bridge_above(dev) ||
		       pci_bridge_above(dev)->header == PCI_HEADER_BRIDGE);
		for (unsigned k = 0; k < i; k++) {
			other = pci_device_at(k);
			expect(t, other->host != dev->host || other->address != dev->address);
		}
	}
}

static uint64_t register_of(const struct pci_device *dev, const struct pci_bar *bar)
{
	uint16_t at = bar->index == PCI_ROM ? pci_rom_register(dev) :
		      (uint16_t)(PCI_BAR0 + 4 * bar->index);
	uint64_t value = pci_config_read32(dev, at);

	if (bar->wide)
		value |= (uint64_t)pci_config_read32(dev, at + 4) << 32;
	return value & ~(bar->size - 1);
}

/* Nobody else's: of a firmware's and the kernel's memory, or of another BAR. */
static void expect_apart(struct ktest_run *t, const struct pci_bar *bar)
{
	const struct regions *map = mm_map();
	const struct pci_device *dev;
	uint64_t end = bar->base + bar->size;

	for (size_t i = 0; !bar->io && i < map->count; i++)
		expect(t, map->list[i].kind == REGION_RESERVED ||
		       !overlap(bar->base, end, map->list[i].start, map->list[i].end));
	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		for (unsigned k = 0; k < dev->bar_count; k++) {
			const struct pci_bar *o = &dev->bars[k];

			if (o != bar && is_used(o) && o->io == bar->io)
				expect(t, !overlap(bar->base, end, o->base, o->base + o->size));
		}
}

static bool window_holds(const struct pci_device *bridge, const struct pci_bar *bar)
{
	uint32_t io = pci_config_read16(bridge, PCI_IO_BASE);
	uint32_t memory = pci_config_read32(bridge, PCI_MEMORY_BASE);
	uint32_t wide = pci_config_read32(bridge, PCI_PREFETCHABLE_BASE);
	uint64_t last = bar->base + bar->size - 1, start, limit;

	if (bar->io)
		return bar->base >= (io & 0xf0) << 8 && last <= ((io & 0xf000) | 0xfff);
	if (bar->base >= (memory & 0xfff0) << 16 && last <= ((memory & 0xfff00000) | 0xfffff))
		return true;
	start = (wide & 0xfff0) << 16;
	limit = (wide & 0xfff00000) | 0xfffff;
	if ((wide & 0xf) == 1) {
		start |= (uint64_t)pci_config_read32(bridge, PCI_PREFETCHABLE_BASE_HIGH) << 32;
		limit |= (uint64_t)pci_config_read32(bridge, PCI_PREFETCHABLE_LIMIT_HIGH) << 32;
	}
	return bar->base >= start && last <= limit;
}

KTEST(pci_bars_of_this_machine_keep_the_rules)
{
	const struct pci_device *dev, *bridge;

	if (!pci_host_at(0))
		return ktest_skip(t, "no PCI host");
	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		for (unsigned k = 0; k < dev->bar_count; k++) {
			const struct pci_bar *bar = &dev->bars[k];

			expect(t, bar->state != PCI_BAR_UNKNOWN);
			expect_eq(t, register_of(dev, bar), bar->base);
			expect(t, (bar->state == PCI_BAR_KEPT) == (bar->why == NULL));
			if (!is_used(bar)) {
				expect(t, bar->base == 0);
				continue;
			}
			expect(t, bar->base != 0 && is_aligned(bar->base, bar->size));
			expect_apart(t, bar);
			bridge = pci_bridge_above(dev);
			expect(t, !bridge || window_holds(bridge, bar));
			expect(t, bar->state != PCI_BAR_ASSIGNED || bar->index != PCI_ROM);
		}
}

/* A function with a BAR without a place answers to no address. */
KTEST(pci_functions_without_a_place_do_not_decode)
{
	const struct pci_device *dev;

	if (!pci_host_at(0))
		return ktest_skip(t, "no PCI host");
	for (unsigned i = 0; (dev = pci_device_at(i)); i++) {
		if (dev->header != PCI_HEADER_NORMAL || !dev->problem)
			continue;
		expect(t, !(pci_config_read16(dev, PCI_COMMAND) & PCI_COMMAND_MEMORY));
		expect_eq(t, pci_device_enable(dev), -ENODEV);
	}
}

/* Every table that is said to be there is there, and masks where it is asked to. */
static void try_table(struct ktest_run *t, const struct pci_device *dev,
		      const struct pci_msix *msix)
{
	struct irq_message message = { 0xfee00000, 0 };
	struct mmio *table = pci_bar_map(dev, &msix->bar, msix->offset,
					 (size_t)msix->size * PCI_MSIX_ENTRY);

	require(t, table != NULL);
	pci_msix_mask(table, msix->size - 1u, true);
	expect_eq(t, mmio_read32(table, msix->size * PCI_MSIX_ENTRY - 4u) & 1, 1);
	expect_eq(t, pci_msix_write(table, msix->size - 1u, &message), 0);
	iounmap(table);
}

KTEST(pci_msix_tables_read_back)
{
	const struct pci_device *dev;
	struct pci_msix msix;
	const char *why;
	unsigned tried = 0;

	for (unsigned i = 0; (dev = pci_device_at(i)); i++) {
		uint16_t command = pci_config_read16(dev, PCI_COMMAND);
		uint16_t control;

		if (pci_msix_read(dev, &msix, &why) || dev->problem)
			continue;
		control = pci_config_read16(dev, msix.at + PCI_MSI_CONTROL);
		if (control & PCI_MSIX_ENABLE)
			continue;	/* in use */
		require(t, pci_device_enable(dev) == 0);
		try_table(t, dev, &msix);
		pci_config_write16(dev, PCI_COMMAND, command);
		tried++;
	}
	if (!tried)
		ktest_skip(t, "no idle function with MSI-X");
}
