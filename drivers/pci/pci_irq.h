/* SPDX-License-Identifier: MIT */
/*
 * The interrupts of a PCI function: MSI-X, else MSI, else its line.
 *
 *	rc = pci_irqs_open(dev, wanted, &p);
 *	rc = pci_irqs_connect(&p, i, &irq);	for i < p.count
 *	... make the device fire, irq_prove() ...
 *	while (not seen && pci_irqs_retry(&p, &irq) == 0)
 *		... again ...
 *
 * Nothing is written to a table before the capability was found sane: table
 * and PBA inside their BAR, the BAR usable (pci_bar_check()), the two apart.
 *
 * Context: the event loop.
 */
#pragma once

#include "drivers/pci/pci.h"
#include "kernel/irq.h"

enum pci_irq_kind { PCI_IRQ_NONE, PCI_IRQ_LINE, PCI_IRQ_MSI, PCI_IRQ_MSIX };

enum { PCI_LINE_CANDIDATES_MAX = 2 };

/* A line that may be the function's, and who says so. */
struct pci_line {
	uint32_t gsi;
	enum irq_trigger trigger;
	enum irq_polarity polarity;
	const char *from;		/* "_PRT", "Interrupt Line register" */
};

struct pci_irqs {
	const struct pci_device *dev;
	enum pci_irq_kind kind;
	unsigned count;			/* sources to connect: 1 but for MSI-X, 0 for NONE */
	/*
	 * Why it is not something better, a static text, NULL if it is MSI-X:
	 * "MSI-X table outside its BAR", "line not routed (_PRT is code)".
	 */
	const char *why;
	struct pci_line line;		/* LINE: the candidate in use */

	/* pci_irq.c's */
	struct pci_line candidates[PCI_LINE_CANDIDATES_MAX];
	unsigned candidate_count, candidate_next;
	struct mmio *table;
	uint8_t capability;
	unsigned table_size;
};

/*
 * Finds the best that the function has, for up to `wanted` sources, and sets it
 * up masked; nothing fires yet. p->count may be less than wanted: sources are
 * then to be shared. Returns 0, also where there is nothing (kind NONE);
 * -ENOMEM.
 */
int __must_check pci_irqs_open(const struct pci_device *dev, unsigned wanted, struct pci_irqs *p);

/*
 * Connects source `index` < p->count: from here on it can fire. Returns 0 or an
 * error of irq_connect_message() or irq_connect_line(), -EINVAL.
 */
int __must_check pci_irqs_connect(struct pci_irqs *p, unsigned index, struct irq *irq);

/*
 * LINE: gives up the candidate and connects the next. Returns 0, -ENOENT (no
 * more, or no line: `irq` is disconnected, and p->why says so).
 */
int __must_check pci_irqs_retry(struct pci_irqs *p, struct irq *irq);

/* Makes the function silent, disconnects nothing: the caller's irqs first. */
void pci_irqs_close(struct pci_irqs *p);

/* "MSI-X", "MSI", "line", "none". */
const char *pci_irq_kind_name(enum pci_irq_kind kind);
