// SPDX-License-Identifier: MIT
/* The command `lscon`: where output goes, and where input comes from. */
#include "kernel/console.h"

#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"

enum { TEXT_MAX = 160 };

static int lscon_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	for (struct console *c = console_first(); c; c = c->next) {
		char text[TEXT_MAX] = "";

		if (c->describe)
			c->describe(c, text, sizeof(text));
		print("%-24s  %s%s%s\n", c->name, c->read ? "read and written" : "written",
		      text[0] ? ", " : "", text);
	}
	return 0;
}

SHELL_COMMAND(lscon, "", "list the consoles", lscon_run);
