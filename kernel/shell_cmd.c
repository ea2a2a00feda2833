// SPDX-License-Identifier: MIT
/* The shell's own commands: help, dmesg, loglevel, panic, exit. */
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loglevel.h"
#include "kernel/panic.h"
#include "kernel/shell_words.h"

static bool failed;	/* a test run from the shell failed */

/* Where commands come from, and how `help` calls that; the last takes the rest. */
static const struct {
	const char *folder, *title;
} groups[] = {
	{ "kernel/", "kernel" },
	{ "mm/", "memory" },
	{ "arch/", "processor" },
	{ "drivers/acpi/", "firmware" },
	{ "", "devices" },
};

static size_t group_of(const struct shell_command *c)
{
	size_t i = 0;

	while (!str_has_prefix(c->file, groups[i].folder))
		i++;
	return i;
}

static void list_group(size_t group)
{
	const struct shell_command *const *c;

	table_for_each(shell_commands, c) {
		if (group_of(*c) != group)
			continue;
		print("  %-10s %s\n", (*c)->name, (*c)->help);
	}
}

static int help_list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		print("%s:\n", groups[i].title);
		list_group(i);
	}
	print("'help COMMAND' tells more; tab completes, Ctrl-C stops what runs\n");
	return 0;
}

static int help_run(int argc, char **argv)
{
	const struct shell_command *c;

	if (argc > 2)
		return -EINVAL;
	if (argc == 1)
		return help_list();
	c = shell_find(argv[1]);
	if (!c)
		return shell_wrong(argv[1], "no such command");
	shell_usage(c);
	print("%s\n", c->help);
	if (c->text)
		print("%s", c->text);
	return 0;
}

static void help_complete(struct completion *c, int argc, char **argv __unused)
{
	if (argc == 1)
		shell_offer_commands(c);
}

static int dmesg_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	console_replay();
	return 0;
}

/* The words, with a blank between them. */
static int panic_run(int argc, char **argv)
{
	char text[128] = "";
	size_t len = 0;

	for (int i = 1; i < argc; i++) {
		len += str_copy(text + len, sizeof(text) - len, i > 1 ? " " : "");
		len += str_copy(text + len, sizeof(text) - len, argv[i]);
	}
	panic("%s", len ? text : "asked for by the shell");
}

static int exit_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	machine_exit(!failed);
}

static void list_levels(void)
{
	const struct log_subsys *const *s;

	table_for_each(log_subsystems, s)
		print("%-10s %-8s built with %s\n", (*s)->name, log_level_name(*(*s)->level),
		      log_level_name((*s)->ceiling));
}

static int loglevel_run(int argc, char **argv)
{
	if (argc > 2)
		return -EINVAL;
	if (argc == 2 && loglevel_parse(argv[1]))
		return shell_wrong(argv[1], "names a subsystem or a level that there is not");
	list_levels();
	return 0;
}

/* "mm:" and, behind the colon, "mm:debug"; "debug" for all. */
static void loglevel_complete(struct completion *c, int argc, char **argv __unused)
{
	const struct log_subsys *const *s;
	char word[64];

	for (enum log_level l = LOG_NONE; argc == 1 && l <= LOG_DEBUG; l++) {
		completion_offer(c, log_level_name(l));
		table_for_each(log_subsystems, s) {
			format(word, sizeof(word), "%s:%s", (*s)->name, log_level_name(l));
			if (c->len <= strlen((*s)->name))
				word[strlen((*s)->name) + 1] = '\0';
			if (l == LOG_NONE || c->len > strlen((*s)->name))
				completion_offer(c, word);
		}
	}
}

SHELL_COMMAND(help, "[COMMAND]", "list the commands, or explain one", help_run,
	      .complete = help_complete,
	      .text = "At the prompt: left, right, home, end, delete; Ctrl-A and Ctrl-E go to the\n"
	      "ends, Ctrl-K and Ctrl-U delete to them, Ctrl-W a word; up and down show\n"
	      "earlier lines; Ctrl-L clears the screen; tab completes; Ctrl-C gives up the\n"
	      "line, or stops the command that runs.\n");
SHELL_COMMAND(dmesg, "", "show what the log ring holds", dmesg_run);
SHELL_COMMAND(loglevel, "[SUBSYSTEM:LEVEL,...|LEVEL]", "show or set what is logged",
	      loglevel_run, .complete = loglevel_complete,
	      .text = "Levels: none, error, warning, info, debug, as far as they were built.\n");
SHELL_COMMAND(panic, "[TEXT...]", "end it all, with these words", panic_run);
SHELL_COMMAND(exit, "", "leave QEMU: code 33, or 35 after a failed test", exit_run);

void shell_note_failure(void)
{
	failed = true;
}
