// SPDX-License-Identifier: MIT
#include "kernel/cmdline.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

enum { WORD_MAX = 256 };

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

/* Handles one terminated word, which may be written to. */
static void parse_word(char *word)
{
	char *value = strchr(word, '=');
	const struct cmdline_param *param;
	int error;

	if (value)
		*value++ = '\0';
	param = find(word);
	if (!param) {
		log_warn("command line: unknown word '%s%s%s'", word,
			 value ? "=" : "", value ? value : "");
		return;
	}
	error = param->parse(value ? value : "");
	if (error)
		log_warn("command line: '%s=%s' is not usable (%s)", word,
			 value ? value : "", errno_name(error));
}

void cmdline_parse(const char *line)
{
	char word[WORD_MAX];

	for (;;) {
		size_t len = 0;

		while (is_blank(*line))
			line++;
		if (!*line)
			return;
		while (line[len] && !is_blank(line[len]))
			len++;
		if (len < sizeof(word)) {
			memcpy(word, line, len);
			word[len] = '\0';
			parse_word(word);
		} else {
			log_warn("command line: '%.32s...', a word of %zu bytes, is ignored",
				 line, len);
		}
		line += len;
	}
}
