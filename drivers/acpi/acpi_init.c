// SPDX-License-Identifier: MIT
/*
 * The kernel's own: tables read through the early window, once, into one
 * struct acpi_info. `acpi=off` on the command line is as if there were none.
 */
#include "drivers/acpi/acpi.h"

#include "arch/x86/paging.h"
#include "drivers/acpi/aml.h"
#include "drivers/acpi/table.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct acpi_info info;
static struct aml_space space __noload;
static bool off;

static const void *map(const struct acpi_memory *m __unused, paddr_t pa, size_t len)
{
	return early_map(pa, len);
}

static void unmap(const struct acpi_memory *m __unused)
{
	early_unmap();
}

static const struct acpi_memory memory = { map, unmap };

const struct acpi_memory *acpi_memory(void)
{
	return &memory;
}

static int off_parse(const char *value)
{
	off = strcmp(value, "off") == 0;
	return off || strcmp(value, "on") == 0 ? 0 : -EINVAL;
}

CMDLINE_PARAM(acpi, "acpi", off_parse);

void acpi_init(void)
{
	struct acpi_hint hint = {
		.rsdp = boot_info.rsdp,
		.copy = boot_info.rsdp_copy_len ? boot_info.rsdp_copy : NULL,
		.copy_len = boot_info.rsdp_copy_len,
	};

	if (IS_ENABLED(CONFIG_ACPI) && !off) {
		acpi_read_tables(&memory, &hint, &info);
		aml_read(&space, &memory, &info);
	}
	if (!info.interrupts_from)
		mptable_read(&memory, &info);
}

const struct acpi_info *acpi_info(void)
{
	return &info;
}

struct aml_space *acpi_space(void)
{
	return IS_ENABLED(CONFIG_ACPI) && !off ? &space : NULL;
}

int acpi_pci_route(uint16_t segment, uint8_t root_bus, const uint8_t *path, unsigned depth,
		   uint8_t device, unsigned pin, struct acpi_gsi *out)
{
	if (!IS_ENABLED(CONFIG_ACPI) || off)
		return -ENOENT;
	return aml_route(&space, segment, root_bus, path, depth, device, pin, out);
}
