// SPDX-License-Identifier: MIT
/* What firmware told of this machine, as a way to turn it off and to start it again. */
#include "drivers/acpi/power.h"

#include "kernel/lib/errno.h"
#include "kernel/power.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

static int restart(void)
{
	return power_reset(&acpi_info()->fadt);
}

static int off(void)
{
	struct aml_sleep_type type;
	int result = acpi_space() ? aml_sleep_type(acpi_space(), &type) : -ENOENT;

	if (result == -ENOTSUP)
		log_warn("\\_S5, which tells how to turn off, is code");
	else if (result == -EPROTO)
		log_warn("\\_S5, which tells how to turn off, is broken");
	return result ? result : power_soft_off(&acpi_info()->fadt, &type);
}

static const struct power_way acpi_way = {
	.restart_name = "the reset register",
	.restart = restart,
	.off = off,
};
TABLE_ADD(power_ways, acpi_way);
