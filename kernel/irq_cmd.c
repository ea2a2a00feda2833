// SPDX-License-Identifier: MIT
/* `lsirq`: who interrupts, through what, and how often it did. */
#include "kernel/irq.h"
#include "kernel/lib/errno.h"
#include "kernel/shell.h"

static int lsirq_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	irq_report();
	irq_print_routes();
	return 0;
}

SHELL_COMMAND(lsirq, "", "show the routes of interrupts, counts and proofs", lsirq_run);
