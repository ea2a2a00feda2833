// SPDX-License-Identifier: MIT
/* The interrupt controllers: Multiple APIC Description Table (5.2.12). */
#include "drivers/acpi/table.h"

struct madt {
	struct acpi_header header;
	uint32_t lapic;
	uint32_t flags;
	/* entries */
} __packed;
static_assert(sizeof(struct madt) == 44, "5.2.12");

enum { MADT_PCAT_COMPAT = BIT(0) };

struct madt_entry {
	uint8_t type, length;
} __packed;

enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9,
};

enum { MADT_CPU_ENABLED = BIT(0) };

struct madt_lapic {
	struct madt_entry head;
	uint8_t uid, id;
	uint32_t flags;
} __packed;

struct madt_x2apic {
	struct madt_entry head;
	uint16_t reserved;
	uint32_t id, flags, uid;
} __packed;

struct madt_ioapic {
	struct madt_entry head;
	uint8_t id, reserved;
	uint32_t base, gsi_base;
} __packed;

struct madt_override {
	struct madt_entry head;
	uint8_t bus, source;
	uint32_t gsi;
	uint16_t flags;
} __packed;

struct madt_lapic_address {
	struct madt_entry head;
	uint16_t reserved;
	uint64_t base;
} __packed;

static const char *read_ioapic(const void *entry, struct acpi_info *out)
{
	const struct madt_ioapic *e = entry;

	return acpi_add_ioapic(out, e->id, e->base, e->gsi_base);
}

static const char *read_override(const void *entry, struct acpi_info *out)
{
	const struct madt_override *e = entry;

	if (e->bus != 0)
		return "an override of a bus that is not ISA";
	return acpi_add_override(out, e->source, e->gsi, e->flags);
}

static const char *read_lapic(const void *entry, struct acpi_info *out)
{
	out->processors += ((const struct madt_lapic *)entry)->flags & MADT_CPU_ENABLED;
	return NULL;
}

static const char *read_x2apic(const void *entry, struct acpi_info *out)
{
	out->processors += ((const struct madt_x2apic *)entry)->flags & MADT_CPU_ENABLED;
	return NULL;
}

static const char *read_lapic_address(const void *entry, struct acpi_info *out)
{
	out->lapic = ((const struct madt_lapic_address *)entry)->base;
	return NULL;
}

static const struct {
	uint8_t length;		/* at least; 0: nothing is read of this type */
	const char *(*read)(const void *entry, struct acpi_info *out);
} readers[] = {
	[MADT_LAPIC] = { sizeof(struct madt_lapic), read_lapic },
	[MADT_IOAPIC] = { sizeof(struct madt_ioapic), read_ioapic },
	[MADT_OVERRIDE] = { sizeof(struct madt_override), read_override },
	[MADT_LAPIC_ADDRESS] = { sizeof(struct madt_lapic_address), read_lapic_address },
	[MADT_X2APIC] = { sizeof(struct madt_x2apic), read_x2apic },
};

static const char *read_entry(const struct madt_entry *e, struct acpi_info *out)
{
	if (e->type >= ARRAY_SIZE(readers) || !readers[e->type].read)
		return NULL;
	if (e->length < readers[e->type].length)
		return "an entry is too short for its type";
	return readers[e->type].read(e, out);
}

const char *madt_read(const void *table, size_t len, struct acpi_info *out)
{
	const struct madt *m = table;
	const char *problem = NULL;
	size_t at = sizeof(*m);

	if (len < sizeof(*m))
		return "shorter than its fields";
	out->interrupts_from = "MADT";
	out->lapic = m->lapic;
	out->has_pic = m->flags & MADT_PCAT_COMPAT;
	while (len - at >= sizeof(struct madt_entry)) {
		const struct madt_entry *e = (const void *)((const char *)table + at);
		const char *wrong;

		if (e->length < sizeof(*e) || e->length > len - at)
			return problem ? problem : "an entry has an impossible length";
		wrong = read_entry(e, out);
		problem = problem ? problem : wrong;
		at += e->length;
	}
	return problem ? problem : at < len ? "ends within an entry" : NULL;
}
