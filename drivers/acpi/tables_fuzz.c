// SPDX-License-Identifier: MIT
/* Any bytes as tables: each reader alone, and the walk from a root pointer on. */
#include "kernel/fuzz.h"

#include <string.h>

#include "drivers/acpi/fake_memory.h"
#include "drivers/acpi/table.h"

static struct acpi_info info;
static struct fake_memory fake;

/* A reader gets no less than a header. */
static const char *read_with(const char *(*read)(const void *, size_t, struct acpi_info *),
			     const uint8_t *data, size_t size)
{
	memset(&info, 0, sizeof(info));
	return size < sizeof(struct acpi_header) ? "too short" : read(data, size, &info);
}

static void expect_interrupts_are_sound(void)
{
	fuzz_expect(info.ioapic_count <= ACPI_IOAPICS_MAX);
	fuzz_expect(info.override_count <= ACPI_OVERRIDES_MAX);
	for (unsigned i = 0; i < info.override_count; i++)
		fuzz_expect(info.overrides[i].source < ACPI_OVERRIDES_MAX);
	for (unsigned i = 0; i < info.ioapic_count; i++) {
		fuzz_expect(info.ioapics[i].base != 0);
		for (unsigned j = 0; j < i; j++)
			fuzz_expect(info.ioapics[i].base != info.ioapics[j].base &&
				    info.ioapics[i].gsi_base != info.ioapics[j].gsi_base);
	}
}

FUZZ(acpi_madt)
{
	read_with(madt_read, data, size);
	expect_interrupts_are_sound();
}

FUZZ(acpi_fadt)
{
	read_with(fadt_read, data, size);
	fuzz_expect(!info.fadt.has_pm_timer ||
		    (info.fadt.pm_timer.address != 0 && !info.fadt.hardware_reduced));
	fuzz_expect(!info.fadt.has_reset || info.fadt.reset.address != 0);
}

FUZZ(acpi_hpet)
{
	read_with(hpet_read, data, size);
	fuzz_expect(!info.hpet.present || info.hpet.base != 0);
}

FUZZ(acpi_mcfg)
{
	read_with(mcfg_read, data, size);
	fuzz_expect(info.mcfg_count <= ACPI_MCFG_MAX);
	for (unsigned i = 0; i < info.mcfg_count; i++)
		fuzz_expect(info.mcfg[i].bus_first <= info.mcfg[i].bus_last);
}

FUZZ(acpi_spcr)
{
	read_with(spcr_read, data, size);
	fuzz_expect(!info.spcr.present || info.spcr.base.address != 0);
}

FUZZ(acpi_mptable)
{
	memset(&info, 0, sizeof(info));
	if (size >= 44)
		mptable_parse(data, size, &info);
	expect_interrupts_are_sound();
}

/* The bytes lie in the BIOS area; the first may be a root pointer. Checksums are always good. */
FUZZ(acpi_tables)
{
	const struct acpi_hint hint = { .rsdp = BIOS_AREA };

	memset(&info, 0, sizeof(info));
	fake_memory_init(&fake);
	fake.repair = true;
	fake_memory_add(&fake, BIOS_AREA, data, size);
	acpi_read_tables(&fake.memory, &hint, &info);
	fuzz_expect(!fake_memory_is_mapped());
	fuzz_expect(fake_memory_maps() < 10000);
	fuzz_expect(info.table_count <= ACPI_LIST_MAX);
	expect_interrupts_are_sound();
}
