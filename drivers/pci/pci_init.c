/* SPDX-License-Identifier: MIT */
/*
 * The kernel's PCI hosts: one for each entry of MCFG that answers, else the
 * ports; then the BARs of all of them.
 */
#include "drivers/pci/pci.h"

#include <asm/pci_ports.h>

#include "arch/x86/paging.h"
#include "drivers/acpi/acpi.h"
#include "drivers/pci/bars.h"
#include "drivers/pci/ecam.h"
#include "drivers/pci/known.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/ioremap.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"

enum { HOSTS_MAX = 4 };

/* Not cleared by anybody: `host_count` says how many hold anything. */
static struct pci_host hosts[HOSTS_MAX] __noload;
static struct pci_window windows[PCI_WINDOWS_MAX] __noload;
static unsigned host_count, window_count;
static bool assign_all;

static int pci_parse(const char *value)
{
	if (strcmp(value, "assign") != 0)
		return -EINVAL;
	assign_all = true;
	return 0;
}
CMDLINE_PARAM(pci, "pci", pci_parse);

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

/* The next host, with what does not depend on how it is reached. */
static struct pci_host *host_begin(void)
{
	struct pci_host *h = &hosts[host_count];

	h->map = mm_map();
	h->physical_bits = cpu_physical_bits();
	h->config_size = PCI_CONFIG_SIZE;
	h->segment = 0;
	h->bus_first = 0;
	h->bus_last = 255;
	h->ecam = NULL;
	h->ecam_base = 0;
	h->root_count = 0;
	return h;
}

static void root_add(struct pci_host *h, uint8_t bus)
{
	unsigned i = h->root_count;

	for (unsigned k = 0; k < h->root_count; k++)
		if (h->roots[k] == bus)
			return;
	if (bus < h->bus_first || bus > h->bus_last || h->root_count == PCI_ROOTS_MAX)
		return;
	for (; i > 0 && h->roots[i - 1] > bus; i--)
		h->roots[i] = h->roots[i - 1];
	h->roots[i] = bus;
	h->root_count++;
}

/* The first bus, and those at which ACPI knows a host bridge. */
static void roots_find(struct pci_host *h)
{
	const struct acpi_info *acpi = acpi_info();

	root_add(h, h->bus_first);
	for (unsigned i = 0; i < acpi->bridge_count; i++)
		if (acpi->bridges[i].segment == h->segment)
			root_add(h, acpi->bridges[i].bus);
}

static void ecam_hosts_find(void)
{
	struct ecam list[ECAM_MAX];
	unsigned count = ecam_find(acpi_info(), list);

	for (unsigned i = 0; i < count; i++) {
		struct pci_host *h;

		if (host_count == HOSTS_MAX) {
			log_warn("more than %u hosts, the rest is ignored", HOSTS_MAX);
			return;
		}
		if (ecam_repeats(hosts, host_count, &list[i].entry, cpu_physical_bits())) {
			log_warn("ECAM of segment %u, buses %u-%u, is not used: it repeats an "
				 "earlier one", list[i].entry.segment, list[i].entry.bus_first,
				 list[i].entry.bus_last);
			continue;
		}
		h = host_begin();
		if (ecam_open(h, &list[i], h->map, h->physical_bits))
			continue;
		roots_find(h);
		pci_scan(h);
		if (h->count) {
			host_count++;
			continue;
		}
		log_warn("ECAM of segment %u at 0x%llx answers nothing", h->segment,
			 (unsigned long long)h->ecam_base);
		ecam_close(h);
	}
}

static void ports_host_find(void)
{
	struct pci_host *h = host_begin();

	if (!pci_ports_answer())
		return;
	h->ops = &ports_ops;
	h->access = "ports";
	h->from = "ports";
	roots_find(h);
	pci_scan(h);
	host_count++;
}

static struct pci_span console_span(void)
{
	const struct boot_framebuffer *f = &boot_info.framebuffer;

	return (struct pci_span){ f->base, f->base + (uint64_t)f->pitch * f->height };
}

static void bars_settle(void)
{
	unsigned bits = cpu_physical_bits();
	struct pci_span configured = { CONFIG_PCI_FALLBACK_WINDOW_BASE,
				       CONFIG_PCI_FALLBACK_WINDOW_BASE +
				       (uint64_t)CONFIG_PCI_FALLBACK_WINDOW_SIZE };
	struct pci_occupied *occupied =
		kmalloc(pci_occupied_max(mm_map(), hosts, host_count) * sizeof(*occupied));
	struct pci_resources r = {
		.windows = windows,
		.occupied = occupied,
		.physical_bits = bits,
		.assign_all = assign_all,
	};
	struct pci_settled done = { 0 };
	int rc = 0;

	window_count = pci_windows_find(mm_map(), acpi_info(), hosts, host_count, bits,
					configured, windows);
	r.window_count = window_count;
	if (occupied)
		r.occupied_count = pci_occupied_find(mm_map(), acpi_info(), hosts, host_count,
						     bits, occupied);
	/* Without its ranges nothing is sane: then nothing is looked at either. */
	if (occupied)
		rc = pci_bars_settle(hosts, host_count, &r, console_span(), &done);
	else
		pci_bars_give_up(hosts, host_count);
	if (!occupied || rc)
		log_err("no memory to look at the BARs: no function is driven");
	else
		log_info("BARs: %u kept, %u assigned, %u disabled; %u bridges programmed",
			 done.kept, done.assigned, done.disabled, done.windows);
	kfree(occupied);
}

void pci_init(void)
{
	host_count = 0;
	window_count = 0;
	ecam_hosts_find();
	if (host_count == 0)
		ports_host_find();
	if (host_count == 0) {
		log_info("no host, by ECAM or at ports 0xcf8/0xcfc");
		return;
	}
	for (unsigned i = 0; i < host_count; i++)
		log_info("segment %u: %u functions on %u buses, by %s", hosts[i].segment,
			 hosts[i].count, hosts[i].buses, hosts[i].access);
	bars_settle();
}

unsigned pci_device_count(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < host_count; i++)
		count += hosts[i].count;
	return count;
}

const struct pci_device *pci_device_at(unsigned index)
{
	for (unsigned i = 0; i < host_count; i++) {
		if (index < hosts[i].count)
			return &hosts[i].devices[index];
		index -= hosts[i].count;
	}
	return NULL;
}

const struct pci_host *pci_host_at(unsigned index)
{
	return index < host_count ? &hosts[index] : NULL;
}

const struct pci_window *pci_windows(unsigned *count)
{
	*count = window_count;
	return windows;
}

struct mmio *pci_bar_map(const struct pci_device *dev, const struct pci_bar *bar,
			 uint64_t offset, size_t len)
{
	const char *problem = dev->problem ? dev->problem : pci_bar_check(dev->host, bar);
	char name[PCI_NAME_MAX];

	if (!problem && !pci_bar_holds(bar, offset, len))
		problem = "asked for more than it holds";
	if (problem) {
		log_warn("%s: BAR%u at 0x%llx is not mapped: %s", pci_name(dev, name), bar->index,
			 (unsigned long long)bar->base, problem);
		return NULL;
	}
	return ioremap(bar->base + offset, len, IOREMAP_UNCACHED);
}
