/* SPDX-License-Identifier: MIT */
/*
 * The BARs of all functions: read, judged and placed (resources.h), and the
 * result written. Runs on the host too, over any configuration space.
 */
#pragma once

#include "drivers/pci/pci.h"

/* The root that a bus belongs to, by its place in all hosts' lists of roots. */
uint8_t pci_root_index(const struct pci_host *hosts, const struct pci_device *dev);

/*
 * Sizes one BAR; the function decodes nothing meanwhile. Returns 0, -ENOENT,
 * -EPROTO as pci_bar_read() does; `wide`, which takes the next register too,
 * is set in any case.
 */
int __must_check pci_bar_probe(const struct pci_device *dev, unsigned index, struct pci_bar *out);

/* How many BARs a header of this type has, the ROM apart; and where the ROM's is (0: none). */
unsigned pci_bars_of(const struct pci_device *dev);
uint16_t pci_rom_register(const struct pci_device *dev);

/* A host bridge: its BARs are neither sized nor moved (it may be what we run from). */
bool pci_is_host_bridge(const struct pci_device *dev);

/* What was done. */
struct pci_settled {
	unsigned kept, assigned, disabled;	/* BARs; ROMs are not counted as disabled */
	unsigned windows;			/* bridges' windows programmed */
};

/*
 * Settles the BARs of all functions of `hosts[count]`. The caller has set
 * windows, occupied ranges, physical_bits and assign_all in `r`; the rest of
 * it is this function's. A BAR that overlaps `console` stays where it is.
 *
 * Nothing is printed while a function does not decode: it may be the console.
 * A function that has a memory BAR without a place gets a problem and decodes
 * no memory. Returns 0 or -ENOMEM; then every function has a problem, and
 * nothing was written.
 */
int __must_check pci_bars_settle(struct pci_host *hosts, unsigned count, struct pci_resources *r,
				 struct pci_span console, struct pci_settled *out);

/* Gives every function a problem, as there was no memory. */
void pci_bars_give_up(struct pci_host *hosts, unsigned count);
