/* SPDX-License-Identifier: MIT */
/* Configuration space as memory (PCI Express 3.0, 7.2.2): 4 KiB a function, 1 MiB a bus. */
#pragma once

#include "drivers/acpi/acpi.h"
#include "drivers/pci/pci.h"

/* A range of configuration space, and who says so. */
struct ecam {
	struct acpi_mcfg entry;
	const char *from;		/* "MCFG", "_CBA" */
};

enum { ECAM_MAX = ACPI_MCFG_MAX + ACPI_BRIDGES_MAX };

/*
 * What MCFG lists, then what host bridges themselves say of segments that it
 * does not list. Returns how many.
 */
unsigned ecam_find(const struct acpi_info *acpi, struct ecam out[ECAM_MAX]);

/*
 * Maps a range and sets up `host` for it. Returns 0, -EINVAL (no such range
 * can be, or memory lies there), -ENOMEM. Logs.
 */
int __must_check ecam_open(struct pci_host *host, const struct ecam *ecam,
			   const struct regions *map, unsigned physical_bits);
void ecam_close(struct pci_host *host);

/* The range that an entry takes; false if there can be none such. */
bool ecam_span(const struct acpi_mcfg *entry, unsigned physical_bits, struct pci_span *out);

/*
 * Whether one of the hosts reaches some of the same functions already, by the
 * same numbers or at the same addresses: driven twice, each BAR overlaps itself.
 */
bool ecam_repeats(const struct pci_host *hosts, unsigned count, const struct acpi_mcfg *entry,
		  unsigned physical_bits);
