/* SPDX-License-Identifier: MIT */
/*
 * What the command line asks this boot to do: test[=GLOB], bench[=GLOB],
 * seed=N, ops=N; with neither of the first two, the shell.
 */
#pragma once

#include "kernel/lib/types.h"

enum { RUN_GLOB_MAX = 128 };

struct run_options {
	char test[RUN_GLOB_MAX];	/* "" : no tests */
	char bench[RUN_GLOB_MAX];	/* "" : no benchmarks */
	bool refused;			/* test= or bench= could not be understood */
	uint64_t seed;			/* of the tests' random numbers */
	uint64_t operations;		/* of each random test */
};

extern struct run_options run_options;

/*
 * For the parameters test= and bench=, which exist where their subsystem is
 * built: puts the glob, * if there is none, into `out` (RUN_GLOB_MAX bytes).
 * Returns 0, or -EINVAL if it is too long; then this boot ends as failed.
 */
int run_parse_glob(const char *value, char *out);
