/* SPDX-License-Identifier: MIT */
/*
 * All of a range is mapped at once: it begins at 2 MiB as good as ever, so
 * large pages make that cheaper than one bus by small ones.
 */
#include "drivers/pci/ecam.h"

#include <asm/io.h>

#include "kernel/lib/errno.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"

/* Where a function's registers are in the mapping, which begins with bus `bus_first`. */
static size_t place(const struct pci_host *host, uint16_t address, uint16_t offset)
{
	return ((size_t)(address - (host->bus_first << 8)) << 12) + offset;
}

static uint32_t ecam_read(struct pci_host *host, uint16_t address, uint16_t offset,
			  unsigned width)
{
	size_t at = place(host, address, offset);

	return width == 4 ? mmio_read32(host->ecam, at) :
	       width == 2 ? mmio_read16(host->ecam, at) : mmio_read8(host->ecam, at);
}

static void ecam_write(struct pci_host *host, uint16_t address, uint16_t offset, unsigned width,
		       uint32_t value)
{
	size_t at = place(host, address, offset);

	if (width == 4)
		mmio_write32(host->ecam, at, value);
	else if (width == 2)
		mmio_write16(host->ecam, at, (uint16_t)value);
	else
		mmio_write8(host->ecam, at, (uint8_t)value);
}

static const struct pci_config_ops ecam_ops = {
	.read = ecam_read,
	.write = ecam_write,
};

static const char *in_the_way(const struct regions *map, struct pci_span span)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->list[i].kind != REGION_RESERVED && map->list[i].start < span.end &&
		    span.start < map->list[i].end)
			return map->list[i].name;
	return NULL;
}

int ecam_open(struct pci_host *host, const struct ecam *ecam, const struct regions *map,
	      unsigned physical_bits)
{
	const struct acpi_mcfg *entry = &ecam->entry;
	const char *problem = "no range of addresses";
	struct pci_span span;

	if (ecam_span(entry, physical_bits, &span))
		problem = in_the_way(map, span);
	if (problem) {
		log_warn("ECAM of segment %u, buses %u-%u at 0x%llx, is not used: %s",
			 entry->segment, entry->bus_first, entry->bus_last,
			 (unsigned long long)entry->base, problem);
		return -EINVAL;
	}
	host->ecam = ioremap(span.start, span.end - span.start, IOREMAP_UNCACHED);
	if (!host->ecam)
		return -ENOMEM;
	host->ops = &ecam_ops;
	host->access = "ECAM";
	host->from = ecam->from;
	host->ecam_base = span.start;
	host->config_size = PCI_CONFIG_SIZE_EXTENDED;
	host->segment = entry->segment;
	host->bus_first = entry->bus_first;
	host->bus_last = entry->bus_last;
	return 0;
}

void ecam_close(struct pci_host *host)
{
	iounmap(host->ecam);
	host->ecam = NULL;
	host->ecam_base = 0;
	host->config_size = PCI_CONFIG_SIZE;
}
