/* SPDX-License-Identifier: MIT */
/*
 * What is known of the address space before a BAR is placed: who has which
 * range, and what the roots forward. Pure; runs on the host too.
 */
#pragma once

#include "drivers/acpi/acpi.h"
#include "drivers/pci/pci.h"

/* How many ranges pci_occupied_find() finds at most. */
unsigned pci_occupied_max(const struct regions *map, const struct pci_host *hosts,
			  unsigned count);

/*
 * Fills `out` with what nobody's BAR may lie in or new ones must avoid: the
 * memory map, ECAM, interrupt controllers, clocks, devices that ACPI names,
 * BARs of host bridges. Returns how many.
 */
unsigned pci_occupied_find(const struct regions *map, const struct acpi_info *acpi,
			   const struct pci_host *hosts, unsigned count,
			   unsigned physical_bits, struct pci_occupied *out);

enum { PCI_WINDOWS_MAX = 64 };

/*
 * Fills `out` with what each root forwards: by a static _CRS, else what the
 * memory map leaves, and `configured` (empty: none) for those that have no
 * _CRS. Returns how many, at most PCI_WINDOWS_MAX.
 */
unsigned pci_windows_find(const struct regions *map, const struct acpi_info *acpi,
			  const struct pci_host *hosts, unsigned count, unsigned physical_bits,
			  struct pci_span configured, struct pci_window *out);
