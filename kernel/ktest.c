// SPDX-License-Identifier: MIT
#include "kernel/ktest.h"

#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/mix.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/run.h"
#include "kernel/shell.h"

uint64_t ktest_random(struct ktest_run *t)
{
	t->random += UINT64_C(0x9e3779b97f4a7c15);
	return mix64(t->random);
}

uint64_t ktest_random_below(struct ktest_run *t, uint64_t below)
{
	return ktest_random(t) % below;
}

uint64_t ktest_operations(void)
{
	return run_options.operations;
}

void ktest_skip(struct ktest_run *t, const char *reason)
{
	t->skip = reason;
}

bool ktest_expect(struct ktest_run *t, bool ok, const char *file, int line, const char *text)
{
	if (!ok) {
		t->failures++;
		print("# %s:%d: %s\n", file, line, text);
	}
	return ok;
}

bool ktest_expect_eq(struct ktest_run *t, long long a, long long b,
		     const char *file, int line, const char *text)
{
	if (a != b) {
		t->failures++;
		print("# %s:%d: %s: %lld (%#llx) is not %lld (%#llx)\n", file, line, text,
		      a, (unsigned long long)a, b, (unsigned long long)b);
	}
	return a == b;
}

static const struct ktest_injector *injector(void)
{
	const struct ktest_injector *const *i = __start_ktest_injectors;

	return i != __stop_ktest_injectors && (*i)->wanted() ? *i : NULL;
}

bool ktest_refused(void)
{
	const struct ktest_injector *i = injector();

	return i && i->refused();
}

bool ktest_expect_memory(struct ktest_run *t, bool ok, const char *file, int line,
			 const char *text)
{
	return ok || (!ktest_refused() && ktest_expect(t, false, file, line, text));
}

bool ktest_expect_done(struct ktest_run *t, int rc, const char *file, int line,
		       const char *text)
{
	if (rc == -ENOMEM && ktest_refused())
		return false;
	return ktest_expect_eq(t, rc, 0, file, line, text);
}

bool ktest_expect_str(struct ktest_run *t, const char *a, const char *b,
		      const char *file, int line, const char *text)
{
	bool ok = a == b || (a && b && strcmp(a, b) == 0);

	if (!ok) {
		t->failures++;
		print("# %s:%d: %s: '%s' is not '%s'\n", file, line, text,
		      a ? a : "(null)", b ? b : "(null)");
	}
	return ok;
}

static uint64_t name_hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);	/* FNV-1a */

	while (*name)
		h = (h ^ (uint8_t)*name++) * UINT64_C(0x100000001b3);
	return h;
}

static bool is_selected(const char *glob, const char *name)
{
	return glob_match(glob, name) &&
	       (!str_has_prefix(name, KTEST_ON_DEMAND) || str_has_prefix(glob, KTEST_ON_DEMAND));
}

static unsigned count_selected(const char *glob)
{
	const struct ktest *const *test;
	unsigned n = 0;

	table_for_each(ktests, test)
		n += is_selected(glob, (*test)->name);
	return n;
}

struct totals {
	unsigned number, passed, failed, skipped;
};

static struct ktest_run run_once(const struct ktest *test)
{
	struct ktest_run t = {
		.name = test->name,
		.random = mix64(run_options.seed ^ name_hash(test->name)),
	};

	test->run(&t);
	return t;
}

/* Runs it with each of its allocations refused in turn; returns the last run. */
static struct ktest_run run_refused(const struct ktest *test, const struct ktest_injector *i)
{
	struct ktest_run t;
	uint64_t nth = 0;
	bool refused;

	do {
		i->begin(++nth);
		t = run_once(test);
		refused = i->refused();
		t.failures += !i->end();
	} while (refused && !t.failures && !t.skip);
	if (t.failures)
		print("# with allocation %llu refused\n", (unsigned long long)nth);
	else
		print("# %s: runs with an allocation refused: %llu\n", test->name,
		      (unsigned long long)nth - 1);
	return t;
}

static void run_one(const struct ktest *test, struct totals *totals)
{
	const struct ktest_injector *i = test->may_fail ? injector() : NULL;
	struct ktest_run t = run_once(test);

	if (i && !t.failures && !t.skip)
		t = run_refused(test, i);
	totals->number++;
	if (t.failures > 0) {
		totals->failed++;
		print("not ok %u %s\n", totals->number, test->name);
	} else if (t.skip) {
		totals->skipped++;
		print("ok %u %s # SKIP %s\n", totals->number, test->name, t.skip);
	} else {
		totals->passed++;
		print("ok %u %s\n", totals->number, test->name);
	}
}

unsigned ktest_run_all(const char *glob)
{
	const struct ktest *const *test;
	struct totals totals = { 0 };
	unsigned plan = count_selected(glob);

	print("KTAP version 1\n# seed=%#llx\n1..%u\n", (unsigned long long)run_options.seed, plan);
	table_for_each(ktests, test) {
		if (!is_selected(glob, (*test)->name))
			continue;
		run_one(*test, &totals);
		if (shell_interrupted()) {
			print("Bail out! stopped by the user\n");
			break;
		}
	}
	if (plan == 0) {
		print("# no test matches '%s'\n", glob);
		totals.failed++;
	}
	print("# Totals: pass:%u fail:%u skip:%u\n", totals.passed, totals.failed, totals.skipped);
	return totals.failed;
}

static int parse_test(const char *value)
{
	return run_parse_glob(value, run_options.test);
}

CMDLINE_PARAM(test, "test", parse_test);
