/* SPDX-License-Identifier: MIT */
#include "drivers/pci/known.h"

#include "drivers/pci/bars.h"
#include "drivers/pci/ecam.h"

enum {
	FIXED_MAX = ECAM_MAX + ACPI_IOAPICS_MAX + ACPI_VIRTIO_MAX + 8,
	HOST_BRIDGE_BAR_MAX = 256 * 1024 * 1024,
	APIC_BYTES = 4096,
	HPET_BYTES = 1024,
	UART_BYTES = 4096,
	PM_TIMER_BYTES = 4,
	SPACE_MEMORY = 0,		/* of a generic address (ACPI 6.4, 5.2.3.2) */
	SPACE_PORTS = 1,
};

#define MESSAGES_START	UINT64_C(0xfee00000)	/* Intel SDM vol. 3A, 11.11.1 */
#define MESSAGES_END	UINT64_C(0xfef00000)

struct list {
	struct pci_occupied *out;
	unsigned count;
};

static void occupy(struct list *l, uint64_t start, uint64_t len, const char *name,
		   enum pci_occupancy how, bool io)
{
	if (len && start + len > start)
		l->out[l->count++] =
			(struct pci_occupied){ { start, start + len }, name, how, io };
}

static void occupy_map(struct list *l, const struct regions *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		occupy(l, r->start, r->end - r->start,
		       r->kind == REGION_CLAIMED ? r->name : "lies over memory",
		       r->kind == REGION_RESERVED ? PCI_RESERVED : PCI_OCCUPIED, false);
	}
}

static void occupy_acpi(struct list *l, const struct acpi_info *acpi, unsigned physical_bits)
{
	struct ecam list[ECAM_MAX];
	unsigned count = ecam_find(acpi, list);
	struct pci_span ecam;

	for (unsigned i = 0; i < count; i++)
		if (ecam_span(&list[i].entry, physical_bits, &ecam))
			occupy(l, ecam.start, ecam.end - ecam.start, "in the ECAM", PCI_OCCUPIED,
			       false);
	for (unsigned i = 0; i < acpi->ioapic_count; i++)
		occupy(l, acpi->ioapics[i].base, APIC_BYTES, "over an IOAPIC", PCI_OCCUPIED, false);
	for (unsigned i = 0; i < acpi->virtio_count; i++)
		occupy(l, acpi->virtio[i].base, acpi->virtio[i].size, "over a virtio-mmio window",
		       PCI_OCCUPIED, false);
	occupy(l, MESSAGES_START, MESSAGES_END - MESSAGES_START, "over interrupt messages",
	       PCI_OCCUPIED, false);
	if (acpi->lapic)
		occupy(l, acpi->lapic, APIC_BYTES, "over the local APIC", PCI_OCCUPIED, false);
	if (acpi->hpet.present)
		occupy(l, acpi->hpet.base, HPET_BYTES, "over the HPET", PCI_OCCUPIED, false);
	if (acpi->fadt.has_pm_timer && acpi->fadt.pm_timer.space == SPACE_PORTS)
		occupy(l, acpi->fadt.pm_timer.address, PM_TIMER_BYTES, "over the PM timer",
		       PCI_OCCUPIED, true);
	/* A PCI function's own UART may be the console: where it is kept, but avoided. */
	if (acpi->spcr.present && acpi->spcr.base.space == SPACE_MEMORY)
		occupy(l, acpi->spcr.base.address, UART_BYTES, "over the console's UART",
		       PCI_AVOIDED, false);
}

/* A BAR that nobody sized is at most as large as its alignment. */
static void occupy_host_bridge(struct list *l, const struct pci_device *dev)
{
	for (unsigned i = 0; i < pci_bars_of(dev); i++) {
		uint16_t offset = (uint16_t)(PCI_BAR0 + 4 * i);
		uint32_t low = pci_config_read32(dev, offset);
		uint64_t base = low & ~UINT32_C(0xf);

		if (low & 1)
			continue;
		if ((low & 6) == 4 && i + 1 < pci_bars_of(dev)) {
			base |= (uint64_t)pci_config_read32(dev, offset + 4) << 32;
			i++;
		}
		if (base)
			occupy(l, base, min(base & -base, (uint64_t)HOST_BRIDGE_BAR_MAX),
			       "over a host bridge's BAR", PCI_AVOIDED, false);
	}
}

static unsigned host_bridges(const struct pci_host *hosts, unsigned count)
{
	unsigned found = 0;

	for (unsigned h = 0; h < count; h++)
		for (unsigned i = 0; i < hosts[h].count; i++)
			found += pci_is_host_bridge(&hosts[h].devices[i]);
	return found;
}

unsigned pci_occupied_max(const struct regions *map, const struct pci_host *hosts,
			  unsigned count)
{
	return (unsigned)map->count + FIXED_MAX + PCI_BARS_MAX * host_bridges(hosts, count);
}

unsigned pci_occupied_find(const struct regions *map, const struct acpi_info *acpi,
			   const struct pci_host *hosts, unsigned count,
			   unsigned physical_bits, struct pci_occupied *out)
{
	struct list l = { out, 0 };

	occupy_map(&l, map);
	occupy_acpi(&l, acpi, physical_bits);
	for (unsigned h = 0; h < count; h++)
		for (unsigned i = 0; i < hosts[h].count; i++)
			if (pci_is_host_bridge(&hosts[h].devices[i]))
				occupy_host_bridge(&l, &hosts[h].devices[i]);
	return l.count;
}

/* Windows. */

struct windows {
	struct pci_window *out;
	unsigned count;
	uint8_t root;
};

static void window_add(struct windows *w, uint64_t start, uint64_t end, enum pci_space space,
		       enum pci_window_from from)
{
	if (start < end && w->count < PCI_WINDOWS_MAX)
		w->out[w->count++] =
			(struct pci_window){ { start, end }, space, from, w->root };
}

static const struct acpi_bridge *bridge_find(const struct acpi_info *acpi, uint16_t segment,
					     uint8_t bus)
{
	for (unsigned i = 0; i < acpi->bridge_count; i++)
		if (acpi->bridges[i].segment == segment && acpi->bridges[i].bus == bus)
			return &acpi->bridges[i];
	return NULL;
}

static void windows_of_crs(struct windows *w, const struct acpi_bridge *bridge)
{
	for (unsigned i = 0; i < bridge->window_count; i++) {
		const struct acpi_window *a = &bridge->windows[i];

		window_add(w, a->start, a->end, a->io ? PCI_SPACE_IO :
			   a->prefetchable ? PCI_SPACE_PREFETCHABLE : PCI_SPACE_MEMORY,
			   PCI_FROM_CRS);
	}
}

/* The end of RAM below `limit`. */
static uint64_t top_of_memory(const struct regions *map, uint64_t from, uint64_t limit)
{
	uint64_t top = from;

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		uint64_t end = min(r->end, limit);

		if (r->start >= from && r->start < limit && r->kind != REGION_RESERVED)
			top = max(top, end);
	}
	return top;
}

/* What is left by RAM below 4 GiB and above. */
static void windows_of_map(struct windows *w, const struct regions *map, unsigned physical_bits)
{
	uint64_t limit = BIT(min(physical_bits, 52u));

	window_add(w, top_of_memory(map, 0, 4 * GIB), 4 * GIB, PCI_SPACE_MEMORY, PCI_FROM_MAP);
	window_add(w, top_of_memory(map, 4 * GIB, limit), limit, PCI_SPACE_MEMORY, PCI_FROM_MAP);
	window_add(w, PCI_IO_GRANULE, 0x10000, PCI_SPACE_IO, PCI_FROM_MAP);
}

unsigned pci_windows_find(const struct regions *map, const struct acpi_info *acpi,
			  const struct pci_host *hosts, unsigned count, unsigned physical_bits,
			  struct pci_span configured, struct pci_window *out)
{
	struct windows w = { out, 0, 0 };

	for (unsigned h = 0; h < count; h++)
		for (unsigned i = 0; i < hosts[h].root_count; i++, w.root++) {
			const struct acpi_bridge *bridge =
				bridge_find(acpi, hosts[h].segment, hosts[h].roots[i]);

			if (bridge && bridge->crs_static && bridge->window_count) {
				windows_of_crs(&w, bridge);
				continue;
			}
			windows_of_map(&w, map, physical_bits);
			window_add(&w, configured.start, configured.end, PCI_SPACE_MEMORY,
				   PCI_FROM_CONFIGURED);
		}
	return w.count;
}
