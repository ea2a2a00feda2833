// SPDX-License-Identifier: MIT
#include "kernel/cmdline.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const struct cmdline_param *find(const char *name)
{
	const struct cmdline_param *const *p;

	table_for_each(cmdline_params, p) {
		if (strcmp((*p)->name, name) == 0)
			return *p;
	}
	return NULL;
}

/* Handles one terminated word. */
static void parse_word(char *word)
{
	char *value = strchr(word, '=');
	const struct cmdline_param *param;
	int error;

	if (value)
		*value = '\0';
	param = find(word);
	if (value)
		*value = '=';
	if (!param) {
		log_warn("command line: unknown word '%.64s'", word);
		return;
	}
	error = param->parse(value ? value + 1 : "");
	if (error)
		log_warn("command line: '%.64s' is not usable (%s)", word, errno_name(error));
}

void cmdline_parse(char *line)
{
	for (;;) {
		char *end;
		char after;

		while (is_blank(*line))
			line++;
		if (!*line)
			return;
		for (end = line; *end && !is_blank(*end); end++)
			;
		after = *end;
		*end = '\0';
		parse_word(line);
		*end = after;
		line = end;
	}
}
