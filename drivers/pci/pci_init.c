/* SPDX-License-Identifier: MIT */
/* The kernel's PCI host: configuration space by ports, and the memory map. */
#include "drivers/pci/pci.h"

#include <asm/pci_ports.h>

#include "arch/x86/paging.h"
#include "mm/ioremap.h"
#include "mm/mm.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"

/* Not cleared by anybody: `present` says whether it holds anything. */
static struct pci_host host __noload;
static bool present;

static uint32_t ports_read(struct pci_host *h __unused, uint16_t address, uint16_t offset,
			   unsigned width)
{
	uint16_t port = PCI_PORT_DATA + (offset & 3);

	pci_ports_select(address, offset);
	return width == 4 ? inl(port) : width == 2 ? inw(port) : inb(port);
}

static void ports_write(struct pci_host *h __unused, uint16_t address, uint16_t offset,
			unsigned width, uint32_t value)
{
	uint16_t port = PCI_PORT_DATA + (offset & 3);

	pci_ports_select(address, offset);
	if (width == 4)
		outl(port, value);
	else if (width == 2)
		outw(port, (uint16_t)value);
	else
		outb(port, (uint8_t)value);
}

static const struct pci_config_ops ports_ops = {
	.read = ports_read,
	.write = ports_write,
};

void pci_init(void)
{
	present = pci_ports_answer();
	if (!present) {
		log_info("no host at ports 0xcf8/0xcfc");
		return;
	}
	host.ops = &ports_ops;
	host.access = "ports 0xcf8/0xcfc";
	host.map = mm_map();
	host.physical_bits = cpu_physical_bits();
	pci_scan(&host);
	log_info("%u functions on %u buses, by %s", host.count, host.buses, host.access);
}

unsigned pci_device_count(void)
{
	return present ? host.count : 0;
}

const struct pci_device *pci_device_at(unsigned index)
{
	return index < pci_device_count() ? &host.devices[index] : NULL;
}

struct mmio *pci_bar_map(const struct pci_device *dev, const struct pci_bar *bar,
			 uint64_t offset, size_t len)
{
	const char *problem = pci_bar_check(dev->host, bar);

	if (!problem && !pci_bar_holds(bar, offset, len))
		problem = "asked for more than it holds";
	if (problem) {
		log_warn("%02x:%02x.%u: BAR at 0x%llx is not mapped: %s", PCI_BUS(dev->address),
			 PCI_SLOT(dev->address), PCI_FUNCTION(dev->address),
			 (unsigned long long)bar->base, problem);
		return NULL;
	}
	return ioremap(bar->base + offset, len, IOREMAP_UNCACHED);
}
