/* SPDX-License-Identifier: MIT */
/*
 * Inside drivers/acpi: off and restart by the registers that the FADT names.
 * Both return only where the machine went on, as kernel/power.h has it.
 */
#pragma once

#include "drivers/acpi/aml.h"

/* Writes the reset value to the reset register (4.8.3.6). */
int __must_check power_reset(const struct acpi_fadt *f);

/* Enters S5 by the sleep type that \_S5 names (16.1.3.1; hardware-reduced: 4.8.3.7). */
int __must_check power_soft_off(const struct acpi_fadt *f, const struct aml_sleep_type *type);
