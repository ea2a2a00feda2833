// SPDX-License-Identifier: MIT
#include "kernel/bench.h"

#include <asm/cpu.h>

#include "kernel/cmdline.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/run.h"
#include "kernel/shell.h"
#include "kernel/time.h"

enum {
	UNIT_MAX = 32,
	OPS_USUAL = 10000,
	TIMES_MAX = 1 << 30,
};

/* Whether one of the globs, separated by commas, matches. */
static bool one_matches(const char *globs, const char *name)
{
	char glob[RUN_GLOB_MAX];

	while (*globs) {
		size_t len = 0;

		while (globs[len] && globs[len] != ',')
			len++;
		if (len < sizeof(glob)) {
			memcpy(glob, globs, len);
			glob[len] = '\0';
			if (glob_match(glob, name))
				return true;
		}
		globs += len + (globs[len] == ',');
	}
	return false;
}

unsigned bench_run_all(const char *globs)
{
	const struct bench *const *b;
	unsigned run = 0;

	table_for_each(benches, b) {
		if (!one_matches(globs, (*b)->name))
			continue;
		(*b)->run();
		run++;
		if (shell_interrupted())
			break;
	}
	if (run == 0)
		print("bench: no benchmark matches '%s'\n", globs);
	return run;
}

void bench_figure(const char *name, uint64_t value, const char *unit)
{
	print("bench %s %llu %s\n", name, (unsigned long long)value, unit);
}

unsigned bench_times(unsigned usual)
{
	uint64_t ops = min(run_options.operations, (uint64_t)UINT32_MAX);
	uint64_t times = min(usual * ops / OPS_USUAL, (uint64_t)TIMES_MAX);

	return times ? (unsigned)times : 1;
}

static uint64_t ticks_outside_halts(void)
{
	return cycles() - loop_stats().halted;
}

void bench_span_begin(struct bench_span *s)
{
	s->ns = time_now();
	s->ticks = ticks_outside_halts();
}

void bench_span_end(struct bench_span *s)
{
	s->ticks = ticks_outside_halts() - s->ticks;
	s->ns = time_now() - s->ns;
}

void bench_per_request(const char *name, uint64_t total, uint64_t requests, const char *what)
{
	char unit[UNIT_MAX];

	format(unit, sizeof(unit), "%s_per_1000", what);
	bench_figure(name, (total * 1000 + requests / 2) / requests, unit);
}

void bench_per_second(const char *name, uint64_t count, uint64_t ns, const char *what)
{
	char unit[UNIT_MAX];

	if (!time_is_known() || ns < NS_PER_US)
		return;
	format(unit, sizeof(unit), "%s_per_second", what);
	bench_figure(name, count * 1000000 / (ns / NS_PER_US), unit);
}

static int parse_bench(const char *value)
{
	return run_parse_glob(value, run_options.bench);
}

CMDLINE_PARAM(bench, "bench", parse_bench);
