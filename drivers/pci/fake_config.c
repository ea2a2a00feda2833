/* SPDX-License-Identifier: MIT */
#include "drivers/pci/fake_config.h"

#include "kernel/lib/string.h"

void fake_set16(struct fake_function *fn, unsigned offset, uint16_t value)
{
	memcpy(&fn->config[offset], &value, sizeof(value));
}

void fake_set32(struct fake_function *fn, unsigned offset, uint32_t value)
{
	memcpy(&fn->config[offset], &value, sizeof(value));
}

uint32_t fake_get32(const struct fake_function *fn, unsigned offset)
{
	uint32_t value;

	memcpy(&value, &fn->config[offset], sizeof(value));
	return value;
}

static struct fake_function *find(struct fake_config *f, uint16_t address)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->functions[i].address == address)
			return &f->functions[i];
	return NULL;
}

static struct fake_config *access(struct pci_host *host, uint16_t offset, unsigned width)
{
	struct fake_config *f = container_of(host, struct fake_config, host);

	if (!is_pow2(width) || width > 4 || offset % width || offset + width > PCI_CONFIG_SIZE)
		f->mistakes++;
	return f;
}

static uint32_t fake_read(struct pci_host *host, uint16_t address, uint16_t offset,
			  unsigned width)
{
	struct fake_config *f = access(host, offset, width);
	const struct fake_function *fn = find(f, address);
	uint32_t value = 0xffffffff;

	f->reads++;
	if (!fn)
		return value >> (32 - 8 * width);
	value = 0;
	memcpy(&value, &fn->config[offset], width);
	return value;
}

static void fake_write(struct pci_host *host, uint16_t address, uint16_t offset,
		       unsigned width, uint32_t value)
{
	struct fake_config *f = access(host, offset, width);
	struct fake_function *fn = find(f, address);
	unsigned bar = (offset - PCI_BAR0) / 4u;

	if (!fn || (offset != PCI_COMMAND && (offset < PCI_BAR0 || bar >= PCI_BARS_MAX))) {
		f->mistakes++;
		return;
	}
	if (offset == PCI_COMMAND) {
		memcpy(&fn->config[offset], &value, width);
		return;
	}
	/* Sizing is only safe while the function answers to no address. */
	if (width != 4 || fn->config[PCI_COMMAND] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
		f->mistakes++;
	fake_set32(fn, offset, (value & fn->bar_mask[bar]) |
		   (fake_get32(fn, offset) & ~fn->bar_mask[bar]));
}

static const struct pci_config_ops fake_ops = { fake_read, fake_write };

void fake_config_init(struct fake_config *f)
{
	memset(f, 0, sizeof(*f));
	f->map = (struct regions){ .list = f->regions, .capacity = ARRAY_SIZE(f->regions) };
	f->regions[0] = (struct region){ 0, 0x100000, REGION_CLAIMED, "low 1 MiB" };
	f->regions[1] = (struct region){ 0x100000, GIB, REGION_USABLE, "usable" };
	f->regions[2] = (struct region){ 3 * GIB, 4 * GIB, REGION_RESERVED, "reserved" };
	f->map.count = 3;
	f->host.ops = &fake_ops;
	f->host.access = "fake";
	f->host.map = &f->map;
	f->host.physical_bits = 40;
}

struct fake_function *fake_function_add(struct fake_config *f, unsigned bus, unsigned slot,
					unsigned function, uint32_t id)
{
	struct fake_function *fn = &f->functions[f->count++];

	memset(fn, 0, sizeof(*fn));
	fn->address = (uint16_t)(bus << 8 | slot << 3 | function);
	fake_set32(fn, PCI_VENDOR_ID, id);
	return fn;
}

void fake_function_bridge(struct fake_function *fn, uint8_t secondary, uint8_t subordinate)
{
	fn->config[PCI_HEADER_TYPE] |= 1;
	fn->config[PCI_PRIMARY_BUS] = (uint8_t)PCI_BUS(fn->address);
	fn->config[PCI_PRIMARY_BUS + 1] = secondary;
	fn->config[PCI_PRIMARY_BUS + 2] = subordinate;
}

void fake_function_bar(struct fake_function *fn, unsigned index, uint64_t base, uint64_t size,
		       bool wide)
{
	unsigned offset = PCI_BAR0 + 4 * index;

	fake_set32(fn, offset, (uint32_t)base | (wide ? 4 : 0));
	fn->bar_mask[index] = (uint32_t)~(size - 1) & ~0xfu;
	if (wide) {
		fake_set32(fn, offset + 4, (uint32_t)(base >> 32));
		fn->bar_mask[index + 1] = (uint32_t)(~(size - 1) >> 32);
	}
}
