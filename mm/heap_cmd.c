// SPDX-License-Identifier: MIT
/* The command `heap`: what is in use, whether it is sound, and who leaks. */
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/heap.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"
#include "mm/page.h"

/* Where the window on leaks opens: when the kernel started, until told otherwise. */
static struct {
	uint64_t number;
	struct heap_stats stats;
} mark;

static int show(void)
{
	struct page_stats pages;
	struct heap_stats heap;

	page_allocator_stats(mm_pages(), &pages);
	kmalloc_stats(&heap);
	print("pages   %llu, free %llu, metadata %llu\n", (unsigned long long)pages.total,
	      (unsigned long long)pages.free, (unsigned long long)pages.metadata);
	print("heap    %llu blocks, %llu bytes, %llu pages\n", (unsigned long long)heap.blocks,
	      (unsigned long long)heap.bytes, (unsigned long long)heap.pages);
	return 0;
}

static int check(void)
{
	char what[256] = "";
	int error = kmalloc_check(what, sizeof(what));

	print("heap    %s\n", error == -ENOTSUP ? "not checked: CONFIG_HEAP_CHECK_NONE" :
	      error ? what : "is sound");
	return error;
}

static int trim(void)
{
	kmalloc_trim();
	return show();
}

static int set_mark(void)
{
	mark.number = kmalloc_mark();
	kmalloc_stats(&mark.stats);
	return 0;
}

static void show_group(void *context __unused, const char *caller, uint64_t blocks,
		       uint64_t bytes)
{
	print("live    %llu blocks, %llu bytes, allocated at %s\n", (unsigned long long)blocks,
	      (unsigned long long)bytes, caller ? caller : "other places");
}

static int diff(void)
{
	struct heap_stats now;

	kmalloc_stats(&now);
	print("since   %+lld blocks, %+lld bytes\n", (long long)(now.blocks - mark.stats.blocks),
	      (long long)(now.bytes - mark.stats.bytes));
	if (kmalloc_diff(mark.number, show_group, NULL) == -ENOTSUP)
		print("        who allocated them is known with CONFIG_HEAP_CHECK_FULL only\n");
	return 0;
}

static const struct {
	const char *word;
	int (*run)(void);
} words[] = {
	{ "check", check },
	{ "trim", trim },
	{ "mark", set_mark },
	{ "diff", diff },
};

static int heap_run(int argc, char **argv)
{
	if (argc == 1)
		return show();
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(words); i++)
		if (strcmp(argv[1], words[i].word) == 0)
			return words[i].run();
	return -EINVAL;
}

static const char *const heap_words[] = { "check", "trim", "mark", "diff", NULL };

SHELL_COMMAND(heap, "[check|trim|mark|diff]", "memory in use, damage, leaks", heap_run,
	      .words = heap_words,
	      .text = "`mark` remembers what is in use, `diff` shows what came since then.\n");
