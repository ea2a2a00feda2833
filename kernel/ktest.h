/* SPDX-License-Identifier: MIT */
/*
 * Tests, in the kernel (`test[=GLOB]` on the command line) and on the host
 * (`make hosttest`), from the same source. Output is KTAP, the plan first.
 *
 *	KTEST(ranges_take_refuses_when_full)
 *	{
 *		expect_eq(t, ranges_take(&r, 4096, &start), -ENOSPC);
 *	}
 *
 * A failed expectation is printed with file and line; the test goes on. A
 * failed require() returns from the test. A test file is named X_test.c and
 * is compiled into the kernel (obj-$(CONFIG_KTEST)), the host's test program
 * (hosttest-y), or both.
 */
#pragma once

#include "kernel/lib/table.h"
#include "kernel/lib/types.h"

struct ktest_run {
	const char *name;
	unsigned failures;
	const char *skip;	/* reason, or NULL */
	uint64_t random;	/* state of ktest_random() */
};

struct ktest {
	const char *name;
	void (*run)(struct ktest_run *t);
	bool may_fail;
};

TABLE_DECLARE(ktests, const struct ktest);

#define KTEST(id)	KTEST_DEFINE(id, false)

/*
 * A test that may be refused memory: where a ktest_injector is there and
 * wanted, it runs again and again, with its first allocation refused, then
 * its second, and so on, until none was left to refuse. Each time it must end
 * without a failure and have given back what it took:
 *
 *	KTEST_MAY_FAIL(pair_has_two_blocks)
 *	{
 *		void *a = kmalloc(16), *b = NULL;
 *
 *		if (!expect_memory(t, a))
 *			return;
 *		b = kmalloc(16);
 *		if (!expect_memory(t, b))
 *			goto free_a;
 */
#define KTEST_MAY_FAIL(id)	KTEST_DEFINE(id, true)

#define KTEST_DEFINE(id, may_fail) \
	static void ktest_run_##id(struct ktest_run *t); \
	static const struct ktest ktest_##id = { #id, ktest_run_##id, may_fail }; \
	TABLE_ADD(ktests, ktest_##id); \
	static void ktest_run_##id(struct ktest_run *t __unused)

/* Who can refuse allocations; at most one is registered. */
struct ktest_injector {
	bool (*wanted)(void);		/* by the command line */
	void (*begin)(uint64_t nth);	/* the nth from now on is refused; 0: none */
	bool (*refused)(void);		/* whether it was, since begin() */
	/*
	 * No more are refused. False if memory taken since begin() was not
	 * given back. Prints what was refused and what is missing.
	 */
	bool (*end)(void);
};

TABLE_DECLARE(ktest_injectors, const struct ktest_injector);

/*
 * Tests that try this framework itself, and so fail: they run only for a glob
 * that begins like their names.
 */
#define KTEST_ON_DEMAND	"selftest_"

/*
 * Runs every test that matches `glob`, printing KTAP through print().
 * Returns the number of failures; no matching test is a failure.
 */
unsigned ktest_run_all(const char *glob);

/* Marks the running test as skipped; `reason` is a static string. */
void ktest_skip(struct ktest_run *t, const char *reason);

/*
 * Pseudo-random numbers for property tests. The sequence depends on the
 * run's seed (printed first; seed=N on the command line, SEED=N on the host)
 * and on the test's name.
 */
uint64_t ktest_random(struct ktest_run *t);

/* A number in [0, below); below > 0. */
uint64_t ktest_random_below(struct ktest_run *t, uint64_t below);

/* How many random operations a test should do: OPS=N, 10^6 on the host. */
uint64_t ktest_operations(void);

/* Whether an allocation was refused to the test that runs. */
bool ktest_refused(void);

bool ktest_expect(struct ktest_run *t, bool ok, const char *file, int line,
		  const char *text);
bool ktest_expect_eq(struct ktest_run *t, long long a, long long b,
		     const char *file, int line, const char *text);
bool __must_check ktest_expect_memory(struct ktest_run *t, bool ok, const char *file, int line,
				      const char *text);
bool __must_check ktest_expect_done(struct ktest_run *t, int rc, const char *file, int line,
				    const char *text);
bool ktest_expect_str(struct ktest_run *t, const char *a, const char *b,
		      const char *file, int line, const char *text);

#define expect(t, cond) \
	ktest_expect(t, (cond), __FILE__, __LINE__, #cond)
#define expect_eq(t, a, b) \
	ktest_expect_eq(t, (long long)(a), (long long)(b), __FILE__, __LINE__, #a " == " #b)
#define expect_str(t, a, b) \
	ktest_expect_str(t, (a), (b), __FILE__, __LINE__, #a " == " #b)
/*
 * Whether there was memory: a pointer that is not NULL, a call that returned 0
 * and not -ENOMEM. If not, the test unwinds; that is a failure only where
 * nothing was refused to it. An error other than -ENOMEM is always one.
 */
#define expect_memory(t, ptr) \
	ktest_expect_memory((t), (ptr) != NULL, __FILE__, __LINE__, #ptr)
#define expect_done(t, rc) \
	ktest_expect_done((t), (rc), __FILE__, __LINE__, #rc)
#define require(t, cond) do { \
	if (!ktest_expect(t, (cond), __FILE__, __LINE__, #cond)) \
		return; \
} while (0)
