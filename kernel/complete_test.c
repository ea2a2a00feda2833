// SPDX-License-Identifier: MIT
#include <string.h>

#include "kernel/complete.h"
#include "kernel/ktest.h"

static unsigned listed;

static void count_word(const char *word __unused)
{
	listed++;
}

static struct completion complete(const char *typed, const char *const *words)
{
	struct completion c = { .word = typed, .len = strlen(typed), .list = count_word };

	listed = 0;
	for (; *words; words++)
		completion_offer(&c, *words);
	return c;
}

static const char *const names[] = {
	"memmap", "memtest", "misuse", "net", "netmirror", "mm:", NULL
};

KTEST(completion_adds_what_all_words_share)
{
	struct completion c = complete("me", names);

	expect_eq(t, c.count, 2);
	expect_eq(t, completion_added(&c), 1);
	expect_eq(t, c.common[2], 'm');
	expect_eq(t, listed, 2);
	expect(t, !completion_is_done(&c));
}

KTEST(completion_ends_a_word_that_is_the_only_one)
{
	struct completion c = complete("mi", names);

	expect_eq(t, completion_added(&c), 4);
	expect(t, completion_is_done(&c));
	c = complete("mm", names);
	expect_eq(t, completion_added(&c), 1);
	expect(t, !completion_is_done(&c));
}

KTEST(completion_leaves_a_word_alone_that_others_begin_with)
{
	struct completion c = complete("net", names);

	expect_eq(t, c.count, 2);
	expect_eq(t, completion_added(&c), 0);
	expect(t, !completion_is_done(&c));
}

KTEST(completion_has_nothing_to_say_to_strange_words)
{
	struct completion c = complete("q", names);

	expect_eq(t, c.count, 0);
	expect_eq(t, completion_added(&c), 0);
	expect(t, !completion_is_done(&c));
}

KTEST(completion_cuts_words_beyond_all_measure)
{
	char word[2 * COMPLETION_MAX];
	const char *words[] = { word, NULL };
	struct completion c;

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	c = complete("x", words);
	expect_eq(t, completion_added(&c), COMPLETION_MAX - 1);
	expect(t, !completion_is_done(&c));
}
