/* SPDX-License-Identifier: MIT */
/* Inside drivers/acpi: the static reader of AML. */
#pragma once

#include "drivers/acpi/table.h"

void aml_read(const struct acpi_memory *m, struct acpi_info *out);
