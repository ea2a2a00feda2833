/* SPDX-License-Identifier: MIT */
/*
 * Enumeration, capabilities and BARs, over any kind of configuration access.
 *
 * Buses form a work list: bus 0, then the secondary bus of each bridge. A bus
 * is taken once (one bit each), and only if its numbers lie inside what the
 * bridge above it forwards, so neither a loop nor a number out of thin air
 * leads anywhere. Firmware's bus numbers are kept; bridges without any share
 * what their bus has left.
 *
 * An empty slot costs one read, a function three.
 */
#include "drivers/pci/pci.h"

#include "drivers/pci/bars.h"
#include "kernel/lib/errno.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"
LOG_DEFINE();

enum {
	HEADER_MULTIFUNCTION = 0x80,
	STATUS_CAPABILITIES = 1 << 4,
	CAPABILITY_FIRST = 0x40,

	PORTS_FIRST = 0xd00,		/* below lie the board's own, those of PCI at 0xcf8 too */
	PORTS_END = 0x10000,
};

/* Base address registers (PCI Local Bus 3.0, 6.2.5.1). */
enum pci_bar_bits {
	BAR_IO = 1 << 0,
	BAR_TYPE = 3 << 1,
	BAR_TYPE_64 = 2 << 1,
	BAR_PREFETCHABLE = 1 << 3,
	BAR_MEMORY_FLAGS = 0xf,
	BAR_IO_FLAGS = 0x3,
};

static uint32_t read_at(struct pci_host *host, uint16_t address, uint16_t offset)
{
	return host->ops->read(host, address, offset, 4);
}

uint8_t pci_config_read8(const struct pci_device *dev, uint16_t offset)
{
	return (uint8_t)dev->host->ops->read(dev->host, dev->address, offset, 1);
}

uint16_t pci_config_read16(const struct pci_device *dev, uint16_t offset)
{
	return (uint16_t)dev->host->ops->read(dev->host, dev->address, offset, 2);
}

uint32_t pci_config_read32(const struct pci_device *dev, uint16_t offset)
{
	return read_at(dev->host, dev->address, offset);
}

void pci_config_write16(const struct pci_device *dev, uint16_t offset, uint16_t value)
{
	dev->host->ops->write(dev->host, dev->address, offset, 2, value);
}

void pci_config_write32(const struct pci_device *dev, uint16_t offset, uint32_t value)
{
	dev->host->ops->write(dev->host, dev->address, offset, 4, value);
}

static bool bus_take(struct pci_host *host, uint8_t bus, uint8_t last, uint8_t above)
{
	if (host->seen[bus / 64] & BIT(bus % 64))
		return false;
	host->seen[bus / 64] |= BIT(bus % 64);
	host->last[bus] = last;
	host->above[bus] = above;
	host->todo[host->buses++] = bus;
	return true;
}

static bool is_bridge_on(const struct pci_device *dev, uint8_t bus)
{
	return dev->header == PCI_HEADER_BRIDGE && PCI_BUS(dev->address) == bus;
}

static uint32_t bridge_numbers(const struct pci_device *dev)
{
	return pci_config_read32(dev, PCI_PRIMARY_BUS);
}

static void bridge_follow(struct pci_host *host, unsigned index)
{
	const struct pci_device *dev = &host->devices[index];
	uint32_t numbers = bridge_numbers(dev);
	uint8_t parent = (uint8_t)PCI_BUS(dev->address);
	uint8_t secondary = (uint8_t)(numbers >> 8);
	uint8_t subordinate = (uint8_t)(numbers >> 16);

	if (secondary <= parent || secondary > subordinate || subordinate > host->last[parent] ||
	    !bus_take(host, secondary, subordinate, (uint8_t)(index + 1)))
		log_warn("%02x:%02x.%u: bridge to buses %u-%u is not followed: numbers taken "
			 "or outside %u-%u", PCI_BUS(dev->address), PCI_SLOT(dev->address),
			 PCI_FUNCTION(dev->address), secondary, subordinate, parent,
			 host->last[parent]);
}

/* The longest run of bus numbers on `bus` that no bridge has; returns its length. */
static unsigned numbers_free(const struct pci_host *host, uint8_t bus, uint8_t *first)
{
	bool taken[257] = { false };
	unsigned longest = 0, run = 0;

	for (unsigned i = 0; i < host->count; i++) {
		uint32_t numbers = is_bridge_on(&host->devices[i], bus) ?
				   bridge_numbers(&host->devices[i]) : 0;

		for (unsigned n = numbers >> 8 & 0xff; n && n <= (numbers >> 16 & 0xff); n++)
			taken[n] = true;
	}
	for (unsigned i = 0; i < host->root_count; i++)
		taken[host->roots[i]] = true;
	for (unsigned n = bus + 1u; n <= host->last[bus]; n++) {
		run = taken[n] ? 0 : run + 1;
		if (run <= longest)
			continue;
		longest = run;
		*first = (uint8_t)(n - run + 1);
	}
	return longest;
}

/*
 * Gives `left` bridges of a bus numbers: equal shares of the longest free run,
 * as nobody can know yet what is behind them.
 */
static void bridges_number(struct pci_host *host, uint8_t bus, unsigned left)
{
	uint8_t next = 0;
	unsigned length = numbers_free(host, bus, &next);
	unsigned share = max(length / left, 1u);

	for (unsigned i = 0; i < host->count; i++) {
		const struct pci_device *dev = &host->devices[i];
		uint32_t numbers = is_bridge_on(dev, bus) ? bridge_numbers(dev) : 0xff00;

		if (numbers & 0xff00)
			continue;
		if (length < share) {
			host->unnumbered++;
			log_warn("%02x:%02x.%u: no bus number is left for this bridge", bus,
				 PCI_SLOT(dev->address), PCI_FUNCTION(dev->address));
			continue;
		}
		pci_config_write32(dev, PCI_PRIMARY_BUS, (numbers & 0xff000000) | bus |
				   (uint32_t)next << 8 | (next + share - 1) << 16);
		next = (uint8_t)(next + share);
		length -= share;
		host->numbered++;
	}
}

/* Takes up the buses behind the bridges of a bus that was scanned. */
static void bridges_follow(struct pci_host *host, uint8_t bus)
{
	unsigned missing = 0, bridges = 0;

	for (unsigned i = 0; i < host->count; i++) {
		if (!is_bridge_on(&host->devices[i], bus))
			continue;
		bridges++;
		missing += (bridge_numbers(&host->devices[i]) & 0xff00) == 0;
	}
	if (missing)
		bridges_number(host, bus, missing);
	for (unsigned i = 0; bridges && i < host->count; i++)
		if (is_bridge_on(&host->devices[i], bus) &&
		    bridge_numbers(&host->devices[i]) & 0xff00)
			bridge_follow(host, i);
}

static bool vendor_exists(uint32_t id)
{
	uint16_t vendor = (uint16_t)id;

	return vendor != 0 && vendor != 0xffff;
}

/* Takes the function with this identification; returns its raw header type. */
static uint8_t function_add(struct pci_host *host, uint16_t address, uint32_t id)
{
	uint32_t class = read_at(host, address, PCI_REVISION_ID);
	uint8_t header = (uint8_t)(read_at(host, address, PCI_HEADER_TYPE & ~3) >> 16);
	struct pci_device dev = {
		.host = host,
		.address = address,
		.vendor = (uint16_t)id,
		.device = (uint16_t)(id >> 16),
		.header = header & ~HEADER_MULTIFUNCTION,
		.revision = (uint8_t)class,
		.class = class >> 8,
	};

	log_debug("%02x:%02x.%u: %04x:%04x class %06x header %u", PCI_BUS(address),
		  PCI_SLOT(address), PCI_FUNCTION(address), dev.vendor, dev.device, dev.class,
		  dev.header);
	if (host->count < PCI_DEVICES_MAX)
		host->devices[host->count++] = dev;
	else
		host->lost++;
	return header;
}

static void bus_scan(struct pci_host *host, uint8_t bus)
{
	for (unsigned slot = 0; slot < 32; slot++) {
		uint16_t address = (uint16_t)(bus << 8 | slot << 3);
		uint32_t id = read_at(host, address, PCI_VENDOR_ID);

		if (!vendor_exists(id))
			continue;
		if (!(function_add(host, address, id) & HEADER_MULTIFUNCTION))
			continue;
		for (unsigned function = 1; function < 8; function++) {
			id = read_at(host, address | function, PCI_VENDOR_ID);
			if (vendor_exists(id))
				function_add(host, address | function, id);
		}
	}
}

static void roots_take(struct pci_host *host)
{
	if (host->root_count == 0)
		host->roots[host->root_count++] = host->bus_first;
	for (unsigned i = 0; i < host->root_count; i++)
		bus_take(host, host->roots[i], i + 1 < host->root_count ?
			 (uint8_t)(host->roots[i + 1] - 1) : host->bus_last, 0);
}

void pci_scan(struct pci_host *host)
{
	host->count = 0;
	host->lost = 0;
	host->buses = 0;
	host->numbered = 0;
	host->unnumbered = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(host->seen); i++)
		host->seen[i] = 0;

	roots_take(host);
	for (unsigned i = 0; i < host->buses; i++) {
		bus_scan(host, host->todo[i]);
		bridges_follow(host, host->todo[i]);
	}

	if (host->lost)
		log_warn("%u functions found, %u more do not fit and are ignored", host->count,
			 host->lost);
}

const struct pci_device *pci_bridge_above(const struct pci_device *dev)
{
	uint8_t above = dev->host->above[PCI_BUS(dev->address)];

	return above ? &dev->host->devices[above - 1] : NULL;
}

uint8_t pci_root_bus(const struct pci_device *dev)
{
	const struct pci_device *bridge;

	while ((bridge = pci_bridge_above(dev)))
		dev = bridge;
	return (uint8_t)PCI_BUS(dev->address);
}

void pci_capability_begin(const struct pci_device *dev, struct pci_capability_walk *walk)
{
	walk->next = 0;
	walk->left = (PCI_CONFIG_SIZE - CAPABILITY_FIRST) / 4;
	if (dev->header > PCI_HEADER_BRIDGE)
		return;
	if (pci_config_read16(dev, PCI_STATUS) & STATUS_CAPABILITIES)
		walk->next = pci_config_read8(dev, PCI_CAPABILITIES) & ~3;
}

int pci_capability_any(const struct pci_device *dev, struct pci_capability_walk *walk,
		       uint8_t *id, uint8_t *at)
{
	uint32_t head;

	if (walk->next == 0)
		return -ENOENT;
	if (walk->next < CAPABILITY_FIRST || walk->left == 0)
		return -EPROTO;
	*at = walk->next;
	walk->left--;
	head = pci_config_read32(dev, *at);
	walk->next = (uint8_t)(head >> 8) & ~3;
	*id = (uint8_t)head;
	return 0;
}

int pci_capability_next(const struct pci_device *dev, struct pci_capability_walk *walk,
			enum pci_capability_id id, uint8_t *at)
{
	uint8_t here, found;
	int rc;

	do
		rc = pci_capability_any(dev, walk, &found, &here);
	while (!rc && found != id);
	if (!rc)
		*at = here;
	return rc;
}

/* The bits of a register that can be written, found by writing; put back after. */
static uint32_t register_probe(const struct pci_device *dev, uint16_t offset, uint32_t before)
{
	pci_config_write32(dev, offset, 0xffffffff);

	uint32_t mask = pci_config_read32(dev, offset);

	if (mask != before)
		pci_config_write32(dev, offset, before);
	return mask;
}

/* Reads address and writable bits of a BAR; decoding is off. */
static void bar_learn(const struct pci_device *dev, uint16_t offset, uint32_t low,
		      struct pci_bar *bar, uint64_t *mask)
{
	uint32_t flags = bar->io ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS;

	bar->base = low & ~flags;
	*mask = register_probe(dev, offset, low) & ~flags;
	if (bar->io) {
		*mask |= *mask ? 0xffff0000 : 0;	/* 16 bits are enough for ports */
	} else if (bar->wide) {
		uint32_t high = pci_config_read32(dev, offset + 4);

		bar->base |= (uint64_t)high << 32;
		*mask |= (uint64_t)register_probe(dev, offset + 4, high) << 32;
	}
	if (!bar->wide)
		*mask |= *mask ? GENMASK(63, 32) : 0;
}

unsigned pci_bars_of(const struct pci_device *dev)
{
	return dev->header == PCI_HEADER_NORMAL ? PCI_BARS_MAX :
	       dev->header == PCI_HEADER_BRIDGE ? 2 : 0;
}

uint16_t pci_rom_register(const struct pci_device *dev)
{
	return dev->header == PCI_HEADER_NORMAL ? PCI_ROM_BAR :
	       dev->header == PCI_HEADER_BRIDGE ? PCI_ROM_BAR_BRIDGE : 0;
}

int pci_bar_probe(const struct pci_device *dev, unsigned index, struct pci_bar *out)
{
	uint16_t offset = (uint16_t)(PCI_BAR0 + 4 * index);
	uint32_t low = pci_config_read32(dev, offset);
	struct pci_bar bar = {
		.io = low & BAR_IO,
		.wide = !(low & BAR_IO) && (low & BAR_TYPE) == BAR_TYPE_64,
		.prefetchable = !(low & BAR_IO) && (low & BAR_PREFETCHABLE),
		.index = (uint8_t)index,
	};
	uint64_t mask;

	*out = bar;
	if (bar.wide && index + 1 >= pci_bars_of(dev))
		return -EPROTO;
	bar_learn(dev, offset, low, &bar, &mask);
	if (mask == 0)
		return -ENOENT;
	bar.size = ~mask + 1;
	if (!is_pow2(bar.size) || !is_aligned(bar.base, bar.size))
		return -EPROTO;
	*out = bar;
	return 0;
}

static int bar_recall(const struct pci_device *dev, unsigned index, struct pci_bar *out)
{
	for (unsigned i = 0; i < dev->bar_count; i++) {
		if (dev->bars[i].index == index) {
			*out = dev->bars[i];
			return 0;
		}
	}
	return -ENOENT;
}

int pci_bar_read(const struct pci_device *dev, unsigned index, struct pci_bar *out)
{
	uint16_t command;
	int rc;

	if (index >= pci_bars_of(dev))
		return -EINVAL;
	if (dev->bars_known)
		return bar_recall(dev, index, out);
	command = pci_config_read16(dev, PCI_COMMAND);
	pci_config_write16(dev, PCI_COMMAND,
			   command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	rc = pci_bar_probe(dev, index, out);
	pci_config_write16(dev, PCI_COMMAND, command);
	return rc;
}

const char *pci_bar_check(const struct pci_host *host, const struct pci_bar *bar)
{
	uint64_t last = bar->base + (bar->size - 1);

	if (bar->state == PCI_BAR_DISABLED)
		return bar->why;
	if (bar->io)
		return "ports, not memory";
	if (bar->base == 0)
		return "not assigned";
	if (last < bar->base || (!bar->wide && last == 0xffffffff) ||
	    (host->physical_bits < 64 && last >> host->physical_bits))
		return "beyond the physical address width";

	for (size_t i = 0; i < host->map->count; i++) {
		const struct region *r = &host->map->list[i];

		if (r->kind != REGION_RESERVED && r->start <= last && r->end > bar->base)
			return r->kind == REGION_CLAIMED ? r->name : "lies over memory";
	}
	return NULL;
}

bool pci_bar_holds(const struct pci_bar *bar, uint64_t offset, uint64_t len)
{
	return len != 0 && offset <= bar->size && len <= bar->size - offset;
}

static int device_enable(const struct pci_device *dev, uint16_t decoding)
{
	uint16_t command = pci_config_read16(dev, PCI_COMMAND);
	uint16_t wanted = command | decoding | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;

	if (dev->problem)
		return -ENODEV;
	if (command != wanted)
		pci_config_write16(dev, PCI_COMMAND, wanted);
	return 0;
}

int pci_device_enable(const struct pci_device *dev)
{
	return device_enable(dev, PCI_COMMAND_MEMORY);
}

int pci_device_enable_ports(const struct pci_device *dev)
{
	return device_enable(dev, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

void pci_device_disable(const struct pci_device *dev)
{
	uint16_t command = pci_config_read16(dev, PCI_COMMAND);

	pci_config_write16(dev, PCI_COMMAND,
			   command & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
}

bool pci_master_off(const struct pci_device *dev)
{
	uint16_t command = pci_config_read16(dev, PCI_COMMAND);

	pci_config_write16(dev, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
	return !(pci_config_read16(dev, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

const char *pci_ports_check(const struct pci_bar *bar)
{
	if (!bar->io)
		return "memory, not ports";
	if (bar->state == PCI_BAR_DISABLED)
		return bar->why;
	if (bar->base == 0)
		return "not assigned";
	if (bar->base < PORTS_FIRST)
		return "over ports of the board";
	return bar->size > PORTS_END || bar->base > PORTS_END - bar->size ?
	       "beyond the last port" : NULL;
}
