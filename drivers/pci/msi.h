/* SPDX-License-Identifier: MIT */
/*
 * What a function's MSI and MSI-X capabilities say (PCI Local Bus 3.0, 6.8),
 * checked; and the entries of an MSI-X table. Runs on the host too.
 */
#pragma once

#include "drivers/pci/pci.h"
#include "kernel/irq.h"

enum {
	PCI_MSIX_SIZE_MAX = 2048,
	PCI_MSIX_ENTRY = 16,		/* bytes (6.8.2) */
};

/* Message control of MSI-X (6.8.2.3). */
enum pci_msix_control {
	PCI_MSIX_SIZE = 0x7ff,		/* less one */
	PCI_MSIX_MASK = 1 << 14,	/* all vectors of the function */
	PCI_MSIX_ENABLE = 1 << 15,
};

/* Message control of MSI (6.8.1.3). */
enum pci_msi_control {
	PCI_MSI_ENABLE = 1 << 0,
	PCI_MSI_MULTIPLE = 7 << 4,	/* vectors enabled, logarithm */
	PCI_MSI_64 = 1 << 7,
	PCI_MSI_MASKABLE = 1 << 8,
};

enum { PCI_MSI_CONTROL = 2 };		/* offset within either capability */

struct pci_msix {
	uint8_t at;			/* of the capability */
	uint16_t size;			/* entries, 1 to 2048 */
	struct pci_bar bar;		/* that holds the table */
	uint32_t offset;		/* of the table in it */
};

struct pci_msi {
	uint8_t at;
	bool wide;			/* 64-bit address */
	bool maskable;
};

/*
 * Reads and checks: table and pending bits inside BARs that can be used, and
 * apart. Returns 0; -ENOENT (no such capability), -EPROTO (not usable). *why
 * is a static text where it is not 0.
 */
int __must_check pci_msix_read(const struct pci_device *dev, struct pci_msix *out,
			       const char **why);
int __must_check pci_msi_read(const struct pci_device *dev, struct pci_msi *out,
			      const char **why);

/* Masks an entry of a table, or unmasks it. */
void pci_msix_mask(struct mmio *table, unsigned index, bool masked);

/*
 * Writes a masked entry's message. Returns 0, or -EIO if it does not read back.
 */
int __must_check pci_msix_write(struct mmio *table, unsigned index,
				const struct irq_message *message);

/*
 * Writes the message, in configuration space. Returns 0; -ENOTSUP (an address
 * above 4 GiB, for a function that has 32 bits), -EIO (it does not read back).
 */
int __must_check pci_msi_write(const struct pci_device *dev, const struct pci_msi *msi,
			       const struct irq_message *message);
/* Masks the one vector where the function can; the rest stays as it is. */
void pci_msi_mask(const struct pci_device *dev, const struct pci_msi *msi, bool masked);

/* Turns MSI and MSI-X off, where they are there and on. */
void pci_messages_off(const struct pci_device *dev);
