// SPDX-License-Identifier: MIT
/* What the firmware and the loader left is kept, and it shows when it is not. */
#include "arch/x86/boot/watch.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/ktest.h"
#include "mm/mm.h"

KTEST(watch_finds_what_it_lists_in_memory_that_is_kept)
{
	static struct boot_range tables[ACPI_TABLES_MAX];
	size_t n = acpi_list(boot_read_physical, NULL, &boot_info, tables);

	for (size_t i = 0; i < n; i++) {
		expect(t, tables[i].start < tables[i].end);
		expect(t, boot_is_memory(&boot_info, tables[i].start,
					 tables[i].end - tables[i].start));
		for (paddr_t pa = tables[i].start; pa < tables[i].end; pa += PAGE_SIZE)
			expect(t, !regions_usable(mm_map(), pa, 1));
	}
}

/* Passes, but the run must fail: the memory is left changed. Runs only when asked for. */
KTEST(selftest_writes_boot_information)
{
	paddr_t pa = boot_info.ranges[0].start;
	uint8_t *byte = (uint8_t *)TEST_BASE + pa % PAGE_SIZE;

	require(t, boot_info.range_count > 0);
	require(t, paging_map(TEST_BASE, align_down(pa, PAGE_SIZE), PAGE_SIZE, PAGING_WRITE) == 0);
	*byte ^= 0x10;
	expect_eq(t, paging_unmap(TEST_BASE, PAGE_SIZE), 0);
}
