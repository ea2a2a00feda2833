// SPDX-License-Identifier: MIT
/* The command `acpidump`. */
#include "drivers/acpi/table.h"

#include "kernel/complete.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"

/* The table with this signature, `n` before it not counted. */
static const struct acpi_table *find_table(const char *signature, uint64_t n)
{
	const struct acpi_info *info = acpi_info();

	for (unsigned i = 0; i < info->table_count; i++) {
		if (strcmp(info->tables[i].signature, signature) == 0 && n-- == 0)
			return &info->tables[i];
	}
	return NULL;
}

static int dump(const uint8_t *bytes, size_t len)
{
	enum { A_LINE = 32 };

	for (size_t i = 0; i < len; i++) {
		if (i % A_LINE == 0 && shell_interrupted())
			return -EINTR;
		print("%02x%s", bytes[i], i % A_LINE == A_LINE - 1 || i == len - 1 ? "\n" : "");
	}
	return 0;
}

static void acpidump_complete(struct completion *c, int argc, char **argv __unused)
{
	const struct acpi_info *info = acpi_info();

	for (unsigned i = 0; argc == 1 && i < info->table_count; i++)
		completion_offer(c, info->tables[i].signature);
}

static int acpidump_run(int argc, char **argv)
{
	const struct acpi_table *t;
	const void *bytes;
	const char *end;
	uint64_t n = 0;
	int rc;

	if (argc < 2 || argc > 3 || (argc == 3 && (parse_u64(argv[2], &end, &n) || *end)))
		return -EINVAL;
	t = find_table(argv[1], n);
	bytes = t ? acpi_map_table(acpi_memory(), t) : NULL;
	if (!bytes) {
		print("acpidump: %s\n", !t ? "no such table" :
		      t->problem ? t->problem : "cannot be mapped");
		return -ENOENT;
	}
	print("# %s, %u bytes\n", t->signature, t->length);
	rc = dump(bytes, t->length);
	acpi_memory()->unmap(acpi_memory());
	return rc;
}

SHELL_COMMAND(acpidump, "SIGNATURE [N]", "print a table in hexadecimal (the N-th, from 0)",
	      acpidump_run, .complete = acpidump_complete);
