// SPDX-License-Identifier: MIT
/* The command `report`. */
#include "kernel/lib/errno.h"
#include "kernel/report.h"
#include "kernel/shell.h"

static int report_run(int argc, char **argv)
{
	unsigned parts = REPORT_SHORT;

	if (argc > 2 || (argc == 2 && report_parse(argv[1], &parts)))
		return -EINVAL;
	report_print(parts);
	return 0;
}

SHELL_COMMAND(report, "[short|full|json]", "the boot report again", report_run);
