// SPDX-License-Identifier: MIT
/*
 * The MultiProcessor table (MP specification 1.4, chapter 4), for machines
 * without a MADT: a floating pointer on a 16-byte boundary of the EBDA's first
 * KiB, of the last KiB of base memory, or of the BIOS area; it leads to a
 * header and its entries.
 *
 * The walk goes by the length, as qboot leaves the number of entries 0.
 * The table does not say how many pins an IOAPIC has, which only its own
 * register tells. With more than one each but the last is taken to have 24, so
 * GSIs of the second are right where that is so (it is on every known machine
 * that has this table).
 */
#include "drivers/acpi/table.h"

#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

enum { MP_IOAPIC_PINS = 24, MP_BASE_MEMORY_KB = 0x413, MP_BIOS_AREA = 0xf0000 };

struct mp_pointer {
	char signature[4];		/* "_MP_" */
	uint32_t table;
	uint8_t length;			/* of this, in 16 bytes */
	uint8_t revision, checksum;
	uint8_t features[5];		/* [0]: number of a default configuration, or 0 */
} __packed;
static_assert(sizeof(struct mp_pointer) == 16, "4.1");

struct mp_header {
	char signature[4];		/* "PCMP" */
	uint16_t length;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_table_size, entry_count;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __packed;
static_assert(sizeof(struct mp_header) == 44, "4.2");

enum mp_type {
	MP_PROCESSOR = 0,
	MP_BUS = 1,
	MP_IOAPIC = 2,
	MP_INTERRUPT = 3,
	MP_LOCAL_INTERRUPT = 4,
};

enum { MP_PROCESSOR_SIZE = 20, MP_ENTRY_SIZE = 8, MP_ENABLED = BIT(0), MP_INT = 0 };

struct mp_bus {
	uint8_t type, id;
	char name[6];
} __packed;

struct mp_ioapic {
	uint8_t type, id, version, flags;
	uint32_t base;
} __packed;

struct mp_interrupt {
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, source, ioapic, pin;
} __packed;
static_assert(sizeof(struct mp_bus) == MP_ENTRY_SIZE && sizeof(struct mp_ioapic) == MP_ENTRY_SIZE &&
	      sizeof(struct mp_interrupt) == MP_ENTRY_SIZE, "4.3");

struct mp_walk {
	struct acpi_info *out;
	uint64_t isa[4];		/* bit per number of a bus: it is ISA */
	const char *problem;		/* the first */
};

static void note(struct mp_walk *w, const char *problem)
{
	if (!w->problem)
		w->problem = problem;
}

static void read_bus(struct mp_walk *w, const struct mp_bus *e)
{
	if (memcmp(e->name, "ISA", 3) == 0 || memcmp(e->name, "EISA", 4) == 0)
		w->isa[e->id / 64] |= BIT(e->id % 64);
}

static void read_ioapic(struct mp_walk *w, const struct mp_ioapic *e)
{
	if (e->flags & MP_ENABLED)
		note(w, acpi_add_ioapic(w->out, e->id, e->base,
					w->out->ioapic_count * MP_IOAPIC_PINS));
}

/* An ISA interrupt and its pin: an override only if it is not what it would be anyway. */
static void read_interrupt(struct mp_walk *w, const struct mp_interrupt *e)
{
	enum { ALL_IOAPICS = 0xff };
	const struct acpi_info *out = w->out;
	unsigned i = 0;

	if (e->kind != MP_INT || !(w->isa[e->bus / 64] & BIT(e->bus % 64)))
		return;
	while (e->ioapic != ALL_IOAPICS && i < out->ioapic_count && out->ioapics[i].id != e->ioapic)
		i++;
	if (i == out->ioapic_count) {
		note(w, "an interrupt of an IOAPIC that is not there");
		return;
	}
	if (out->ioapics[i].gsi_base + e->pin != e->source || e->flags != 0)
		note(w, acpi_add_override(w->out, e->source, out->ioapics[i].gsi_base + e->pin,
					  e->flags));
}

static void read_entry(struct mp_walk *w, const uint8_t *entry)
{
	enum { FLAGS = 3 };

	switch (entry[0]) {
	case MP_PROCESSOR:
		w->out->processors += entry[FLAGS] & MP_ENABLED;
		break;
	case MP_BUS:
		read_bus(w, (const void *)entry);
		break;
	case MP_IOAPIC:
		read_ioapic(w, (const void *)entry);
		break;
	case MP_INTERRUPT:
		read_interrupt(w, (const void *)entry);
		break;
	}
}

/* The table is `len` bytes long and its checksum good. */
const char *mptable_parse(const void *table, size_t len, struct acpi_info *out)
{
	const struct mp_header *h = table;
	const uint8_t *entry = (const void *)(h + 1);
	struct mp_walk w = { .out = out };
	size_t left = len - sizeof(*h);

	out->interrupts_from = "MP table";
	out->lapic = h->lapic;
	out->has_pic = true;		/* 2.1: part of every such machine */
	while (left > 0) {
		size_t size = entry[0] == MP_PROCESSOR ? MP_PROCESSOR_SIZE : MP_ENTRY_SIZE;

		if (entry[0] > MP_LOCAL_INTERRUPT)
			return "an entry of a type that does not exist";
		if (size > left)
			return "ends within an entry";
		read_entry(&w, entry);
		entry += size;
		left -= size;
	}
	return w.problem;
}

/* The length of the table at `pa`, 0 if it is none. */
static size_t table_length(const struct acpi_memory *m, paddr_t pa)
{
	const struct mp_header *h = pa ? m->map(m, pa, sizeof(*h)) : NULL;
	size_t len = 0;

	if (!h)
		return 0;
	if (memcmp(h->signature, "PCMP", 4) == 0 && h->length >= sizeof(*h))
		len = h->length;
	m->unmap(m);
	return len;
}

static bool read_at(const struct acpi_memory *m, paddr_t pa, struct acpi_info *out)
{
	size_t len = table_length(m, pa);
	const void *table = len ? m->map(m, pa, len) : NULL;
	const char *problem = "no table, or one that cannot be mapped";
	bool good = table && acpi_sum(table, len) == 0;

	if (table) {
		problem = good ? mptable_parse(table, len, out) : "bad checksum";
		m->unmap(m);
	}
	if (problem)
		log_warn("MP table at 0x%llx: %s", (unsigned long long)pa, problem);
	return good;
}

static bool accept(const struct acpi_memory *m, paddr_t pa, void *context)
{
	const struct mp_pointer *p = m->map(m, pa, sizeof(*p));
	paddr_t table = 0;
	bool good;

	if (!p)
		return false;
	good = p->length == 1 && acpi_sum(p, sizeof(*p)) == 0;
	if (good)
		table = p->table;
	m->unmap(m);
	return good && read_at(m, table, context);
}

static bool search(const struct acpi_memory *m, paddr_t start, paddr_t end, struct acpi_info *out)
{
	return bios_search(m, start, end, "_MP_", 4, accept, out);
}

/* The last KiB of base memory, whose size in KiB the BIOS keeps; 639 KiB if it says nothing. */
static paddr_t last_of_base(const struct acpi_memory *m)
{
	enum { DEFAULT_KB = 640 };
	const uint8_t *word = m->map(m, MP_BASE_MEMORY_KB, 2);
	unsigned kb = DEFAULT_KB;

	if (word) {
		kb = word[0] | word[1] << 8;
		m->unmap(m);
	}
	if (kb < 2 || kb > DEFAULT_KB)
		kb = DEFAULT_KB;
	return (kb - 1) * KIB;
}

void mptable_read(const struct acpi_memory *m, struct acpi_info *out)
{
	paddr_t ebda = bios_ebda(m);
	paddr_t last = last_of_base(m);

	if (ebda && search(m, ebda, ebda + KIB, out))
		return;
	if (search(m, last, last + KIB, out))
		return;
	search(m, MP_BIOS_AREA, BIOS_AREA_END, out);
}
