// SPDX-License-Identifier: MIT
#include "kernel/bench.h"

#include "kernel/cmdline.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/run.h"

unsigned bench_run_all(const char *glob)
{
	const struct bench *const *b;
	unsigned run = 0;

	table_for_each(benches, b) {
		if (!glob_match(glob, (*b)->name))
			continue;
		(*b)->run();
		run++;
	}
	if (run == 0)
		print("bench: no benchmark matches '%s'\n", glob);
	return run;
}

void bench_figure(const char *name, uint64_t value, const char *unit)
{
	print("bench %s %llu %s\n", name, (unsigned long long)value, unit);
}

static int parse_bench(const char *value)
{
	return run_parse_glob(value, run_options.bench);
}

CMDLINE_PARAM(bench, "bench", parse_bench);
