// SPDX-License-Identifier: MIT
/* The sleep type of soft off: packages assembled here, and those of real machines. */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi/aml.h"
#include "drivers/acpi/fake_memory.h"
#include "kernel/hex_file.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum { HEADER = sizeof(struct acpi_header), TABLE_AT = 1 << 20, FIXTURE_MAX = 16 << 10 };

static struct acpi_info info;
static struct aml_space space;
static struct fake_memory fake;

/* A DSDT of these bytes, header included. */
static int read_table(const uint8_t *table, size_t len, struct aml_sleep_type *type)
{
	memset(&info, 0, sizeof(info));
	fake_memory_init(&fake);
	info.tables[0] = (struct acpi_table){
		.signature = "DSDT", .pa = TABLE_AT, .length = (uint32_t)len,
	};
	info.table_count = 1;
	fake_memory_add(&fake, TABLE_AT, table, len);
	aml_read(&space, &fake.memory, &info);
	return aml_sleep_type(&space, type);
}

/* A DSDT of this AML. */
static int read_aml(const void *aml, size_t len, struct aml_sleep_type *type)
{
	uint8_t table[HEADER + 64] = { 0 };

	memcpy(table + HEADER, aml, len);
	return read_table(table, HEADER + len, type);
}
#define READ(aml, type)		read_aml(aml, sizeof(aml) - 1, type)

static int read_fixture(struct ktest_run *t, const char *path, struct aml_sleep_type *type)
{
	size_t len;
	uint8_t *bytes = hex_file_read(path, FIXTURE_MAX, &len);
	int result = -EIO;

	expect(t, bytes != NULL);
	if (bytes)
		result = read_table(bytes, len, type);
	expect(t, !fake_memory_is_mapped());
	free(bytes);
	return result;
}

KTEST(sleep_type_of_real_machines)
{
	struct aml_sleep_type type = { 9, 9 };

	expect_eq(t, read_fixture(t, "drivers/acpi/fixtures/q35-seabios.DSDT.hex", &type), 0);
	expect(t, type.a == 0 && type.b == 0);
	expect_eq(t, read_fixture(t, "drivers/acpi/fixtures/pc-seabios.DSDT.hex", &type), 0);
	expect(t, type.a == 0 && type.b == 0);
	expect_eq(t, read_fixture(t, "drivers/acpi/fixtures/microvm.DSDT.hex", &type), 0);
	expect_eq(t, type.a, 5);
}

KTEST(sleep_types_are_the_first_two_of_the_package)
{
	struct aml_sleep_type type = { 9, 9 };

	expect_eq(t, READ("\x08_S5_\x12\x08\x04\x0a\x07\x0a\x03\x00\x00", &type), 0);
	expect(t, type.a == 7 && type.b == 3);
	expect_eq(t, READ("\x08_S5_\x12\x04\x01\x0a\x05", &type), 0);
	expect(t, type.a == 5 && type.b == 5);
	expect_eq(t, READ("\x10\x0e\\\x00\x08_S5_\x12\x05\x02\x01\x0a\x02", &type), 0);
	expect(t, type.a == 1 && type.b == 2);
}

KTEST(sleep_type_that_cannot_be_is_refused)
{
	struct aml_sleep_type type;

	expect_eq(t, READ("\x08_S4_\x12\x04\x01\x0a\x05", &type), -ENOENT);
	expect_eq(t, READ("\x14\x0a_S5_\x00\xa4\x12\x02\x01", &type), -ENOTSUP);
	expect_eq(t, READ("\x08_S5_\x0a\x05", &type), -EPROTO);			/* an integer */
	expect_eq(t, READ("\x08_S5_\x0dlow\x00", &type), -EPROTO);		/* a string */
	expect_eq(t, READ("\x08_S5_\x12\x04\x01\x0a\x08", &type), -EPROTO);	/* four bits */
	expect_eq(t, READ("\x08_S5_\x12\x06\x02\x01\x0d" "a\x00", &type), -EPROTO);
	expect_eq(t, READ("\x08_S5_\x12\x02\x00", &type), -EPROTO);		/* empty */
	expect(t, !fake_memory_is_mapped());
}

KTEST(sleep_type_of_any_bytes_is_within_its_bounds)
{
	uint8_t aml[] = "\x08_S5_\x12\x08\x04\x0a\x07\x0a\x03\x00\x00";
	struct aml_sleep_type type = { 0, 0 };

	for (uint64_t n = ktest_operations() / 100; n; n--) {
		size_t at = ktest_random_below(t, sizeof(aml) - 1);
		uint8_t kept = aml[at];

		aml[at] = (uint8_t)ktest_random(t);
		if (read_aml(aml, sizeof(aml) - 1, &type) == 0)
			expect(t, type.a <= 7 && type.b <= 7);
		expect(t, !fake_memory_is_mapped());
		aml[at] = kept;
	}
}
