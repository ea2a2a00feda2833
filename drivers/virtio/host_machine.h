/* SPDX-License-Identifier: MIT */
/* The machine around the transports, for the host's tests: firmware's word, mappings. */
#pragma once

#include "drivers/acpi/acpi.h"
#include "drivers/pci/pci.h"
#include "kernel/lib/regions.h"

extern struct acpi_info host_acpi;	/* acpi_info() */
extern struct regions host_map;		/* mm_map(), empty */
extern struct pci_host *host_pci;	/* whose functions pci_device_at() gives; or NULL */

/* ioremap() gives a range of addresses as it is, but NULL for this many calls from now on. */
extern unsigned host_ioremap_fails;
extern unsigned host_ioremaps;		/* mappings that have not ended */
