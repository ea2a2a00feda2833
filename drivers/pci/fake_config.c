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

struct fake_function *fake_function_at(struct fake_config *f, uint16_t address)
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
	const struct fake_function *fn = fake_function_at(f, address);
	uint32_t value = 0xffffffff;

	f->reads++;
	if (!fn)
		return value >> (32 - 8 * width);
	value = 0;
	memcpy(&value, &fn->config[offset], width);
	return value;
}

static bool is_bridge(const struct fake_function *fn)
{
	return (fn->config[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_BRIDGE;
}

static bool decodes(const struct fake_function *fn)
{
	return fn->config[PCI_COMMAND] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

/* The bits of a BAR that can be written, or NULL if that is none of its BARs. */
static const uint32_t *mask_of(const struct fake_function *fn, uint16_t offset)
{
	unsigned bar = (offset - PCI_BAR0) / 4u;

	if (offset == (is_bridge(fn) ? PCI_ROM_BAR_BRIDGE : PCI_ROM_BAR))
		return &fn->rom_mask;
	if (offset < PCI_BAR0 || bar >= (is_bridge(fn) ? 2 : PCI_BARS_MAX))
		return NULL;
	return &fn->bar_mask[bar];
}

static void bar_write(struct fake_function *fn, uint16_t offset, uint32_t mask, uint32_t value)
{
	uint32_t before = fake_get32(fn, offset);

	if (fn->stubborn && value < 0xfffff800 && value != 0 && before != (before | mask))
		return;
	fake_set32(fn, offset, (value & mask) | (before & ~mask));
}

/* Windows of bridges: base and limit, and their upper halves. */
static bool is_window(const struct fake_function *fn, uint16_t offset)
{
	return is_bridge(fn) && offset >= PCI_IO_BASE && offset < PCI_CAPABILITIES;
}

static void fake_write(struct pci_host *host, uint16_t address, uint16_t offset,
		       unsigned width, uint32_t value)
{
	struct fake_config *f = access(host, offset, width);
	struct fake_function *fn = fake_function_at(f, address);
	const uint32_t *mask = fn ? mask_of(fn, offset) : NULL;

	f->writes++;
	if (!fn) {
		f->mistakes++;
		return;
	}
	/* Addresses are only safe to change while the function answers to none. */
	if ((mask || is_window(fn, offset)) && decodes(fn) &&
	    !(mask == &fn->rom_mask && width == 4))
		f->mistakes++;
	if (mask) {
		f->mistakes += width != 4;
		bar_write(fn, offset, *mask, value);
		return;
	}
	for (unsigned i = 0; i < width; i++) {
		uint8_t bits = fn->writable[offset + i];

		f->mistakes += bits == 0 && !is_window(fn, offset);
		fn->config[offset + i] = (uint8_t)((value >> 8 * i & bits) |
						   (fn->config[offset + i] & ~bits));
	}
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
	f->host.bus_last = 255;
}

struct fake_function *fake_function_add(struct fake_config *f, unsigned bus, unsigned slot,
					unsigned function, uint32_t id)
{
	struct fake_function *fn = &f->functions[f->count++];

	memset(fn, 0, sizeof(*fn));
	fn->address = (uint16_t)(bus << 8 | slot << 3 | function);
	fake_set32(fn, PCI_VENDOR_ID, id);
	fn->writable[PCI_COMMAND] = 0xff;
	fn->writable[PCI_COMMAND + 1] = 0xff;
	return fn;
}

void fake_function_bridge(struct fake_function *fn, uint8_t secondary, uint8_t subordinate)
{
	fn->config[PCI_HEADER_TYPE] |= 1;
	fn->config[PCI_PRIMARY_BUS] = (uint8_t)PCI_BUS(fn->address);
	fn->config[PCI_PRIMARY_BUS + 1] = secondary;
	fn->config[PCI_PRIMARY_BUS + 2] = subordinate;
	memset(&fn->writable[PCI_PRIMARY_BUS], 0xff, 4);
	/* Base and limit: closed; the types say 16-bit ports, 64-bit prefetchable. */
	fake_set16(fn, PCI_IO_BASE, 0x00f0);
	fake_set32(fn, PCI_MEMORY_BASE, 0x0000fff0);
	fake_set32(fn, PCI_PREFETCHABLE_BASE, 0x0001fff1);
	fn->writable[PCI_IO_BASE] = 0xf0;
	fn->writable[PCI_IO_BASE + 1] = 0xf0;
	for (unsigned i = 0; i < 8; i += 2) {
		fn->writable[PCI_MEMORY_BASE + i] = 0xf0;
		fn->writable[PCI_MEMORY_BASE + i + 1] = 0xff;
	}
	memset(&fn->writable[PCI_PREFETCHABLE_BASE_HIGH], 0xff, 8);
}

void fake_function_rom(struct fake_function *fn, uint32_t value, uint32_t size)
{
	fake_set32(fn, fn->config[PCI_HEADER_TYPE] & 1 ? PCI_ROM_BAR_BRIDGE : PCI_ROM_BAR, value);
	fn->rom_mask = ~(size - 1) | 1;
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
