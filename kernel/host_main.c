// SPDX-License-Identifier: MIT
/*
 * The program of `make hosttest`: runs the tests that match its argument.
 * SEED=N and OPS=N in the environment choose the random sequence and its
 * length.
 */
#include <stdlib.h>
#include <time.h>

#include "kernel/ktest.h"
#include "kernel/run.h"

int main(int argc, char **argv)
{
	const char *seed = getenv("SEED");
	const char *operations = getenv("OPS");

	run_options.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	if (operations)
		run_options.operations = strtoull(operations, NULL, 0);
	return ktest_run_all(argc > 1 ? argv[1] : "*") > 0;
}
