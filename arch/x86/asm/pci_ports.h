/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration mechanism #1: the address port 0xCF8 and the data port
 * 0xCFC (PCI Local Bus 3.0, 3.2.2.3.2). A function is named by its 16-bit
 * address, bus << 8 | device << 3 | function.
 *
 * Context: one CPU, the event loop; the pair of accesses is not atomic.
 */
#pragma once

#include <asm/io.h>

enum {
	PCI_PORT_ADDRESS = 0xcf8,
	PCI_PORT_DATA = 0xcfc,
};

#define PCI_PORT_ENABLE		UINT32_C(0x80000000)

/* Selects the dword that holds `offset` (0..255) of a function. */
static inline void pci_ports_select(uint16_t address, uint16_t offset)
{
	outl(PCI_PORT_ADDRESS, PCI_PORT_ENABLE | (uint32_t)address << 8 | (offset & 0xfc));
}

/*
 * True if a PCI host answers at the ports: the address register keeps what is
 * written to it and a device on bus 0 has a vendor. Touches no other register
 * and puts the address register back.
 */
static inline bool pci_ports_answer(void)
{
	uint32_t before = inl(PCI_PORT_ADDRESS);
	bool found = false;

	outl(PCI_PORT_ADDRESS, PCI_PORT_ENABLE);
	if (inl(PCI_PORT_ADDRESS) == PCI_PORT_ENABLE) {
		for (uint16_t device = 0; device < 32 && !found; device++) {
			pci_ports_select((uint16_t)(device << 3), 0);
			uint16_t vendor = inw(PCI_PORT_DATA);
			found = vendor != 0 && vendor != 0xffff;
		}
	}
	outl(PCI_PORT_ADDRESS, before);
	return found;
}
