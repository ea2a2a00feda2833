// SPDX-License-Identifier: MIT
/* The commands `test` and `bench`. */
#include "kernel/bench.h"
#include "kernel/complete.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"

static int test_run(int argc, char **argv)
{
	if (argc > 2)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_KTEST)) {
		print("test: not built (CONFIG_KTEST)\n");
		return -ENOTSUP;
	}
	if (ktest_run_all(argc == 2 ? argv[1] : "*") > 0)
		shell_note_failure();
	return shell_interrupted() ? -EINTR : 0;
}

static int bench_run(int argc, char **argv)
{
	if (argc > 2)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_BENCH)) {
		print("bench: not built (CONFIG_BENCH)\n");
		return -ENOTSUP;
	}
	bench_run_all(argc == 2 ? argv[1] : "*");
	return shell_interrupted() ? -EINTR : 0;
}

/* Whether a test before this one is of the same suite. */
static bool offered(const struct ktest *const *test, const char *suite)
{
	for (const struct ktest *const *t = __start_ktests; t != test; t++) {
		if (str_has_prefix((*t)->name, suite))
			return true;
	}
	return false;
}

/* "heap_" for all tests whose names begin so; their own names where that was typed. */
static void test_complete(struct completion *c, int argc, char **argv __unused)
{
	const struct ktest *const *test;
	char suite[64];

	table_for_each(ktests, test) {
		const char *name = (*test)->name, *end = strchr(name, '_');

		if (argc > 1)
			return;
		if (!end || c->len > (size_t)(end - name)) {
			completion_offer(c, name);
			continue;
		}
		format(suite, sizeof(suite), "%.*s_", (int)(end - name), name);
		if (!offered(test, suite))
			completion_offer(c, suite);
	}
}

static void bench_complete(struct completion *c, int argc, char **argv __unused)
{
	const struct bench *const *b;

	table_for_each(benches, b) {
		if (argc == 1)
			completion_offer(c, (*b)->name);
	}
}

SHELL_COMMAND(test, "[GLOB]", "run the tests that match", test_run, .complete = test_complete,
	      .text = "`test heap_*`: * stands for any characters, ? for one. Ctrl-C ends it\n"
	      "after the test that runs.\n");
SHELL_COMMAND(bench, "[GLOB,...]", "run the benchmarks that match", bench_run,
	      .complete = bench_complete,
	      .text = "Ctrl-C ends it after the benchmark that runs.\n");
