/* SPDX-License-Identifier: MIT */
/* Completion: what all words that may stand here have in common. Pure. */
#pragma once

#include "kernel/lib/types.h"

enum { COMPLETION_MAX = 128 };	/* bytes of what is added at once */

struct completion {
	const char *word;		/* what is typed of it; the caller sets this, */
	size_t len;
	void (*list)(const char *word);	/* and this, to be told of each word; or NULL */
	unsigned count;			/* words that fit; 0 at first, as the rest */
	size_t common_len;
	char common[COMPLETION_MAX];	/* what they begin with; not terminated */
};

/* A word that may stand here; it need not fit what is typed. */
void completion_offer(struct completion *c, const char *word);

/* What may be typed on now: characters from c->common, c->len on. */
size_t completion_added(const struct completion *c);

/* Whether the word is found and done: no other fits, and it does not end in ':' or '_'. */
bool completion_is_done(const struct completion *c);
