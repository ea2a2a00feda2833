/* SPDX-License-Identifier: MIT */
/* What the host's tests can learn of print(). */
#pragma once

#include "kernel/lib/types.h"

/*
 * From here on what is printed is kept and not shown, but for the report of
 * the tests, until host_print_end().
 */
void host_print_begin(void);

/* What was kept since, terminated; some KiB, what is more is lost. */
const char *host_print_end(void);

/* Whether that has `part` in it. */
bool host_printed(const char *part);
