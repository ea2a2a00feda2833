// SPDX-License-Identifier: MIT
#include "drivers/acpi/acpi.h"

#include "kernel/lib/errno.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

LOG_DEFINE();

static struct acpi_info info;

void acpi_init(void)
{
}

const struct acpi_info *acpi_info(void)
{
	return &info;
}

int acpi_pci_route(uint16_t segment __unused, uint8_t root_bus __unused,
		   const uint8_t *path __unused, unsigned depth __unused,
		   uint8_t device __unused, unsigned pin __unused,
		   struct acpi_gsi *out __unused)
{
	return -ENOENT;
}

void acpi_report(void)
{
}

void acpi_report_json(struct json *j __unused)
{
}
