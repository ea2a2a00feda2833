/* SPDX-License-Identifier: MIT */
/*
 * A watch over what the firmware and the loader left: boot information,
 * modules, ACPI tables. None of it is the kernel's, so after all tests it must
 * be as it was at entry. The same holds for the kernel's text and read-only
 * data: whatever the devices were told, they did not write there. Only for
 * runs whose command line asks for tests.
 */
#pragma once

#include "arch/x86/boot/boot.h"

enum {
	/* Bytes of one range that are looked at; what is behind them is not. */
	WATCH_BYTES_MAX = 64 << 20,
	ACPI_TABLES_MAX = 64,
	ACPI_TABLE_SIZE_MAX = 1 << 20,
};

/* Notes the checksum of everything, if tests are asked for. After the command line is parsed. */
void boot_watch_begin(void);

/*
 * Compares, and prints a line for each range that has changed, for each
 * module, and for the whole. Returns whether all is as it was.
 */
bool boot_watch_end(void);

/*
 * Whether [pa, pa+len) lies in what the memory map names, at both ends, or in
 * the BIOS area below 1 MiB: only there is reading sure to disturb no device.
 */
bool boot_is_memory(const struct boot_info *info, paddr_t pa, uint64_t len);

/*
 * Where the ACPI tables lie: the RSDP (if its address is told), the RSDT or
 * XSDT that it names, and the tables that are listed there. Only what
 * boot_is_memory() is read; what is no table is left out, and so is what is
 * beyond ACPI_TABLES_MAX.
 * `out` has room for ACPI_TABLES_MAX; returns how many there are.
 */
size_t acpi_list(boot_read_fn *read, void *context, const struct boot_info *info,
		 struct boot_range *out);
