/* SPDX-License-Identifier: MIT */
/* Configuration space for the host's tests: functions made of bytes. */
#pragma once

#include "drivers/pci/pci.h"

enum { FAKE_FUNCTIONS = 300 };

struct fake_function {
	uint16_t address;
	uint8_t config[PCI_CONFIG_SIZE];
	uint32_t bar_mask[PCI_BARS_MAX];	/* address bits that can be written */
	uint32_t rom_mask;
	uint8_t writable[PCI_CONFIG_SIZE];	/* bits of anything else that can be */
	bool stubborn;		/* its BARs keep what was in them, though they can be sized */
};

struct fake_config {
	struct pci_host host;
	struct regions map;
	struct region regions[8];
	struct fake_function functions[FAKE_FUNCTIONS];
	unsigned count;
	unsigned reads, writes;
	unsigned mistakes;	/* bad widths, BARs written while decoding, ... */
};

/* An empty machine with 1 GiB of RAM and 40-bit addresses. */
void fake_config_init(struct fake_config *f);

/* A function with this vendor and device, header type 0. */
struct fake_function *fake_function_add(struct fake_config *f, unsigned bus, unsigned slot,
					unsigned function, uint32_t id);

/* Makes it a bridge to buses secondary..subordinate, with all three windows, closed. */
void fake_function_bridge(struct fake_function *fn, uint8_t secondary, uint8_t subordinate);

/* The function at an address, NULL if there is none. */
struct fake_function *fake_function_at(struct fake_config *f, uint16_t address);

/* A ROM of `size` bytes, and the address that its register has, with its enable bit. */
void fake_function_rom(struct fake_function *fn, uint32_t value, uint32_t size);

/* A memory BAR of `size` bytes at `base`; `wide` takes index + 1 too. */
void fake_function_bar(struct fake_function *fn, unsigned index, uint64_t base, uint64_t size,
		       bool wide);

void fake_set16(struct fake_function *fn, unsigned offset, uint16_t value);
void fake_set32(struct fake_function *fn, unsigned offset, uint32_t value);
uint32_t fake_get32(const struct fake_function *fn, unsigned offset);
