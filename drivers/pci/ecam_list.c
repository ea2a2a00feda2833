/* SPDX-License-Identifier: MIT */
/* Where ACPI says that configuration space is. Runs on the host too. */
#include "drivers/pci/ecam.h"

bool ecam_span(const struct acpi_mcfg *entry, unsigned physical_bits, struct pci_span *out)
{
	uint64_t limit = BIT(min(physical_bits, 52u));

	if (entry->bus_first > entry->bus_last || entry->base == 0 || entry->base >= limit ||
	    !is_aligned(entry->base, MIB))
		return false;
	out->start = entry->base + entry->bus_first * MIB;
	out->end = entry->base + (entry->bus_last + 1) * MIB;
	return out->end <= limit;
}

static bool segment_is_listed(const struct acpi_info *acpi, uint16_t segment)
{
	for (unsigned i = 0; i < acpi->mcfg_count; i++)
		if (acpi->mcfg[i].segment == segment)
			return true;
	return false;
}

unsigned ecam_find(const struct acpi_info *acpi, struct ecam out[ECAM_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < acpi->mcfg_count; i++)
		out[count++] = (struct ecam){ acpi->mcfg[i], "MCFG" };
	for (unsigned i = 0; i < acpi->bridge_count; i++) {
		const struct acpi_bridge *b = &acpi->bridges[i];

		if (b->config_base && !segment_is_listed(acpi, b->segment))
			out[count++] = (struct ecam){ { b->config_base, b->segment, b->bus,
							b->bus_last }, "_CBA" };
	}
	return count;
}

static bool repeats(const struct pci_host *host, const struct acpi_mcfg *entry,
		    struct pci_span span)
{
	uint64_t end = host->ecam_base + (host->bus_last - host->bus_first + 1) * MIB;

	if (host->ecam_base < span.end && span.start < end)
		return true;
	return host->segment == entry->segment && host->bus_first <= entry->bus_last &&
	       entry->bus_first <= host->bus_last;
}

bool ecam_repeats(const struct pci_host *hosts, unsigned count, const struct acpi_mcfg *entry,
		  unsigned physical_bits)
{
	struct pci_span span;

	if (!ecam_span(entry, physical_bits, &span))
		return false;
	for (unsigned i = 0; i < count; i++)
		if (repeats(&hosts[i], entry, span))
			return true;
	return false;
}
