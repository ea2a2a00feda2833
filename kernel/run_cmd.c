// SPDX-License-Identifier: MIT
/* The commands `test` and `bench`. */
#include "kernel/bench.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
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
	return 0;
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
	return 0;
}

SHELL_COMMAND(test, "[GLOB]", "run the tests that match", test_run);
SHELL_COMMAND(bench, "[GLOB]", "run the benchmarks that match", bench_run);
