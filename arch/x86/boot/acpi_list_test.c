// SPDX-License-Identifier: MIT
/* ACPI tables, good ones and lies, in a piece of pretended physical memory. */
#include <string.h>

#include "arch/x86/boot/watch.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum { BASE = 0x7fe0000, SIZE = 0x10000, RSDT = BASE + 0x100, XSDT = BASE + 0x1000 };

static uint8_t memory[SIZE];
static struct boot_info info;
static struct boot_range found[ACPI_TABLES_MAX];
static unsigned strays;		/* reads of what is no memory */

static int read_memory(void *context __unused, paddr_t pa, void *buf, size_t len)
{
	if (pa >= 0xe0000 && pa + len <= 0x100000) {
		memset(buf, 0, len);	/* the BIOS area, which may be read anywhere */
		return 0;
	}
	if (pa < BASE || pa - BASE > SIZE || len > SIZE - (pa - BASE)) {
		strays++;
		return -EFAULT;
	}
	memcpy(buf, memory + (pa - BASE), len);
	return 0;
}

static void put(paddr_t pa, uint64_t value, size_t size)
{
	memcpy(memory + (pa - BASE), &value, size);
}

static void put_table(paddr_t pa, const char *signature, uint32_t length)
{
	memcpy(memory + (pa - BASE), signature, 4);
	put(pa + 4, length, 4);
}

/* An RSDP at `at`, whose first part adds up to 0. */
static void make_rsdp(uint8_t *at, uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
	uint8_t sum = 0;

	memset(at, 0, 36);
	memcpy(at, "RSD PTR ", 8);
	at[15] = revision;
	memcpy(at + 16, &rsdt, 4);
	memcpy(at + 24, &xsdt, 8);
	for (unsigned i = 0; i < 20; i++)
		sum += at[i];
	at[8] = -sum;
}

/* Two tables behind an RSDT and an XSDT, which names a third as well. */
static void begin(uint8_t revision)
{
	memset(memory, 0, sizeof(memory));
	boot_info_init(&info);
	boot_info_add_e820(&info, BASE, SIZE, 3, false);
	info.rsdp = BASE;
	make_rsdp(memory, revision, RSDT, XSDT);
	put_table(RSDT, "RSDT", 36 + 2 * 4);
	put(RSDT + 36, BASE + 0x2000, 4);
	put(RSDT + 40, BASE + 0x3000, 4);
	put_table(XSDT, "XSDT", 36 + 3 * 8);
	put(XSDT + 36, BASE + 0x2000, 8);
	put(XSDT + 44, BASE + 0x3000, 8);
	put(XSDT + 52, BASE + 0x4000, 8);
	put_table(BASE + 0x2000, "FACP", 244);
	put_table(BASE + 0x3000, "APIC", 120);
	put_table(BASE + 0x4000, "MCFG", 60);
	strays = 0;
}

static size_t list(void)
{
	return acpi_list(read_memory, NULL, &info, found);
}

static bool has(size_t n, paddr_t start, uint64_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (found[i].start == start && found[i].end == start + len)
			return true;
	}
	return false;
}

KTEST(acpi_list_follows_the_newest_root)
{
	begin(0);
	expect_eq(t, list(), 4);
	expect(t, has(4, BASE, 20) && has(4, RSDT, 44));
	expect(t, has(4, BASE + 0x2000, 244) && has(4, BASE + 0x3000, 120));
	begin(2);
	expect_eq(t, list(), 5);
	expect(t, has(5, BASE, 36) && has(5, XSDT, 60) && has(5, BASE + 0x4000, 60));
	/* No XSDT: then the RSDT. */
	make_rsdp(memory, 2, RSDT, 0);
	expect_eq(t, list(), 4);
	expect(t, has(4, BASE, 36) && has(4, RSDT, 44));
	expect_eq(t, strays, 0);
}

KTEST(acpi_list_takes_a_copy_of_the_rsdp)
{
	begin(2);
	memcpy(info.rsdp_copy, memory, 36);
	info.rsdp_copy_len = 36;
	info.rsdp = 0;
	expect_eq(t, list(), 4);
	expect(t, !has(4, BASE, 36) && has(4, XSDT, 60));
	/* The older one has only 20 bytes. */
	make_rsdp(info.rsdp_copy, 0, RSDT, XSDT);
	info.rsdp_copy_len = 20;
	expect_eq(t, list(), 3);
	info.rsdp_copy_len = 19;
	expect_eq(t, list(), 0);
	info.rsdp_copy_len = 0;
	expect_eq(t, list(), 0);
}

KTEST(acpi_list_believes_no_broken_root)
{
	begin(2);
	memory[8]++;
	expect_eq(t, list(), 0);
	begin(2);
	memory[0] = 'X';
	memory[8] += 'R' - 'X';
	expect_eq(t, list(), 0);
	begin(2);
	memory[XSDT - BASE] = 'Y';
	expect_eq(t, list(), 1);
	for (uint32_t length = 0; length < 36; length++) {
		begin(2);
		put(XSDT + 4, length, 4);
		expect_eq(t, list(), 1);
	}
	/* An address that is none, or where nothing is. */
	const uint64_t nowhere[] = { 4, BASE - 36, BASE + SIZE - 35, BASE + SIZE, UINT64_MAX - 8 };

	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		begin(2);
		make_rsdp(memory, 2, RSDT, nowhere[i]);
		expect_eq(t, list(), 1);
		info.rsdp = nowhere[i];
		expect_eq(t, list(), 0);
		expect_eq(t, strays, 0);
	}
}

KTEST(acpi_list_leaves_out_what_is_no_table)
{
	const uint32_t lengths[] = { 0, 35, ACPI_TABLE_SIZE_MAX + 1, UINT32_MAX, SIZE };
	const uint64_t addresses[] = { 0, 1, BASE - 1, BASE + SIZE - 4, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		begin(2);
		put(BASE + 0x3004, lengths[i], 4);
		expect_eq(t, list(), 4);
	}
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		begin(2);
		put(XSDT + 44, addresses[i], 8);
		expect_eq(t, list(), 4);
	}
	/* A root that reaches beyond memory, and one whose last entry is cut. */
	begin(2);
	put(XSDT + 4, SIZE, 4);
	expect_eq(t, list(), 1);
	begin(2);
	put(XSDT + 4, 36 + 23, 4);
	expect_eq(t, list(), 4);
	expect_eq(t, strays, 0);
}

KTEST(acpi_list_ends_where_its_room_ends)
{
	begin(2);
	put(XSDT + 4, 36 + 200 * 8, 4);
	for (unsigned i = 0; i < 200; i++)
		put(XSDT + 36 + i * 8, BASE + 0x2000, 8);
	expect_eq(t, list(), ACPI_TABLES_MAX);
}

KTEST(acpi_list_survives_garbage)
{
	for (unsigned round = 0; round < 2000; round++) {
		size_t n;

		begin(ktest_random(t) % 4);
		for (unsigned i = ktest_random_below(t, 20); i > 0; i--) {
			paddr_t at = ktest_random_below(t, 2) ? XSDT : RSDT;

			put(at + ktest_random_below(t, 64), ktest_random(t),
			    1 + ktest_random_below(t, 8));
		}
		n = list();
		expect(t, n >= 1 && n <= ACPI_TABLES_MAX);
		expect_eq(t, strays, 0);
		for (size_t i = 0; i < n; i++)
			expect(t, found[i].start >= BASE && found[i].end <= BASE + SIZE &&
			       found[i].start < found[i].end);
	}
}

KTEST(boot_memory_is_what_the_map_or_the_bios_names)
{
	begin(0);
	expect(t, boot_is_memory(&info, BASE, SIZE));
	expect(t, !boot_is_memory(&info, BASE, SIZE + 1));
	expect(t, !boot_is_memory(&info, BASE - 1, 2));
	expect(t, !boot_is_memory(&info, BASE, 0));
	expect(t, !boot_is_memory(&info, UINT64_MAX, 2));
	expect(t, boot_is_memory(&info, 0xe0000, 0x20000));
	expect(t, !boot_is_memory(&info, 0xe0000, 0x20001));
	expect(t, !boot_is_memory(&info, 0xdffff, 2));
}
