// SPDX-License-Identifier: MIT
/*
 * The command `memtest`. Free memory is taken in pieces that are tested one by
 * one, and kept until the end, so that the next piece is another; then all of
 * it goes back. A piece that was tested holds the link to the one before.
 */
#include "mm/memtest.h"

#include "arch/x86/layout.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/progress.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"
#include "mm/page.h"

enum {
	ORDER = 10,		/* 4 MiB: the largest piece; keys are looked at between them */
	RESERVE_PAGES = 512,	/* that others may need meanwhile, at least */
	TOLD_MAX = 16,		/* wrong words */
};

struct piece {
	struct piece *before;
	unsigned order;
};

static unsigned told;

static void tell_bad(uint64_t address, uint64_t want, uint64_t is)
{
	if (told++ < TOLD_MAX)
		print("memtest: phys:0x%llx is 0x%016llx, not 0x%016llx\n",
		      (unsigned long long)address, (unsigned long long)is,
		      (unsigned long long)want);
}

/* The largest piece of up to `pages` that there is; NULL if there is none. */
static void *take_piece(uint64_t pages, unsigned *order)
{
	void *block = NULL;

	*order = ORDER;
	while (*order > 0 && BIT(*order) > pages)
		--*order;
	while (!(block = page_alloc(*order, PAGE_ANY | PAGE_USE_OTHER)) && *order > 0)
		--*order;
	return block;
}

static uint64_t test_piece(void *block, unsigned order, uint64_t seed)
{
	struct memtest m = {
		.words = block, .count = (PAGE_SIZE << order) / sizeof(uint64_t),
		.address = (uintptr_t)block - DIRECT_BASE, .seed = seed, .bad = tell_bad,
	};
	uint64_t wrong = 0;

	for (unsigned pattern = 0; pattern < MEMTEST_PATTERNS; pattern++) {
		memtest_fill(&m, pattern);
		wrong += memtest_verify(&m, pattern);
	}
	return wrong;
}

static void give_back(struct piece *last)
{
	while (last) {
		struct piece *before = last->before;

		page_free(last, last->order);
		last = before;
	}
}

/* Tests up to `pages` pages; *done is how many it were. */
static int test_pages(uint64_t pages, uint64_t seed, uint64_t *done, uint64_t *wrong)
{
	struct piece *last = NULL;
	struct progress p;
	unsigned order;
	int rc = 0;

	*done = 0;
	*wrong = 0;
	progress_begin(&p, "memtest", pages * PAGE_SIZE, PROGRESS_BYTES);
	while (*done < pages && !rc) {
		struct piece *piece = take_piece(pages - *done, &order);

		if (!piece)
			break;
		*wrong += test_piece(piece, order, seed);
		*piece = (struct piece){ last, order };
		last = piece;
		*done += BIT(order);
		progress_at(&p, *done * PAGE_SIZE);
		rc = shell_interrupted() ? -EINTR : 0;
	}
	progress_end(&p);
	give_back(last);
	return rc;
}

/* All that is free, less what others may need. */
static uint64_t pages_usual(void)
{
	struct page_stats pages;
	uint64_t reserve;

	page_allocator_stats(mm_pages(), &pages);
	reserve = max(pages.free / 16, (uint64_t)RESERVE_PAGES);
	return pages.free > reserve ? pages.free - reserve : 0;
}

static int memtest_run(int argc, char **argv)
{
	uint64_t most = pages_usual(), size = most * PAGE_SIZE, seed = 1, done, wrong;
	const char *end;
	int rc;

	if (argc > 3)
		return -EINVAL;
	if (argc > 1 && (parse_size(argv[1], &end, &size) || *end || size < PAGE_SIZE))
		return shell_wrong(argv[1], "not a size of at least a page (4K)");
	if (argc > 2 && (parse_u64(argv[2], &end, &seed) || *end))
		return shell_wrong(argv[2], "not a number");
	if (size / PAGE_SIZE > most || most == 0) {
		print("memtest: no more than %llu KiB can be tested now\n",
		      (unsigned long long)(most * PAGE_SIZE / KIB));
		return -ENOMEM;
	}
	told = 0;
	rc = test_pages(size / PAGE_SIZE, seed, &done, &wrong);
	print("%llu KiB tested with seed %llu: %llu wrong words\n",
	      (unsigned long long)(done * PAGE_SIZE / KIB), (unsigned long long)seed,
	      (unsigned long long)wrong);
	return rc ? rc : wrong ? -EIO : 0;
}

SHELL_COMMAND(memtest, "[SIZE [SEED]]", "write patterns to free memory and read them back",
	      memtest_run,
	      .text = "Without SIZE nearly all that is free. Names the first wrong words by their\n"
	      "physical addresses. Ctrl-C stops it; what it took is free again afterwards.\n");
