/* SPDX-License-Identifier: MIT */
/*
 * What the command line asks this boot to do: test[=GLOB], bench[=GLOB],
 * seed=N, ops=N; with neither of the first two, the shell. panic=exit makes a
 * panic leave the machine there too, panic=halt never.
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

/* The command line was read: from here on it says whether this is a test run. */
void run_options_known(void);

/*
 * Whether somebody may be reading the consoles, so that a panic should halt
 * the machine; else it is left with failure at once. False of a test run, and before
 * run_options_known().
 */
bool run_is_watched(void);

/*
 * For the parameters test= and bench=, which exist where their subsystem is
 * built: puts the glob, * if there is none, into `out` (RUN_GLOB_MAX bytes).
 * Returns 0, or -EINVAL if it is too long; then this boot ends as failed.
 */
int run_parse_glob(const char *value, char *out);
