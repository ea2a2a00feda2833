/* SPDX-License-Identifier: MIT */
/* Configuration space as memory (PCI Express 3.0, 7.2.2): 4 KiB a function, 1 MiB a bus. */
#pragma once

#include "drivers/pci/pci.h"

struct acpi_mcfg;

/*
 * Maps the range of an entry of MCFG and sets up `host` for it. Returns 0,
 * -EINVAL (no such range can be, or memory lies there), -ENOMEM. Logs.
 */
int __must_check ecam_open(struct pci_host *host, const struct acpi_mcfg *entry,
			   const struct regions *map, unsigned physical_bits);
void ecam_close(struct pci_host *host);

/* The range that an entry takes; false if there can be none such. */
bool ecam_span(const struct acpi_mcfg *entry, unsigned physical_bits, struct pci_span *out);
