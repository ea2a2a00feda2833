/* SPDX-License-Identifier: MIT */
/*
 * Turning the machine off, and starting it again: by what firmware tells
 * (drivers/acpi/power.c), else by what every PC has.
 */
#pragma once

#include "kernel/lib/table.h"

/*
 * A way that firmware tells of. Each function returns only where the machine
 * went on: -ENOENT (firmware tells of none), -ENOTSUP (not one that is known
 * here), -EPROTO (what it tells is broken), -ENOMEM, or -ETIMEDOUT (all was
 * done and nothing came of it). It logs why, but for -ENOENT.
 */
struct power_way {
	const char *restart_name;	/* as the log tells it */
	int (*restart)(void);
	int (*off)(void);
};

TABLE_DECLARE(power_ways, const struct power_way);

/* Gives the machine the time to act. Returns -ETIMEDOUT. */
int power_wait(void);
