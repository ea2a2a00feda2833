/* SPDX-License-Identifier: MIT */
/*
 * Gather, solve, apply. What changes is written in an order that never leaves
 * two things at one address: first everything that moves stops decoding, then
 * windows and BARs are written and read back, then what has all its BARs
 * decodes again.
 */
#include "drivers/pci/bars.h"

#include "kernel/lib/errno.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"

enum {
	CLASS_HOST_BRIDGE = 0x0600,
	CLASS_SUBTRACTIVE = 0x060401,	/* PCI-to-PCI, forwards what nobody else takes */
	BARS_WITH_ROM = PCI_BARS_MAX + 1,
	ROM_ADDRESS = 0xfffff800,	/* PCI Local Bus 3.0, 6.2.5.2 */
	DECODING = PCI_COMMAND_IO | PCI_COMMAND_MEMORY,
	WINDOW_64 = 1,			/* low bits of base and limit: 64 bits, or I/O's 32 */
	WINDOW_TYPE = 0xf,
	IO_ADDRESS = 0xf0f0,
};

#define WINDOW_ADDRESS	UINT32_C(0xfff0fff0)	/* base and limit of memory, without types */

/* What a BAR of the solver's is in its function. */
struct slot {
	struct pci_device *dev;
	uint8_t index;
};

struct settling {
	struct pci_host *hosts;
	unsigned host_count;
	struct pci_resources *r;
	struct slot *slots;		/* beside r->bars */
	struct pci_device **bridges;	/* beside r->bridges */
	struct pci_span console;
};

/* Every function of every host, in order. */
static struct pci_device *device_next(const struct settling *s, unsigned *host, unsigned *i)
{
	while (*host < s->host_count) {
		if (*i < s->hosts[*host].count)
			return &s->hosts[*host].devices[(*i)++];
		*i = 0;
		(*host)++;
	}
	return NULL;
}

#define for_each_device(s, dev) \
	for (unsigned _host = 0, _i = 0; (dev = device_next(s, &_host, &_i));)

bool pci_is_host_bridge(const struct pci_device *dev)
{
	return dev->class >> 8 == CLASS_HOST_BRIDGE;
}

uint8_t pci_root_index(const struct pci_host *hosts, const struct pci_device *dev)
{
	uint8_t bus = pci_root_bus(dev);
	unsigned index = 0;

	for (const struct pci_host *h = hosts; h != dev->host; h++)
		index += h->root_count;
	for (unsigned i = 0; i < dev->host->root_count; i++)
		if (dev->host->roots[i] == bus)
			return (uint8_t)(index + i);
	return (uint8_t)index;
}

/* Gather. */

static int16_t bridge_index(const struct settling *s, const struct pci_device *bridge)
{
	for (unsigned i = 0; i < s->r->bridge_count; i++)
		if (s->bridges[i] == bridge)
			return (int16_t)i;
	return -1;
}

static int16_t bridge_of(const struct settling *s, const struct pci_device *dev)
{
	const struct pci_device *bridge = pci_bridge_above(dev);

	return bridge ? bridge_index(s, bridge) : -1;
}

static uint32_t key_of(const struct settling *s, const struct pci_device *dev, unsigned index)
{
	return (uint32_t)(dev->host - s->hosts) << 19 | (uint32_t)dev->address << 3 | index;
}

static void slot_add(struct settling *s, struct pci_device *dev, const struct pci_bar *bar)
{
	unsigned i = s->r->bar_count++;
	struct pci_span span = { bar->base, bar->base + bar->size };

	s->slots[i] = (struct slot){ dev, bar->index };
	s->r->bars[i] = (struct pci_res_bar){
		.key = key_of(s, dev, bar->index),
		.bridge = bridge_of(s, dev),
		.root = pci_root_index(s->hosts, dev),
		.io = bar->io,
		.wide = bar->wide,
		.prefetchable = bar->prefetchable,
		.rom = bar->index == PCI_ROM,
		.fixed = !bar->io && bar->base && span.start < s->console.end &&
			 s->console.start < span.end,
		.size = bar->size,
		.now = bar->base,
	};
	dev->bar_count++;
}

static void rom_gather(struct settling *s, struct pci_device *dev)
{
	uint16_t offset = pci_rom_register(dev);
	uint32_t before, mask;
	struct pci_bar bar = { .index = PCI_ROM };

	if (!offset)
		return;
	before = pci_config_read32(dev, offset);
	pci_config_write32(dev, offset, ROM_ADDRESS);
	mask = pci_config_read32(dev, offset) & ROM_ADDRESS;
	pci_config_write32(dev, offset, before);
	bar.base = before & ROM_ADDRESS;
	bar.size = mask ? (uint32_t)~mask + UINT64_C(1) : 0;
	if (is_pow2(bar.size) && is_aligned(bar.base, bar.size))
		slot_add(s, dev, &bar);
}

/* Sizes all BARs of a function with its decoding off once. */
static void device_gather(struct settling *s, struct pci_device *dev)
{
	unsigned bars = pci_bars_of(dev);
	uint16_t command;

	dev->bar_count = 0;
	dev->problem = NULL;
	dev->quiet = false;
	if (bars == 0 || pci_is_host_bridge(dev))
		return;
	command = pci_config_read16(dev, PCI_COMMAND);
	dev->command = command;
	if (command & DECODING)
		pci_config_write16(dev, PCI_COMMAND, command & ~DECODING);
	for (unsigned i = 0; i < bars; i++) {
		struct pci_bar bar;
		int rc = pci_bar_probe(dev, i, &bar);

		if (rc == -EPROTO)
			dev->problem = "a BAR answers what is no size or no address";
		if (!rc)
			slot_add(s, dev, &bar);
		i += bar.wide;
	}
	rom_gather(s, dev);
	if (command & DECODING)
		pci_config_write16(dev, PCI_COMMAND, command);
}

/* A base and limit that read 0 are none, or just 0. */
static uint32_t window_register(const struct pci_device *dev, uint16_t offset, uint32_t ones,
				uint32_t *mask)
{
	uint32_t before = pci_config_read32(dev, offset);

	*mask = before & ones;
	if (*mask)
		return before;
	pci_config_write32(dev, offset, before | ones);
	*mask = pci_config_read32(dev, offset) & ones;
	pci_config_write32(dev, offset, before);
	return before;
}

/* PCI-to-PCI Bridge 1.2, 3.2.5.6: in units of 4096 ports; the upper halves are not used. */
static void io_window_read(const struct pci_device *dev, struct pci_res_bridge *b)
{
	uint32_t mask, value = window_register(dev, PCI_IO_BASE, IO_ADDRESS, &mask);

	b->can[PCI_SPACE_IO] = mask != 0;
	b->now[PCI_SPACE_IO].start = (value & 0xf0) << 8;
	b->now[PCI_SPACE_IO].end = mask ? (value & 0xf000) + PCI_IO_GRANULE : 0;
}

/* 3.2.5.8 and 3.2.5.9: the upper 12 bits of 32. */
static struct pci_span memory_window(uint32_t value)
{
	return (struct pci_span){ (value & 0xfff0) << 16,
				  (value & 0xfff00000) + MIB };
}

static void prefetchable_window_read(const struct pci_device *dev, struct pci_res_bridge *b)
{
	uint32_t mask, value = window_register(dev, PCI_PREFETCHABLE_BASE, WINDOW_ADDRESS, &mask);
	struct pci_span *now = &b->now[PCI_SPACE_PREFETCHABLE];

	if (!mask)
		return;
	*now = memory_window(value);
	b->can[PCI_SPACE_PREFETCHABLE] = (value & WINDOW_TYPE) == WINDOW_64;
	if (!b->can[PCI_SPACE_PREFETCHABLE])
		return;
	now->start |= (uint64_t)pci_config_read32(dev, PCI_PREFETCHABLE_BASE_HIGH) << 32;
	now->end += (uint64_t)pci_config_read32(dev, PCI_PREFETCHABLE_LIMIT_HIGH) << 32;
}

static void bridge_gather(struct settling *s, struct pci_device *dev)
{
	unsigned i = s->r->bridge_count;
	struct pci_res_bridge *b = &s->r->bridges[i];

	*b = (struct pci_res_bridge){
		.key = key_of(s, dev, 0),
		.parent = bridge_of(s, dev),
		.root = pci_root_index(s->hosts, dev),
		.can[PCI_SPACE_MEMORY] = true,
		.subtractive = dev->class == CLASS_SUBTRACTIVE,
	};
	b->now[PCI_SPACE_MEMORY] = memory_window(pci_config_read32(dev, PCI_MEMORY_BASE));
	io_window_read(dev, b);
	prefetchable_window_read(dev, b);
	s->bridges[i] = dev;
	s->r->bridge_count++;
}

/* A bridge is found before what is behind it. */
static void gather(struct settling *s)
{
	struct pci_device *dev;

	for_each_device(s, dev)
		if (dev->header == PCI_HEADER_BRIDGE)
			bridge_gather(s, dev);
	for_each_device(s, dev)
		device_gather(s, dev);
}

/* Apply. */

static bool bar_changes(const struct pci_res_bar *bar)
{
	return bar->address != bar->now;
}

static bool window_changes(const struct pci_res_bridge *b, enum pci_space space)
{
	bool open = b->now[space].start < b->now[space].end;

	return !b->kept[space] && (open || b->window[space].end);
}

static bool bridge_changes(const struct pci_res_bridge *b)
{
	return window_changes(b, PCI_SPACE_IO) || window_changes(b, PCI_SPACE_MEMORY) ||
	       window_changes(b, PCI_SPACE_PREFETCHABLE);
}

static void decoding_off(struct pci_device *dev)
{
	dev->quiet = true;
	if (dev->command & DECODING)
		pci_config_write16(dev, PCI_COMMAND, dev->command & ~DECODING);
}

static uint16_t io_window_value(struct pci_span w)
{
	return w.end ? (uint16_t)((w.start >> 8 & 0xf0) | ((w.end - 1) & 0xf000)) : 0x00f0;
}

static void io_window_write(const struct pci_device *dev, struct pci_span w)
{
	pci_config_write16(dev, PCI_IO_BASE, io_window_value(w));
	pci_config_write32(dev, PCI_IO_BASE_HIGH, 0);
}

static uint32_t memory_window_value(struct pci_span w)
{
	return w.end ? (uint32_t)((w.start >> 16 & 0xfff0) | ((w.end - 1) & 0xfff00000)) : 0xfff0;
}

static void prefetchable_window_write(const struct pci_device *dev, struct pci_span w, bool high)
{
	if (high) {	/* closed meanwhile */
		pci_config_write32(dev, PCI_PREFETCHABLE_LIMIT_HIGH, 0);
		pci_config_write32(dev, PCI_PREFETCHABLE_BASE_HIGH, 0xffffffff);
	}
	pci_config_write32(dev, PCI_PREFETCHABLE_BASE, memory_window_value(w));
	if (high) {
		pci_config_write32(dev, PCI_PREFETCHABLE_LIMIT_HIGH,
				   w.end ? (uint32_t)((w.end - 1) >> 32) : 0);
		pci_config_write32(dev, PCI_PREFETCHABLE_BASE_HIGH, (uint32_t)(w.start >> 32));
	}
}

static void windows_write(const struct pci_device *dev, const struct pci_res_bridge *b)
{
	if (window_changes(b, PCI_SPACE_IO) && b->can[PCI_SPACE_IO])
		io_window_write(dev, b->window[PCI_SPACE_IO]);
	if (window_changes(b, PCI_SPACE_MEMORY))
		pci_config_write32(dev, PCI_MEMORY_BASE,
				   memory_window_value(b->window[PCI_SPACE_MEMORY]));
	if (window_changes(b, PCI_SPACE_PREFETCHABLE))
		prefetchable_window_write(dev, b->window[PCI_SPACE_PREFETCHABLE],
					  b->can[PCI_SPACE_PREFETCHABLE]);
}

static bool memory_reads_back(const struct pci_device *dev, const struct pci_res_bridge *b)
{
	struct pci_span w = b->window[PCI_SPACE_MEMORY];

	return !window_changes(b, PCI_SPACE_MEMORY) ||
	       (pci_config_read32(dev, PCI_MEMORY_BASE) & WINDOW_ADDRESS) == memory_window_value(w);
}

static bool prefetchable_reads_back(const struct pci_device *dev, const struct pci_res_bridge *b)
{
	struct pci_span w = b->window[PCI_SPACE_PREFETCHABLE];

	if (!window_changes(b, PCI_SPACE_PREFETCHABLE))
		return true;
	if ((pci_config_read32(dev, PCI_PREFETCHABLE_BASE) & WINDOW_ADDRESS) !=
	    memory_window_value(w))
		return false;
	return !b->can[PCI_SPACE_PREFETCHABLE] || !w.end ||
	       (pci_config_read32(dev, PCI_PREFETCHABLE_BASE_HIGH) == w.start >> 32 &&
		pci_config_read32(dev, PCI_PREFETCHABLE_LIMIT_HIGH) == (w.end - 1) >> 32);
}

static bool io_reads_back(const struct pci_device *dev, const struct pci_res_bridge *b)
{
	return !window_changes(b, PCI_SPACE_IO) || !b->can[PCI_SPACE_IO] ||
	       (pci_config_read16(dev, PCI_IO_BASE) & IO_ADDRESS) ==
	       io_window_value(b->window[PCI_SPACE_IO]);
}

/* Programs a bridge. False if it did not take all of it. */
static bool bridge_apply(const struct pci_device *dev, struct pci_res_bridge *b)
{
	windows_write(dev, b);
	b->lost[false] = !memory_reads_back(dev, b) || !prefetchable_reads_back(dev, b);
	b->lost[true] = !io_reads_back(dev, b);
	return !b->lost[false] && !b->lost[true];
}

/* A bridge that forwards something else than it was told is not to forward at all. */
static bool is_behind_lost(const struct settling *s, const struct pci_res_bar *bar)
{
	for (int16_t b = bar->bridge; b >= 0; b = s->r->bridges[b].parent)
		if (s->r->bridges[b].lost[bar->io])
			return true;
	return false;
}

static void lost_disable(const struct slot *slot, struct pci_res_bar *bar)
{
	if (bar->state == PCI_BAR_DISABLED)
		return;
	bar->state = PCI_BAR_DISABLED;
	bar->why = "a bridge above it does not keep what is written to it";
	bar->address = 0;
	decoding_off(slot->dev);
}

static uint16_t bar_register(const struct slot *slot)
{
	return slot->index == PCI_ROM ? pci_rom_register(slot->dev) :
	       (uint16_t)(PCI_BAR0 + 4 * slot->index);
}

/* Writes an address; true if it reads back. */
static bool address_write(const struct slot *slot, const struct pci_res_bar *bar, uint64_t address)
{
	uint16_t offset = bar_register(slot);
	uint64_t is;

	pci_config_write32(slot->dev, offset, (uint32_t)address);
	is = pci_config_read32(slot->dev, offset);
	if (bar->wide) {
		pci_config_write32(slot->dev, offset + 4, (uint32_t)(address >> 32));
		is |= (uint64_t)pci_config_read32(slot->dev, offset + 4) << 32;
	}
	return (is & ~(bar->size - 1)) == address;
}

static void bar_apply(const struct slot *slot, struct pci_res_bar *bar)
{
	if (address_write(slot, bar, bar->address))
		return;
	if (bar->state != PCI_BAR_ASSIGNED)
		return;
	bar->state = PCI_BAR_DISABLED;
	bar->why = "it does not keep what is written to it";
	bar->address = 0;
	address_write(slot, bar, 0);
}

static uint16_t bridge_wants(const struct pci_res_bridge *b)
{
	uint16_t wanted = b->window[PCI_SPACE_IO].end ? PCI_COMMAND_IO : 0;

	if (b->window[PCI_SPACE_MEMORY].end || b->window[PCI_SPACE_PREFETCHABLE].end)
		wanted |= PCI_COMMAND_MEMORY;
	return wanted ? wanted | PCI_COMMAND_MASTER : 0;
}

static uint16_t bridge_lost(const struct pci_res_bridge *b)
{
	return (b->lost[true] ? PCI_COMMAND_IO : 0) | (b->lost[false] ? PCI_COMMAND_MEMORY : 0);
}

static struct pci_bar bar_of(const struct slot *slot, const struct pci_res_bar *bar)
{
	return (struct pci_bar){
		.base = bar->address,
		.size = bar->size,
		.io = bar->io,
		.wide = bar->wide,
		.prefetchable = bar->prefetchable,
		.index = slot->index,
		.state = bar->state,
		.why = bar->why,
	};
}

/*
 * Decodes again as before, if it may, and what it was assigned. Of a bridge
 * what is behind it matters more than a BAR of its own, which at 0 is hidden
 * by memory.
 */
static void command_settle(const struct settling *s, struct pci_device *dev, uint16_t assigned,
			   uint16_t allowed)
{
	int16_t bridge = dev->header == PCI_HEADER_BRIDGE ? bridge_index(s, dev) : -1;
	uint16_t next = (uint16_t)((dev->command | assigned) & (allowed | ~DECODING));

	if (bridge >= 0)
		next = (dev->command | bridge_wants(&s->r->bridges[bridge])) &
		       ~bridge_lost(&s->r->bridges[bridge]);
	if (dev->quiet || next != dev->command)
		pci_config_write16(dev, PCI_COMMAND, next);
}

/* Keeps what became of a function's BARs, from `first` on; decides what it decodes. */
static void device_conclude(const struct settling *s, struct pci_device *dev, unsigned first,
			    struct pci_settled *out)
{
	uint16_t allowed = dev->problem ? 0 : DECODING, assigned = 0;

	for (unsigned i = 0; i < dev->bar_count; i++) {
		const struct pci_res_bar *bar = &s->r->bars[first + i];

		dev->bars[i] = bar_of(&s->slots[first + i], bar);
		out->kept += bar->state == PCI_BAR_KEPT;
		out->assigned += bar->state == PCI_BAR_ASSIGNED;
		if (bar->state == PCI_BAR_ASSIGNED)
			assigned |= bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
		if (bar->state != PCI_BAR_DISABLED || bar->rom)
			continue;
		out->disabled++;
		allowed &= bar->io ? ~PCI_COMMAND_IO : ~PCI_COMMAND_MEMORY;
		if (!bar->io && dev->header != PCI_HEADER_BRIDGE)
			dev->problem = bar->why;
	}
	dev->bars_known = true;
	command_settle(s, dev, assigned, allowed);
}

static void apply(struct settling *s, struct pci_settled *out)
{
	for (unsigned i = 0; i < s->r->bar_count; i++)
		if (bar_changes(&s->r->bars[i]))
			decoding_off(s->slots[i].dev);
	for (unsigned i = 0; i < s->r->bridge_count; i++)
		if (bridge_changes(&s->r->bridges[i]))
			decoding_off(s->bridges[i]);
	for (unsigned i = 0; i < s->r->bridge_count; i++) {
		if (!bridge_changes(&s->r->bridges[i]))
			continue;
		out->windows += bridge_apply(s->bridges[i], &s->r->bridges[i]);
	}
	for (unsigned i = 0; i < s->r->bar_count; i++)
		if (is_behind_lost(s, &s->r->bars[i]))
			lost_disable(&s->slots[i], &s->r->bars[i]);
	for (unsigned i = 0; i < s->r->bar_count; i++)
		if (bar_changes(&s->r->bars[i]))
			bar_apply(&s->slots[i], &s->r->bars[i]);
}

/* Memory for everything that a scan can have found. */
static int settling_begin(struct settling *s)
{
	struct pci_device *dev;
	unsigned bars = 0, bridges = 0;

	for_each_device(s, dev) {
		bars += pci_bars_of(dev) ? pci_bars_of(dev) + 1 : 0;
		bridges += dev->header == PCI_HEADER_BRIDGE;
	}
	s->r->bar_count = 0;
	s->r->bridge_count = 0;
	s->r->bars = kmalloc((bars + 1) * sizeof(s->r->bars[0]));
	s->slots = kmalloc((bars + 1) * sizeof(s->slots[0]));
	s->r->bridges = kmalloc((bridges + 1) * sizeof(s->r->bridges[0]));
	s->bridges = kmalloc((bridges + 1) * sizeof(s->bridges[0]));
	return s->r->bars && s->slots && s->r->bridges && s->bridges ? 0 : -ENOMEM;
}

static void settling_end(struct settling *s)
{
	kfree(s->r->bars);
	kfree(s->slots);
	kfree(s->r->bridges);
	kfree(s->bridges);
	kfree(s->r->work);
	s->r->bars = NULL;
	s->r->bridges = NULL;
	s->r->work = NULL;
}

static void conclude(struct settling *s, struct pci_bar *bars, struct pci_settled *out)
{
	struct pci_device *dev;
	unsigned first = 0;

	for_each_device(s, dev) {
		dev->bars = bars ? bars + first : NULL;
		device_conclude(s, dev, first, out);
		first += dev->bar_count;
	}
}

void pci_bars_give_up(struct pci_host *hosts, unsigned count)
{
	struct settling s = { .hosts = hosts, .host_count = count };
	struct pci_device *dev;

	for_each_device(&s, dev) {
		dev->bar_count = 0;
		dev->problem = "no memory to look at its BARs";
	}
}

int pci_bars_settle(struct pci_host *hosts, unsigned count, struct pci_resources *r,
		    struct pci_span console, struct pci_settled *out)
{
	struct settling s = { hosts, count, r, NULL, NULL, console };
	struct pci_bar *bars = NULL;
	int rc = settling_begin(&s);

	*out = (struct pci_settled){ 0 };
	if (!rc) {
		gather(&s);
		if (r->bar_count)	/* else no function would keep it */
			bars = kmalloc(r->bar_count * sizeof(*bars));
		r->work = kmalloc(pci_resources_work(r) + 1);
		rc = (bars || !r->bar_count) && r->work ? 0 : -ENOMEM;
	}
	if (rc) {
		pci_bars_give_up(hosts, count);
		kfree(bars);
	} else {
		pci_resources_solve(r);
		apply(&s, out);
		conclude(&s, bars, out);
	}
	settling_end(&s);
	return rc;
}
