/* SPDX-License-Identifier: MIT */
/*
 * Commands, registered beside the subsystem that they show:
 *
 *	static int memmap_run(int argc, char **argv) { ...; return 0; }
 *	SHELL_COMMAND(memmap, "", "list memory regions", memmap_run);
 *
 * Context: the event loop; a command may take as long as it likes.
 */
#pragma once

#include "kernel/lib/table.h"

struct shell_command {
	const char *name;
	const char *usage;	/* its arguments, "" if none */
	const char *help;	/* one line */
	/*
	 * argv[0] is the name; argv strings last until the call returns.
	 * Returns 0 or a negative errno; -EINVAL makes the shell print the
	 * usage. Other errors the command has explained itself.
	 */
	int (*run)(int argc, char **argv);
};

TABLE_DECLARE(shell_commands, const struct shell_command);

#define SHELL_COMMAND(name, usage, help, run) \
	static const struct shell_command shell_command_##name __unused = \
		{ #name, usage, help, run }; \
	SHELL_TABLE_ADD(shell_command_##name)

#ifdef CONFIG_SHELL
#define SHELL_TABLE_ADD(object)	TABLE_ADD(shell_commands, object)
#else
#define SHELL_TABLE_ADD(object)	struct shell_not_built
#endif

/*
 * Reads commands from the consoles until `exit`. Returns only where no console
 * can be read from.
 */
void shell_run(void);

/* Makes `exit` report failure: a test run from the shell failed. */
void shell_note_failure(void);
