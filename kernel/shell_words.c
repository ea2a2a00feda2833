// SPDX-License-Identifier: MIT
#include "kernel/shell_words.h"

#include "kernel/edit.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

int shell_split(char *line, char **argv)
{
	int argc = 0;

	for (;;) {
		while (*line == ' ')
			*line++ = '\0';
		if (!*line)
			return argc;
		if (argc == SHELL_ARGS_MAX)
			return SHELL_ARGS_MAX + 1;
		argv[argc++] = line;
		while (*line && *line != ' ')
			line++;
	}
}

const struct shell_command *shell_find(const char *name)
{
	const struct shell_command *const *c;

	table_for_each(shell_commands, c) {
		if (strcmp((*c)->name, name) == 0)
			return *c;
	}
	return NULL;
}

void shell_usage(const struct shell_command *c)
{
	print("usage: %s%s%s\n", c->name, *c->usage ? " " : "", c->usage);
}

void shell_offer_commands(struct completion *c)
{
	const struct shell_command *const *command;

	table_for_each(shell_commands, command)
		completion_offer(c, (*command)->name);
}

static void offer(struct completion *c, int argc, char **argv)
{
	const struct shell_command *command = argc > 0 ? shell_find(argv[0]) : NULL;

	if (argc == 0) {
		shell_offer_commands(c);
	} else if (command && command->complete) {
		command->complete(c, argc, argv);
	} else if (command && command->words && argc == 1) {
		for (const char *const *word = command->words; *word; word++)
			completion_offer(c, *word);
	}
}

void shell_complete(const char *line, size_t at, char *buf, struct completion *c)
{
	char *argv[SHELL_ARGS_MAX];
	size_t start = at;
	int argc;

	while (start > 0 && line[start - 1] != ' ')
		start--;
	memcpy(buf, line, at);
	buf[at] = '\0';
	c->word = line + start;
	c->len = at - start;
	if (start > 0)
		buf[start - 1] = '\0';
	else
		buf[0] = '\0';
	argc = shell_split(buf, argv);
	if (argc <= SHELL_ARGS_MAX)
		offer(c, argc, argv);
}
