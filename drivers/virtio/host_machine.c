/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/host_machine.h"

#include "kernel/lib/errno.h"
#include "mm/ioremap.h"
#include "mm/mm.h"

struct acpi_info host_acpi;
struct regions host_map;
struct pci_host *host_pci;
unsigned host_ioremap_fails, host_ioremaps;

__weak const struct acpi_info *acpi_info(void)
{
	return &host_acpi;
}

__weak const struct regions *mm_map(void)
{
	return &host_map;
}

__weak struct mmio *ioremap(paddr_t pa, size_t len __unused, enum ioremap_cache cache __unused)
{
	if (host_ioremap_fails) {
		host_ioremap_fails--;
		return NULL;
	}
	host_ioremaps++;
	return (struct mmio *)(uintptr_t)pa;
}

__weak void iounmap(struct mmio *base __unused)
{
	host_ioremaps--;
}

__weak int acpi_pci_route(uint16_t segment __unused, uint8_t root_bus __unused,
			  const uint8_t *path __unused, unsigned depth __unused,
			  uint8_t device __unused, unsigned pin __unused,
			  struct acpi_gsi *out __unused)
{
	return -ENOENT;
}

__weak unsigned pci_device_count(void)
{
	return host_pci ? host_pci->count : 0;
}

__weak const struct pci_device *pci_device_at(unsigned index)
{
	return &host_pci->devices[index];
}

__weak struct mmio *pci_bar_map(const struct pci_device *dev, const struct pci_bar *bar,
				uint64_t offset, size_t len)
{
	if (dev->problem || !pci_bar_holds(bar, offset, len))
		return NULL;
	return ioremap(bar->base + offset, len, IOREMAP_UNCACHED);
}
