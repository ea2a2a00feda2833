/* SPDX-License-Identifier: MIT */
/*
 * Failing on demand (CONFIG_FAULT_INJECTION): the n-th allocation is refused,
 * so that each error path can be made to run. What is asked for is a plan, in
 * words on the command line (fail=...) or for the command `fail`:
 *
 *	N[+][:heap|pages][:GLOB]	the N-th allocation that matches is refused
 *	count[:heap|pages][:GLOB]	none is, but they are counted
 *	boot[+][:heap|pages][:GLOB]	each one of boot in turn, a reset each
 *	tests[+][:heap|pages][:GLOB]	each one of each test that may fail
 *	off
 *
 * With a plus all that follow it are refused too: what stands in for the first
 * then fails as well. GLOB is matched against the caller, which is
 * "drivers/rng/virtio_rng.c:95", or "page-table". It may hold colons.
 *
 * Without the option nothing is left of what this header declares.
 */
#pragma once

#include "kernel/lib/types.h"

enum fault_kind {
	FAULT_HEAP = 1 << 0,	/* a block of the heap */
	FAULT_PAGES = 1 << 1,	/* pages, those for page tables included */
	FAULT_ANY = FAULT_HEAP | FAULT_PAGES,
	FAULT_MAPPING = 1 << 2,	/* of a device: never refused, but to be given back */
};

enum { FAULT_GLOB_MAX = 64 };

struct fault_plan {
	enum fault_mode {
		FAULT_OFF,
		FAULT_COUNT,
		FAULT_NTH,
		FAULT_BOOT,
		FAULT_TESTS,
	} mode;
	unsigned kinds;			/* of enum fault_kind */
	bool onwards;			/* what follows is refused too */
	uint64_t nth;			/* FAULT_NTH: counted from 1 */
	char glob[FAULT_GLOB_MAX];	/* of callers */
};

/* What has happened since fault_set() or fault_arm(). */
struct fault_record {
	uint64_t seen;			/* allocations that matched, the refused one included */
	enum fault_kind kind;		/* of the first refused; 0: none was */
	const char *caller;		/* of it */
	unsigned complaints;		/* log_complaints() at that time */
};

/* What callers of mm/kmalloc.h and mm/ioremap.h hold. */
struct fault_live {
	int64_t blocks;
	int64_t pages;			/* of page_alloc() */
	int64_t mappings;
};

/* The state before something that must give back what it takes. */
struct fault_attempt {
	struct fault_live live;
	uint64_t mark;			/* of kmalloc_mark() */
};

#ifdef CONFIG_FAULT_INJECTION
/*
 * To be asked before each allocation, with the caller's file and line: whether
 * it is to fail. Any context that may allocate.
 */
bool __must_check fault_refuses(enum fault_kind kind, const char *caller);

/* Notes `n` blocks, pages or mappings that a caller was given or, negative, gave back. */
void fault_note(enum fault_kind kind, int64_t n);

/*
 * Around an attempt to set something up that may fail: if it did, it must have
 * given back whatever it had taken, else an error names `who` and this boot
 * counts as a bad one (fail=boot).
 */
void fault_attempt_begin(struct fault_attempt *before);
void fault_attempt_failed(const struct fault_attempt *before, const char *who);

/*
 * The end of boot, devices set up and reported: prints the count, or, with
 * fail=boot, judges this boot and resets the machine for the next.
 */
void fault_boot_end(void);
#else
static inline bool fault_refuses(enum fault_kind kind __unused, const char *caller __unused)
{
	return false;
}

static inline void fault_note(enum fault_kind kind __unused, int64_t n __unused)
{
}

static inline void fault_attempt_begin(struct fault_attempt *before __unused)
{
}

static inline void fault_attempt_failed(const struct fault_attempt *before __unused,
					const char *who __unused)
{
}

static inline void fault_boot_end(void)
{
}
#endif

/* The rest is for this option's own files and their tests. */

/*
 * Reads a plan in the words above. Returns 0, or -EINVAL with what is wrong, a
 * static text, in *problem.
 */
int __must_check fault_plan_parse(const char *text, struct fault_plan *out,
				  const char **problem);

/* The plan is this from now on; what was counted is forgotten. */
void fault_set(const struct fault_plan *plan);
const struct fault_plan *fault_get(void);

/* Under the same plan, the nth allocation from now on is refused; 0: none. */
void fault_arm(uint64_t nth);

const struct fault_record *fault_seen(void);
struct fault_live fault_live(void);
bool fault_live_same(const struct fault_live *a, const struct fault_live *b);

/*
 * Whether as much is live as before. If not, prints what `who` kept, with full
 * checking of the heap also for whom.
 */
bool fault_attempt_clean(const struct fault_attempt *before, const char *who);

/* "heap", "pages"; "heap or pages" for both. */
const char *fault_kind_name(unsigned kinds);

/* fault_boot.c */

/* Attempts that failed and kept something. */
unsigned fault_leaks(void);

/* fail=boot is on the command line. Returns 0, or -EBUSY (logged): it cannot work here. */
int __must_check fault_boot_begin(const struct fault_plan *plan);

/*
 * Which allocation the try `index` of `tries` refuses, of `total`: each one,
 * or, with fewer tries, one out of each of so many equal parts, which one
 * depends on the seed. Rises with index. index < tries <= total.
 */
uint64_t fault_boot_nth(uint64_t total, uint64_t tries, uint64_t index, uint64_t seed);
