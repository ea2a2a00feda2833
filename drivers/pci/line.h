/* SPDX-License-Identifier: MIT */
/* The lines that a function's interrupt pin may lead to. Runs on the host too. */
#pragma once

#include "drivers/acpi/acpi.h"
#include "drivers/pci/pci_irq.h"

/* What acpi_pci_route() is. */
typedef int pci_route_fn(uint16_t segment, uint8_t root_bus, const uint8_t *path, unsigned depth,
			 uint8_t device, unsigned pin, struct acpi_gsi *out);

/*
 * The candidates of the function's pin, best first: _PRT of its bus, or of the
 * nearest bridge above that has one, the pins swizzled on the way (PCI-to-PCI
 * Bridge 1.2, 9.1); then the Interrupt Line register taken as a GSI. Returns
 * how many there are; *why is a static text if that is 0, or if the best was
 * not to be had.
 */
unsigned pci_line_find(const struct pci_device *dev, pci_route_fn *route,
		       const struct acpi_override *overrides, unsigned override_count,
		       struct pci_line out[PCI_LINE_CANDIDATES_MAX], const char **why);
