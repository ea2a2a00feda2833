// SPDX-License-Identifier: MIT
/* Finding tables and reading them: real ones, broken ones, any bytes. */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi/fake_memory.h"
#include "kernel/hex_file.h"
#include "kernel/ktest.h"

#define FIXTURES	"drivers/acpi/fixtures/"

static struct acpi_info info;

/* A table of a machine through one reader; what that says is wrong. */
static const char *read_file(const char *path,
			     const char *(*read)(const void *, size_t, struct acpi_info *))
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
		uint8_t bytes[70], sum = 0;
		size_t from = ktest_random_below(t, 8), len = ktest_random_below(t, 60);

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)ktest_random(t);
		for (size_t i = 0; i < len; i++)
			sum += bytes[from + i];
		expect_eq(t, acpi_sum(bytes + from, len), sum);
	}
}

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
