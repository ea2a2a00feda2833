/* SPDX-License-Identifier: MIT */
/*
 * Inside drivers/acpi: how physical memory is reached, how tables are found
 * and checked, and the readers of single tables. All of it is pure: it reads
 * through a struct acpi_memory, on the host one of arrays.
 *
 * A reader gets a table whose length and checksum are good and that is at
 * least a header long, puts what it says into struct acpi_info and returns
 * NULL; or a sentence about the first thing that is wrong. What is good of
 * such a table is kept.
 */
#pragma once

#include "drivers/acpi/acpi.h"

enum {
	ACPI_RSDP_LEN_1 = 20,		/* revision 0 (ACPI 1.0) */
	ACPI_RSDP_LEN_2 = 36,
	BIOS_AREA = 0xe0000,		/* where firmware leaves what is searched for */
	BIOS_AREA_END = 0x100000,
	BIOS_EBDA_POINTER = 0x40e,	/* a segment, in the BIOS data area */
	BIOS_BASE_END = 0xa0000,
};

/* What every table begins with (5.2.6). */
struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem[6];
	char oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __packed;
static_assert(sizeof(struct acpi_header) == 36, "5.2.6");

/* Generic address structure as it stands in tables (5.2.3.2). */
struct acpi_gas {
	uint8_t space, width, offset, access;
	uint64_t address;
} __packed;
static_assert(sizeof(struct acpi_gas) == 12, "5.2.3.2");

struct acpi_memory {
	/*
	 * Maps [pa, pa+len) for reading; NULL if it cannot be. One range at a
	 * time, so each is followed by unmap() before the next.
	 */
	const void *(*map)(const struct acpi_memory *m, paddr_t pa, size_t len);
	void (*unmap)(const struct acpi_memory *m);
};

/* What the boot loader handed over of the RSDP. */
struct acpi_hint {
	paddr_t rsdp;			/* 0: not told */
	const uint8_t *copy;		/* NULL: none */
	size_t copy_len;
};

/* Where the RSDP leads. */
struct acpi_root {
	const char *from;		/* as acpi_info.rsdp_from */
	paddr_t rsdp;			/* 0: only a copy */
	paddr_t rsdt, xsdt;		/* 0: none */
};

/* The sum of all bytes, modulo 256: 0 for what is good. */
uint8_t acpi_sum(const void *bytes, size_t len);

/* A register as tables describe it. */
struct acpi_address acpi_address_of(const struct acpi_gas *gas);

/*
 * Looks for places on 16-byte boundaries of [start, end), itself a number of
 * 16 bytes, that begin with the `len` bytes of `signature`, and asks `accept` for each
 * until one is taken. False if none was. `accept` may map.
 */
typedef bool bios_accept_fn(const struct acpi_memory *m, paddr_t pa, void *context);
bool bios_search(const struct acpi_memory *m, paddr_t start, paddr_t end, const char *signature,
		 size_t len, bios_accept_fn *accept, void *context);

/* The extended BIOS data area's address, 0 if there is none that can be. */
paddr_t bios_ebda(const struct acpi_memory *m);

/* Finds the RSDP (5.2.5): the loader's, else the BIOS area's. -ENOENT if there is none. */
int __must_check acpi_find_root(const struct acpi_memory *m, const struct acpi_hint *hint,
				struct acpi_root *out);

/* Reads all tables from the root on into *out, but for AML (drivers/acpi/aml.h). */
void acpi_read_tables(const struct acpi_memory *m, const struct acpi_hint *hint,
		      struct acpi_info *out);

/* The kernel's: the early window. */
const struct acpi_memory *acpi_memory(void);

/*
 * Maps a listed table whole; NULL if it has a problem, or cannot be mapped any
 * more. The caller unmaps.
 */
const void *acpi_map_table(const struct acpi_memory *m, const struct acpi_table *table);

/* The readers. */
const char *madt_read(const void *table, size_t len, struct acpi_info *out);
const char *mcfg_read(const void *table, size_t len, struct acpi_info *out);
const char *fadt_read(const void *table, size_t len, struct acpi_info *out);
const char *hpet_read(const void *table, size_t len, struct acpi_info *out);
const char *spcr_read(const void *table, size_t len, struct acpi_info *out);

/*
 * Add what a table lists, if it can be: NULL, or what is wrong with it. `flags`
 * are the same in the MADT (5.2.12.5) and the MP table (4.3.4): bits 1:0
 * polarity, 3:2 trigger mode, 0 as ISA has it.
 */
const char *acpi_add_ioapic(struct acpi_info *out, uint8_t id, paddr_t base, uint32_t gsi_base);
const char *acpi_add_override(struct acpi_info *out, unsigned source, uint32_t gsi, uint16_t flags);

/*
 * Reads the MultiProcessor table (mptable.c) for what a MADT would say. Leaves
 * *out as it is where there is none.
 */
const char *mptable_parse(const void *table, size_t len, struct acpi_info *out);
void mptable_read(const struct acpi_memory *m, struct acpi_info *out);
