// SPDX-License-Identifier: MIT
/* Finding tables and reading them: real ones, broken ones, any bytes. */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi/fake_memory.h"
#include "kernel/hex_file.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

#define FIXTURES	"drivers/acpi/fixtures/"
#define CORPUS		"drivers/acpi/corpus/"

enum {
	ROOT_AT = 0x7f000000,		/* tables of the machine below, 4 KiB apart */
	RSDP_AT = BIOS_AREA + 0x1230,
	TABLE_MAX = 4096,
	TABLES = 8,
	XSDT = 0, RSDT, MADT, FADT, DSDT, HPET,
};

typedef const char *reader(const void *table, size_t len, struct acpi_info *out);

static struct acpi_info info;
static struct fake_memory fake;
static const struct acpi_hint no_hint;

/* A machine: root pointer, both roots, and tables of q35. */
static uint8_t rsdp[ACPI_RSDP_LEN_2], bios[BIOS_AREA_END - BIOS_AREA], low[0x500];
static uint8_t tables[TABLES][TABLE_MAX];

static void set32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void set64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint32_t length_of(const uint8_t *table)
{
	uint32_t length;

	memcpy(&length, table + 4, sizeof(length));
	return length;
}

static paddr_t address_of(unsigned table)
{
	return ROOT_AT + table * (paddr_t)TABLE_MAX;
}

static void header(uint8_t *table, const char *signature, uint32_t length)
{
	memcpy(table, signature, 4);
	set32(table + 4, length);
}

static void sum(uint8_t *table)
{
	fake_table_sum(table, length_of(table));
}

static void load(unsigned table, const char *path)
{
	size_t size = 0;
	uint8_t *bytes = hex_file_read(path, TABLE_MAX, &size);

	memcpy(tables[table], bytes, size);
	free(bytes);
}

static void set_rsdp(uint8_t revision)
{
	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = revision;
	set32(rsdp + 16, (uint32_t)address_of(RSDT));
	set32(rsdp + 20, sizeof(rsdp));
	set64(rsdp + 24, address_of(XSDT));
	fake_table_sum(rsdp, sizeof(rsdp));
}

/* Lays all of it out; the tests change what they like, then read_all(). */
static void build(void)
{
	memset(tables, 0, sizeof(tables));
	memset(bios, 0, sizeof(bios));
	memset(low, 0, sizeof(low));
	set_rsdp(2);
	header(tables[XSDT], "XSDT", 36 + 3 * 8);
	header(tables[RSDT], "RSDT", 36 + 4);
	load(MADT, FIXTURES "q35-seabios.APIC.hex");
	load(FADT, FIXTURES "q35-seabios.FACP.hex");
	load(HPET, FIXTURES "q35-seabios.HPET.hex");
	header(tables[DSDT], "DSDT", 36);
	set64(tables[XSDT] + 36, address_of(MADT));
	set64(tables[XSDT] + 44, address_of(FADT));
	set64(tables[XSDT] + 52, address_of(HPET));
	set32(tables[RSDT] + 36, (uint32_t)address_of(MADT));
	set32(tables[FADT] + 40, (uint32_t)address_of(DSDT));
	set64(tables[FADT] + 140, address_of(DSDT));
	for (unsigned i = 0; i <= HPET; i++)
		sum(tables[i]);
	fake_memory_init(&fake);
	fake_memory_add(&fake, 0, low, sizeof(low));
	fake_memory_add(&fake, BIOS_AREA, bios, sizeof(bios));
	fake_memory_add(&fake, ROOT_AT, tables, sizeof(tables));
}

static void read_all(struct ktest_run *t, const struct acpi_hint *hint)
{
	memset(&info, 0, sizeof(info));
	acpi_read_tables(&fake.memory, hint, &info);
	expect(t, !fake_memory_is_mapped());
}

/* With the root pointer in the BIOS area. */
static void read_bios(struct ktest_run *t)
{
	memcpy(bios + RSDP_AT - BIOS_AREA - RSDP_AT % 16, rsdp, sizeof(rsdp));
	read_all(t, &no_hint);
}

static const char *problem_of(const char *signature)
{
	for (unsigned i = 0; i < info.table_count; i++) {
		if (strcmp(info.tables[i].signature, signature) == 0)
			return info.tables[i].problem ? info.tables[i].problem : "none";
	}
	return "not listed";
}

/* A table of a file through one reader; what that says is wrong. */
static const char *read_file(const char *path, reader *read)
{
	size_t size;
	uint8_t *bytes = hex_file_read(path, 64 * KIB, &size);
	const char *problem;

	memset(&info, 0, sizeof(info));
	if (!bytes)
		return "no file";
	problem = read(bytes, size, &info);
	free(bytes);
	return problem;
}

KTEST(acpi_sum_is_that_of_the_bytes)
{
	for (uint64_t n = ktest_operations() / 1000; n; n--) {
		uint8_t bytes[70], total = 0;
		size_t from = ktest_random_below(t, 8), len = ktest_random_below(t, 60);

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)ktest_random(t);
		for (size_t i = 0; i < len; i++)
			total += bytes[from + i];
		expect_eq(t, acpi_sum(bytes + from, len), total);
	}
}

/* The walk. */

KTEST(acpi_tables_are_found_in_the_bios_area)
{
	build();
	read_bios(t);
	expect_str(t, info.rsdp_from, "BIOS area");
	expect_eq(t, info.rsdp, RSDP_AT);
	expect_eq(t, info.table_count, 5);
	expect_str(t, info.tables[0].signature, "XSDT");
	expect_str(t, info.tables[4].signature, "DSDT");
	expect_str(t, info.interrupts_from, "MADT");
	expect(t, info.fadt.present && info.hpet.present);
	expect_eq(t, info.fadt.dsdt, address_of(DSDT));
	for (unsigned i = 0; i < info.table_count; i++)
		expect(t, !info.tables[i].problem);
}

KTEST(acpi_tables_are_found_by_the_loaders_address_or_copy)
{
	struct acpi_hint hint = { .copy = rsdp, .copy_len = sizeof(rsdp) };

	build();
	read_all(t, &hint);
	expect_str(t, info.rsdp_from, "boot loader");
	expect_eq(t, info.rsdp, 0);
	expect_eq(t, info.table_count, 5);
	hint.copy_len = ACPI_RSDP_LEN_1;	/* tag 14: revision 0 */
	set_rsdp(0);
	read_all(t, &hint);
	expect_eq(t, info.table_count, 2);
	memcpy(bios + 0x1000, rsdp, sizeof(rsdp));
	hint = (struct acpi_hint){ .rsdp = BIOS_AREA + 0x1000 };
	read_all(t, &hint);
	expect_str(t, info.rsdp_from, "boot loader");
	expect_eq(t, info.rsdp, BIOS_AREA + 0x1000);
}

KTEST(acpi_root_is_searched_where_the_loaders_is_broken)
{
	struct acpi_hint hint = { .rsdp = BIOS_AREA + 0x2000 };

	build();
	memcpy(bios + 0x1000, rsdp, sizeof(rsdp));
	read_all(t, &hint);
	expect_str(t, info.rsdp_from, "BIOS area");
	hint.rsdp = ~UINT64_C(0) - 7;
	read_all(t, &hint);
	expect_str(t, info.rsdp_from, "BIOS area");
}

KTEST(acpi_root_is_found_in_the_ebda)
{
	static uint8_t ebda[KIB];

	build();
	memset(ebda, 0, sizeof(ebda));
	memcpy(ebda + 0x3d0, rsdp, sizeof(rsdp));
	low[BIOS_EBDA_POINTER + 1] = 0x9f;		/* segment 0x9f00 */
	fake_memory_add(&fake, 0x9f000, ebda, sizeof(ebda));
	read_all(t, &no_hint);
	expect_eq(t, info.rsdp, 0x9f3d0);
}

KTEST(acpi_ebda_must_lie_in_base_memory)
{
	static const struct { uint16_t segment; paddr_t ebda; } cases[] = {
		{ 0, 0 }, { 0x4f, 0 }, { 0x50, 0x500 }, { 0x9fc0, 0x9fc00 }, { 0x9fc1, 0 },
		{ 0xffff, 0 },
	};

	build();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(low + BIOS_EBDA_POINTER, &cases[i].segment, 2);
		expect_eq(t, bios_ebda(&fake.memory), cases[i].ebda);
	}
}

KTEST(acpi_broken_root_pointers_are_passed_over)
{
	build();
	memcpy(bios + 0x100, "RSD PTR but not so", 18);
	memcpy(bios + sizeof(bios) - 16, "RSD PTR ", 8);	/* cut by the end */
	read_all(t, &no_hint);
	expect(t, !info.rsdp_from && info.table_count == 0);
	read_bios(t);
	expect_eq(t, info.rsdp, RSDP_AT);
}

KTEST(acpi_rsdt_is_read_where_the_xsdt_is_broken)
{
	build();
	tables[XSDT][9]++;
	read_bios(t);
	expect_str(t, problem_of("XSDT"), "bad checksum");
	expect_str(t, problem_of("RSDT"), "none");
	expect_str(t, info.interrupts_from, "MADT");
	expect(t, !info.hpet.present);
	build();
	rsdp[32]++;			/* only the extended checksum */
	read_bios(t);
	expect_str(t, problem_of("XSDT"), "not listed");
	expect_str(t, problem_of("RSDT"), "none");
	build();
	header(tables[XSDT], "XXXX", length_of(tables[XSDT]));
	sum(tables[XSDT]);
	read_bios(t);
	expect_str(t, problem_of("XXXX"), "not the table that it should be");
	expect_str(t, info.interrupts_from, "MADT");
}

KTEST(acpi_rsdt_is_read_where_the_xsdt_lists_nothing)
{
	build();
	memset(tables[XSDT] + 36, 0, 3 * 8);
	sum(tables[XSDT]);
	read_bios(t);
	expect_str(t, problem_of("XSDT"), "lists no table");
	expect_str(t, info.interrupts_from, "MADT");
	build();
	header(tables[XSDT], "XSDT", 36);
	header(tables[RSDT], "RSDT", 36);
	sum(tables[XSDT]);
	sum(tables[RSDT]);
	read_bios(t);
	expect_str(t, problem_of("XSDT"), "lists no table");
	expect_str(t, problem_of("RSDT"), "lists no table");
	expect_eq(t, info.table_count, 2);
}

KTEST(acpi_revision_0_knows_no_xsdt)
{
	build();
	set_rsdp(0);
	read_bios(t);
	expect_str(t, info.tables[0].signature, "RSDT");
}

KTEST(acpi_list_that_names_itself_ends)
{
	build();
	for (unsigned i = 0; i < 3; i++)
		set64(tables[XSDT] + 36 + 8 * i, address_of(XSDT));
	sum(tables[XSDT]);
	read_bios(t);
	expect_eq(t, info.table_count, 4);
	for (unsigned i = 1; i < info.table_count; i++)
		expect_str(t, info.tables[i].problem, "listed twice");
}

KTEST(acpi_list_longer_than_is_kept_is_counted)
{
	enum { ENTRIES = 400 };

	build();
	header(tables[XSDT], "XSDT", 36 + 8 * ENTRIES);
	set64(tables[XSDT] + 36, address_of(FADT));
	for (unsigned i = 1; i < ENTRIES; i++)
		set64(tables[XSDT] + 36 + 8 * i, address_of(HPET) + 1 + i);
	sum(tables[XSDT]);
	read_bios(t);
	expect_eq(t, info.table_count, ACPI_LIST_MAX);
	expect_eq(t, info.tables_lost, ENTRIES + 2 - ACPI_LIST_MAX);
	expect_str(t, info.tables[ACPI_LIST_MAX - 1].signature, "DSDT");
	expect(t, !info.tables[ACPI_LIST_MAX - 1].problem);
	expect(t, fake_memory_maps() < 500);
}

KTEST(acpi_tables_with_problems_are_left_out)
{
	build();
	tables[MADT][40]++;
	header(tables[HPET], "HPET", 35);
	read_bios(t);
	expect_str(t, problem_of("APIC"), "bad checksum");
	expect_str(t, problem_of("HPET"), "shorter than a header");
	expect(t, !info.interrupts_from && !info.hpet.present && info.fadt.present);
	build();
	header(tables[MADT], "APIC", 0x1f0000);
	header(tables[HPET], "\x1b[2J", 40);		/* for a terminal */
	sum(tables[HPET]);
	read_bios(t);
	expect_str(t, problem_of("APIC"), "longer than can be mapped");
	expect_str(t, info.tables[3].signature, "?[2J");
	expect(t, !info.hpet.present);
}

KTEST(acpi_tables_that_cannot_be_mapped)
{
	build();
	set64(tables[XSDT] + 36, UINT64_C(0x123456789000));
	set64(tables[XSDT] + 52, ~UINT64_C(0) - 3);
	sum(tables[XSDT]);
	read_bios(t);
	expect_str(t, info.tables[1].problem, "cannot be mapped");
	expect_str(t, info.tables[3].problem, "cannot be mapped");
	expect(t, info.fadt.present);
}

KTEST(acpi_second_table_of_a_kind_is_not_read)
{
	build();
	memcpy(tables[6], tables[HPET], TABLE_MAX);
	set64(tables[6] + 44, 0xdead0000);
	sum(tables[6]);
	set64(tables[XSDT] + 36, address_of(6));
	sum(tables[XSDT]);
	read_bios(t);
	expect_str(t, info.tables[3].problem, "there is one before it");
	expect_eq(t, info.hpet.base, 0xdead0000);
}

KTEST(acpi_tables_cut_anywhere)
{
	for (unsigned cut = 0; cut < 300; cut++) {
		build();
		for (unsigned i = 0; i <= HPET; i++) {
			if (length_of(tables[i]) > cut)
				header(tables[i], (char *)tables[i], cut);
			sum(tables[i]);
		}
		read_bios(t);
		expect(t, info.table_count <= 6);
	}
}

KTEST(acpi_tables_with_bytes_changed)
{
	for (uint64_t n = ktest_operations() / 2000; n; n--) {
		build();
		fake.repair = ktest_random(t) & 1;
		for (unsigned i = 0; i < 3; i++) {
			unsigned table = (unsigned)ktest_random_below(t, HPET + 1);

			tables[table][ktest_random_below(t, 256)] = (uint8_t)ktest_random(t);
		}
		read_bios(t);
		expect(t, info.ioapic_count <= ACPI_IOAPICS_MAX);
		expect(t, info.table_count <= ACPI_LIST_MAX);
	}
}

/* MADT. */

KTEST(madt_of_microvm_has_two_ioapics)
{
	expect(t, !read_file(FIXTURES "microvm.APIC.hex", madt_read));
	expect_str(t, info.interrupts_from, "MADT");
	expect_eq(t, info.lapic, 0xfee00000);
	expect_eq(t, info.processors, 1);
	require(t, info.ioapic_count == 2);
	expect_eq(t, info.ioapics[1].base, 0xfec10000);
	expect_eq(t, info.ioapics[1].gsi_base, 24);
	expect_eq(t, info.override_count, 0);
}

KTEST(madt_of_q35_overrides_the_timer)
{
	expect(t, !read_file(FIXTURES "q35-seabios.APIC.hex", madt_read));
	expect(t, info.has_pic);
	require(t, info.ioapic_count == 1 && info.override_count == 5);
	expect_eq(t, info.overrides[0].source, 0);
	expect_eq(t, info.overrides[0].to.gsi, 2);
	expect(t, !info.overrides[0].to.level && !info.overrides[0].to.active_low);
	expect_eq(t, info.overrides[1].source, 5);
	expect(t, info.overrides[1].to.level && !info.overrides[1].to.active_low);
}

/* A MADT of these entries. */
static const char *read_madt(const uint8_t *entries, size_t len)
{
	uint8_t *table = calloc(1, 44 + len);
	const char *problem;

	memset(&info, 0, sizeof(info));
	set32(table + 36, 0xfee00000);
	memcpy(table + 44, entries, len);
	problem = madt_read(table, 44 + len, &info);
	free(table);
	return problem;
}

KTEST(madt_entries_with_impossible_lengths_end_it)
{
	static const uint8_t zero[] = { 1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0, 2, 0 };
	static const uint8_t one[] = { 0, 1 }, beyond[] = { 0, 9, 0, 0, 1, 0, 0, 0 };
	static const uint8_t half[] = { 0, 8, 0, 0, 1, 0, 0, 0, 7 };

	expect_str(t, read_madt(zero, sizeof(zero)), "an entry has an impossible length");
	expect_eq(t, info.ioapic_count, 1);
	expect_str(t, read_madt(one, sizeof(one)), "an entry has an impossible length");
	expect_str(t, read_madt(beyond, sizeof(beyond)), "an entry has an impossible length");
	expect_str(t, read_madt(half, sizeof(half)), "ends within an entry");
	expect_eq(t, info.processors, 1);
	expect_str(t, madt_read(zero, sizeof(zero), &info), "shorter than its fields");
}

KTEST(madt_entries_too_short_for_their_type)
{
	static const uint8_t entries[] = { 1, 11, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0,
					   2, 9, 0, 0, 2, 0, 0, 0, 0, 5, 4, 0, 0, 9, 3, 0 };

	expect_str(t, read_madt(entries, sizeof(entries)), "an entry is too short for its type");
	expect_eq(t, info.ioapic_count + info.override_count + info.processors, 0);
}

KTEST(madt_address_and_x2apic_entries)
{
	static const uint8_t entries[] = {
		5, 12, 0, 0, 0, 0x10, 0xe0, 0xfe, 0x01, 0, 0, 0,
		9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		9, 16, 0, 0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,	/* could be enabled */
		0xff, 2,						/* nobody knows */
	};

	expect(t, !read_madt(entries, sizeof(entries)));
	expect_eq(t, info.lapic, UINT64_C(0x1fee01000));
	expect_eq(t, info.processors, 1);
	expect(t, !info.has_pic);
}

KTEST(madt_overrides_that_cannot_be)
{
	static const uint8_t bus[] = { 2, 10, 1, 0, 2, 0, 0, 0, 0, 0 };
	static const uint8_t source[] = { 2, 10, 0, 16, 2, 0, 0, 0, 0, 0 };
	static const uint8_t twice[] = { 2, 10, 0, 9, 20, 0, 0, 0, 15, 0,
					 2, 10, 0, 9, 21, 0, 0, 0, 5, 0 };

	expect_str(t, read_madt(bus, sizeof(bus)), "an override of a bus that is not ISA");
	expect_str(t, read_madt(source, sizeof(source)), "an override of no ISA interrupt");
	expect_str(t, read_madt(twice, sizeof(twice)), "two overrides of one interrupt");
	require(t, info.override_count == 1);
	expect_eq(t, info.overrides[0].to.gsi, 20);
	expect(t, info.overrides[0].to.level && info.overrides[0].to.active_low);
}

KTEST(madt_ioapics_that_cannot_be)
{
	uint8_t entries[20 * 12] = { 0 };

	for (unsigned i = 0; i < 20; i++) {
		entries[12 * i] = 1;
		entries[12 * i + 1] = 12;
		entries[12 * i + 5] = 0x10;		/* all in one place */
		entries[12 * i + 8] = (uint8_t)(24 * i);
	}
	expect_str(t, read_madt(entries, sizeof(entries)), "two IOAPICs in one place");
	expect_eq(t, info.ioapic_count, 1);
	for (unsigned i = 0; i < 20; i++)
		entries[12 * i + 6] = (uint8_t)i;
	expect(t, !read_madt(entries, 10 * 12));
	expect_eq(t, info.ioapic_count, 10);
	for (unsigned i = 0; i < 20; i++)
		entries[12 * i + 9] = (uint8_t)i;
	expect_str(t, read_madt(entries, sizeof(entries)), "more IOAPICs than are kept");
	entries[5] = entries[6] = 0;
	expect_str(t, read_madt(entries, 12), "an IOAPIC at address 0");
}

/* FADT, HPET, MCFG, SPCR. */

KTEST(fadt_of_q35_has_fixed_registers)
{
	expect(t, !read_file(FIXTURES "q35-seabios.FACP.hex", fadt_read));
	expect(t, !info.fadt.hardware_reduced && info.fadt.has_pm_timer && info.fadt.has_reset);
	expect_eq(t, info.fadt.pm_timer.space, 1);
	expect_eq(t, info.fadt.pm_timer.address, 0x608);
	expect_eq(t, info.fadt.reset.address, 0xcf9);
	expect_eq(t, info.fadt.reset_value, 15);
	expect(t, info.fadt.has_8042 && !info.fadt.no_cmos_rtc);
}

KTEST(fadt_of_pc_is_of_acpi_1)
{
	expect(t, !read_file(FIXTURES "pc-seabios.FACP.hex", fadt_read));
	expect(t, info.fadt.has_pm_timer && !info.fadt.has_reset);
	expect_eq(t, info.fadt.pm_timer.address, 0x608);
	expect(t, info.fadt.has_8042 && info.fadt.legacy_devices);
}

KTEST(fadt_of_microvm_is_hardware_reduced)
{
	expect(t, !read_file(FIXTURES "microvm.FACP.hex", fadt_read));
	expect(t, info.fadt.hardware_reduced && !info.fadt.has_pm_timer && info.fadt.has_reset);
	expect_eq(t, info.fadt.reset.space, 0);
	expect_eq(t, info.fadt.reset.address, 0xfea00202);
	expect_eq(t, info.fadt.sleep_control.address, 0xfea00200);
	expect(t, !info.fadt.has_8042);
}

KTEST(fadt_prefers_the_64_bit_fields)
{
	uint8_t f[244] = { 0 };

	f[8] = 3;
	f[91] = 4;
	set32(f + 40, 0x1000);
	set32(f + 76, 0x608);
	expect(t, !fadt_read(f, sizeof(f), &info));
	expect_eq(t, info.fadt.dsdt, 0x1000);
	expect_eq(t, info.fadt.pm_timer.address, 0x608);
	set64(f + 140, UINT64_C(0x123456000));
	f[208] = 0;
	set64(f + 212, 0xfed40000);
	expect(t, !fadt_read(f, sizeof(f), &info));
	expect_eq(t, info.fadt.dsdt, UINT64_C(0x123456000));
	expect_eq(t, info.fadt.pm_timer.space, 0);
	expect_eq(t, info.fadt.pm_timer.address, 0xfed40000);
	expect(t, !fadt_read(f, 116, &info));		/* the same, cut to ACPI 1.0 */
	expect_eq(t, info.fadt.dsdt, 0x1000);
}

KTEST(fadt_pm_timer_by_the_old_field_where_the_new_one_cannot_be)
{
	uint8_t f[244] = { 0 };

	memset(&info, 0, sizeof(info));
	f[8] = 3;
	f[91] = 4;
	f[208] = 0x7f;					/* functional fixed hardware */
	set64(f + 212, 0x608);
	expect_str(t, fadt_read(f, sizeof(f), &info), "a PM timer that is none");
	expect(t, !info.fadt.has_pm_timer);
	set32(f + 76, 0x608);
	expect(t, !fadt_read(f, sizeof(f), &info) && info.fadt.has_pm_timer);
	expect_eq(t, info.fadt.pm_timer.space, 1);
	f[208] = 1;
	set64(f + 212, 0x60800000000);			/* ports that do not exist */
	expect(t, !fadt_read(f, sizeof(f), &info) && info.fadt.has_pm_timer);
	expect_eq(t, info.fadt.pm_timer.address, 0x608);
}

KTEST(fadt_pm_timers_that_are_none)
{
	uint8_t f[116] = { 0 };

	memset(&info, 0, sizeof(info));
	f[8] = 1;
	expect(t, !fadt_read(f, sizeof(f), &info) && !info.fadt.has_pm_timer);
	set32(f + 76, 0x608);
	f[91] = 3;
	expect_str(t, fadt_read(f, sizeof(f), &info), "a PM timer that is none");
	f[91] = 4;
	set32(f + 76, 0xfffd);
	expect_str(t, fadt_read(f, sizeof(f), &info), "a PM timer at ports that do not exist");
	expect(t, !info.fadt.has_pm_timer);
	expect_str(t, fadt_read(f, 115, &info), "shorter than its fields");
}

KTEST(hpet_mcfg_and_spcr_say_what_they_say)
{
	expect(t, !read_file(FIXTURES "q35-seabios.HPET.hex", hpet_read));
	expect_eq(t, info.hpet.base, 0xfed00000);
	expect(t, !read_file(FIXTURES "q35-seabios.MCFG.hex", mcfg_read));
	require(t, info.mcfg_count == 1);
	expect_eq(t, info.mcfg[0].base, 0xb0000000);
	expect_eq(t, info.mcfg[0].bus_last, 255);
	expect(t, !read_file(CORPUS "acpi_spcr/com1.hex", spcr_read));
	expect(t, info.spcr.present && info.spcr.has_gsi);
	expect_eq(t, info.spcr.base.address, 0x3f8);
	expect_eq(t, info.spcr.gsi, 4);
	expect_eq(t, info.spcr.baud, 115200);
}

KTEST(spcr_says_clock_and_speed_only_in_revisions_that_have_them)
{
	uint8_t s[88] = { 'S', 'P', 'C', 'R', sizeof(s) };

	s[44] = 0xf8;
	s[45] = 0x03;
	s[43] = 3;			/* accesses of 32 bits */
	s[58] = 7;
	s[76] = 0x40;			/* clock, Hz */
	s[80] = 0x20;			/* baud */
	for (unsigned revision = 1; revision <= 4; revision++) {
		s[8] = (uint8_t)revision;
		memset(&info, 0, sizeof(info));
		expect(t, !spcr_read(s, sizeof(s), &info));
		expect_eq(t, info.spcr.base.access, 3);
		expect_eq(t, info.spcr.clock, revision >= 3 ? 0x40 : 0);
		expect_eq(t, info.spcr.baud, revision >= 4 ? 0x20 : 115200);
		memset(&info, 0, sizeof(info));
		expect(t, !spcr_read(s, 80, &info));
		expect_eq(t, info.spcr.clock, revision >= 3 ? 0x40 : 0);
		expect_eq(t, info.spcr.baud, 115200);
		memset(&info, 0, sizeof(info));
		expect(t, !spcr_read(s, 59, &info));
		expect_eq(t, info.spcr.clock, 0);
	}
	expect_str(t, spcr_read(s, 58, &info), "shorter than its fields");
}

KTEST(mcfg_ranges_that_cannot_be)
{
	uint8_t m[44 + 18 * 16] = { 0 };

	memset(&info, 0, sizeof(info));
	expect_str(t, mcfg_read(m, 60, &info), "an address that cannot be");
	set64(m + 44, 0xb0001000);
	expect_str(t, mcfg_read(m, 60, &info), "an address that cannot be");
	set64(m + 44, ~UINT64_C(0) << 20);
	expect_str(t, mcfg_read(m, 60, &info), "an address that cannot be");
	set64(m + 44, 0xb0000000);
	m[54] = 2;
	m[55] = 1;
	expect_str(t, mcfg_read(m, 60, &info), "a range of buses that ends before it begins");
	expect_eq(t, info.mcfg_count, 0);
	m[54] = 0;
	expect_str(t, mcfg_read(m, 61, &info), "ends within an entry");
	expect_eq(t, info.mcfg_count, 1);
	for (unsigned i = 0; i < 18; i++)
		set64(m + 44 + 16 * i, 0xb0000000);
	expect_str(t, mcfg_read(m, sizeof(m), &info), "more ranges than are kept");
	expect_eq(t, info.mcfg_count, ACPI_MCFG_MAX);
}

KTEST(acpi_readers_cut_anywhere)
{
	static const struct { const char *path; reader *read; } cases[] = {
		{ FIXTURES "q35-seabios.APIC.hex", madt_read },
		{ FIXTURES "microvm.FACP.hex", fadt_read },
		{ FIXTURES "q35-seabios.HPET.hex", hpet_read },
		{ FIXTURES "q35-seabios.MCFG.hex", mcfg_read },
		{ CORPUS "acpi_spcr/com1.hex", spcr_read },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size;
		uint8_t *bytes = hex_file_read(cases[i].path, 4096, &size);

		require(t, bytes != NULL);
		for (size_t cut = sizeof(struct acpi_header); cut < size; cut++) {
			uint8_t *part = malloc(cut);

			memset(&info, 0, sizeof(info));
			memcpy(part, bytes, cut);
			cases[i].read(part, cut, &info);
			free(part);
		}
		expect(t, cases[i].read(bytes, sizeof(struct acpi_header), &info) != NULL);
		free(bytes);
	}
}

/* The MP table. */

enum { MP_TABLE_AT = 0x9fc10 };

/* A machine with an MP table of this file in its EBDA. */
static void read_mptable(struct ktest_run *t, const char *path, bool bad_sum)
{
	static uint8_t ebda[KIB];
	size_t size = 0;
	uint8_t *table = hex_file_read(path, sizeof(ebda) - 16, &size);

	require(t, table != NULL);
	build();
	memset(ebda, 0, sizeof(ebda));
	memcpy(ebda, "_MP_", 4);
	set32(ebda + 4, MP_TABLE_AT);
	ebda[8] = 1;
	ebda[9] = 4;
	ebda[10] = (uint8_t)-acpi_sum(ebda, 16);
	memcpy(ebda + 16, table, size);
	ebda[16 + 7] += bad_sum;
	free(table);
	fake_memory_add(&fake, 0x9fc00, ebda, sizeof(ebda));
	memset(&info, 0, sizeof(info));
	mptable_read(&fake.memory, &info);
	expect(t, !fake_memory_is_mapped());
}

KTEST(mptable_of_qboot_in_the_last_kib_of_base_memory)
{
	read_mptable(t, CORPUS "acpi_mptable/microvm-qboot.hex", false);
	expect_str(t, info.interrupts_from, "MP table");
	expect_eq(t, info.processors, 1);
	require(t, info.ioapic_count == 1 && info.override_count == 1);
	expect_eq(t, info.ioapics[0].base, 0xfec00000);
	expect_eq(t, info.ioapics[0].id, 2);
	expect_eq(t, info.overrides[0].source, 0);
	expect_eq(t, info.overrides[0].to.gsi, 2);
}

KTEST(mptable_of_seabios_overrides_the_timer_alone)
{
	read_mptable(t, CORPUS "acpi_mptable/q35-seabios.hex", false);
	expect_str(t, info.interrupts_from, "MP table");
	expect(t, info.has_pic);
	require(t, info.ioapic_count == 1 && info.override_count == 1);
	expect_eq(t, info.overrides[0].to.gsi, 2);
}

KTEST(mptable_that_is_broken_says_nothing)
{
	read_mptable(t, CORPUS "acpi_mptable/q35-seabios.hex", true);
	expect(t, !info.interrupts_from && info.ioapic_count == 0);
}

/* An MP table of entries behind a header. */
static const char *parse_entries(const uint8_t *entries, size_t len)
{
	uint8_t *table = calloc(1, 44 + len);
	const char *problem;

	memcpy(table + 44, entries, len);
	memset(&info, 0, sizeof(info));
	problem = mptable_parse(table, 44 + len, &info);
	free(table);
	return problem;
}

KTEST(mptable_entries_that_cannot_be)
{
	static const uint8_t type[] = { 5, 0, 0, 0, 0, 0, 0, 0 }, cut[] = { 0, 0, 0, 1, 0 };
	static const uint8_t strange[] = { 1, 7, 'I', 'S', 'A', ' ', ' ', ' ',
					   3, 0, 0, 0, 7, 4, 9, 4 };
	static const uint8_t two[] = { 1, 7, 'I', 'S', 'A', ' ', ' ', ' ',
				       2, 1, 0x11, 1, 0, 0, 0xc0, 0xfe,
				       2, 2, 0x11, 1, 0, 0, 0xc1, 0xfe,
				       3, 0, 15, 0, 7, 4, 2, 3 };

	expect_str(t, parse_entries(type, sizeof(type)), "an entry of a type that does not exist");
	expect_str(t, parse_entries(cut, sizeof(cut)), "ends within an entry");
	expect_str(t, parse_entries(strange, sizeof(strange)),
		   "an interrupt of an IOAPIC that is not there");
	expect(t, !parse_entries(two, sizeof(two)));
	require(t, info.ioapic_count == 2 && info.override_count == 1);
	expect_eq(t, info.ioapics[1].gsi_base, 24);
	expect_eq(t, info.overrides[0].to.gsi, 27);
	expect(t, info.overrides[0].to.level && info.overrides[0].to.active_low);
}
