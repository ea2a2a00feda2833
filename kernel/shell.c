// SPDX-License-Identifier: MIT
#include "kernel/shell.h"

#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"

enum { LINE_MAX = 256, ARGS_MAX = 16, ESCAPE = 0x1b };

static bool failed;	/* a test run from the shell failed */

static bool has_reader(void)
{
	for (struct console *c = console_first(); c; c = c->next) {
		if (c->read)
			return true;
	}
	return false;
}

/* The next byte from any console; until there is one, the loop runs and halts. */
static char read_byte(void)
{
	for (;;) {
		for (struct console *c = console_first(); c; c = c->next) {
			int byte = c->read ? c->read(c) : -EAGAIN;

			if (byte >= 0)
				return (char)byte;
		}
		loop_wait();
	}
}

/* Swallows what a key beyond the alphabet sends: ESC [ ... letter or ~, ESC O letter. */
static void skip_escape(void)
{
	char c = read_byte();

	if (c != '[' && c != 'O')
		return;
	do
		c = read_byte();
	while ((c >= '0' && c <= '9') || c == ';');
}

/* The next byte that means something to a line; CR LF counts as one end. */
static char read_key(void)
{
	static bool after_return;

	for (;;) {
		char c = read_byte();
		bool second = after_return && c == '\n';

		after_return = c == '\r';
		if (c == ESCAPE)
			skip_escape();
		else if (!second)
			return c;
	}
}

/* Reads a line of up to LINE_MAX - 1 characters. Returns 0, or -ERANGE if it was longer. */
static int read_line(char *line)
{
	size_t len = 0;
	bool fits = true;

	for (;;) {
		char c = read_key();

		if (c == '\r' || c == '\n') {
			print("\n");
			line[len] = '\0';
			return fits ? 0 : -ERANGE;
		}
		if ((c == '\b' || c == 0x7f) && len > 0) {
			len--;
			print("\b \b");
		} else if (c >= ' ' && c <= '~' && len < LINE_MAX - 1) {
			line[len++] = c;
			print("%c", c);
		} else if (c >= ' ' && c <= '~') {
			fits = false;
		}
	}
}

/* Splits at blanks, in place. Returns the number of words, at most ARGS_MAX + 1. */
static int split(char *line, char **argv)
{
	int argc = 0;

	for (;;) {
		while (*line == ' ')
			*line++ = '\0';
		if (!*line)
			return argc;
		if (argc == ARGS_MAX)
			return ARGS_MAX + 1;
		argv[argc++] = line;
		while (*line && *line != ' ')
			line++;
	}
}

static const struct shell_command *find(const char *name)
{
	const struct shell_command *const *c;

	table_for_each(shell_commands, c) {
		if (strcmp((*c)->name, name) == 0)
			return *c;
	}
	return NULL;
}

static void run_line(char *line)
{
	char *argv[ARGS_MAX];
	int argc = split(line, argv);
	const struct shell_command *command;

	if (argc == 0)
		return;
	if (argc > ARGS_MAX) {
		print("%s: more than %d words\n", argv[0], ARGS_MAX);
		return;
	}
	command = find(argv[0]);
	if (!command)
		print("%s: unknown command; try 'help'\n", argv[0]);
	else if (command->run(argc, argv) == -EINVAL)
		print("usage: %s %s\n", command->name, command->usage);
}

void shell_run(void)
{
	static char line[LINE_MAX];

	if (!has_reader()) {
		print("no console to read from; halted\n");
		return;
	}
	for (;;) {
		print("cairn> ");
		if (read_line(line))
			print("line of more than %d characters ignored\n", LINE_MAX - 1);
		else
			run_line(line);
	}
}

static int help_run(int argc, char **argv __unused)
{
	const struct shell_command *const *c;

	if (argc != 1)
		return -EINVAL;
	table_for_each(shell_commands, c)
		print("%-8s %-8s  %s\n", (*c)->name, (*c)->usage, (*c)->help);
	return 0;
}

static int dmesg_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	console_replay();
	return 0;
}

static int exit_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	machine_exit(!failed);
}

SHELL_COMMAND(help, "", "list the commands", help_run);
SHELL_COMMAND(dmesg, "", "show what the log ring holds", dmesg_run);
SHELL_COMMAND(exit, "", "leave QEMU: code 33, or 35 after a failed test", exit_run);

void shell_note_failure(void)
{
	failed = true;
}
