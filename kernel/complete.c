// SPDX-License-Identifier: MIT
#include "kernel/complete.h"

#include "kernel/lib/string.h"

void completion_offer(struct completion *c, const char *word)
{
	size_t same = 0;

	if (strncmp(word, c->word, c->len) != 0)
		return;
	if (c->list)
		c->list(word);
	if (c->count++ == 0) {
		c->common_len = strnlen(word, COMPLETION_MAX);
		memcpy(c->common, word, c->common_len);
		return;
	}
	while (same < c->common_len && word[same] == c->common[same])
		same++;
	c->common_len = same;
}

size_t completion_added(const struct completion *c)
{
	return c->count > 0 && c->common_len > c->len ? c->common_len - c->len : 0;
}

bool completion_is_done(const struct completion *c)
{
	char last = c->common_len > 0 ? c->common[c->common_len - 1] : ' ';

	return c->count == 1 && c->common_len < COMPLETION_MAX && last != ':' && last != '_';
}
