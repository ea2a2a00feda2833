// SPDX-License-Identifier: MIT
/* What `report=` asks for. */
#include "kernel/report.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const struct {
	const char *word;
	unsigned parts;
} words[] = {
	{ "short", REPORT_SHORT },
	{ "full", REPORT_SHORT | REPORT_FULL },
	{ "json", REPORT_SHORT | REPORT_JSON },
};

static unsigned parts_of(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].word) == len && strncmp(words[i].word, word, len) == 0)
			return words[i].parts;
	}
	return 0;
}

int report_parse(const char *text, unsigned *parts)
{
	unsigned found = 0;

	if (strcmp(text, "none") == 0) {
		*parts = 0;
		return 0;
	}
	for (;;) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		unsigned one = parts_of(text, len);

		if (!one)
			return -EINVAL;
		found |= one;
		if (!comma)
			break;
		text = comma + 1;
	}
	*parts = found;
	return 0;
}
