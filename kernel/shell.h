/* SPDX-License-Identifier: MIT */
/*
 * Commands, registered beside the subsystem that they show:
 *
 *	static int memmap_run(int argc, char **argv) { ...; return 0; }
 *	SHELL_COMMAND(memmap, "", "list memory regions", memmap_run);
 *
 * What else a command has to say follows by name:
 *
 *	static const char *const words[] = { "on", "off", NULL };
 *	SHELL_COMMAND(trace, "on|off", "...", trace_run, .words = words, .text = "...");
 *
 * Context: the event loop; a command may take as long as it likes, but then
 * looks at shell_interrupted() now and then.
 */
#pragma once

#include "kernel/lib/table.h"

struct completion;

struct shell_command {
	const char *name;
	const char *usage;	/* its arguments, "" if none */
	const char *help;	/* one line */
	/*
	 * argv[0] is the name; argv strings last until the call returns.
	 * Returns 0 or a negative errno. -EINVAL: the words are wrong; the shell
	 * shows the usage, and says which they are unless the command did.
	 * -EINTR: the user stopped it. Other errors the command has explained.
	 */
	int (*run)(int argc, char **argv);
	const char *file;	/* where it is registered: says its group in `help` */
	const char *text;	/* for `help NAME`: lines that end in \n; or NULL */
	/* What the first argument may be, ended by NULL; or NULL. */
	const char *const *words;
	/*
	 * Offers what may follow the `argc` words of argv (kernel/complete.h);
	 * NULL: `words` do. May be called at any prompt: prints nothing.
	 */
	void (*complete)(struct completion *c, int argc, char **argv);
};

TABLE_DECLARE(shell_commands, const struct shell_command);

#define SHELL_COMMAND(id, usage_, help_, run_, ...) \
	static const struct shell_command shell_command_##id __unused = { \
		.name = #id, .usage = usage_, .help = help_, .run = run_, .file = __FILE__, \
		__VA_ARGS__ \
	}; \
	SHELL_TABLE_ADD(shell_command_##id)

/* The same with what the first argument may be. */
#define SHELL_COMMAND_WORDS(id, usage, help, run, words_) \
	SHELL_COMMAND(id, usage, help, run, .words = words_)

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

/*
 * Whether the user typed Ctrl-C since the running command began; it then ends
 * soon, with -EINTR. What else was typed is kept for the prompt. Takes a turn
 * of the loop, so call it where the loop may be run. False, at no cost, where
 * no command runs.
 */
#if defined(CONFIG_SHELL) && !defined(CAIRN_HOSTED)
bool shell_interrupted(void);
#else
static inline bool shell_interrupted(void)
{
	return false;
}
#endif

/* Says that a word of the running command is wrong, and why. Returns -EINVAL. */
int shell_wrong(const char *word, const char *why);
