// SPDX-License-Identifier: MIT
/*
 * The host's side of the unit tests: output to stdout, a panic that aborts,
 * and a main() that runs the tests that match its argument. SEED=N and OPS=N
 * in the environment choose the random sequence and its length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/ktest.h"
#include "kernel/panic.h"
#include "kernel/run.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

LOG_DEFINE();

struct run_options run_options = { .operations = 1000000 };

static unsigned complaints;

unsigned log_complaints(void)
{
	return complaints;
}

void log_line(enum log_level level, const char *subsys, const char *fmt, ...)
{
	va_list args;

	complaints += level <= LOG_WARN;
	if (level > LOG_ERR && !getenv("VERBOSE"))
		return;
	printf("# log: %s: ", subsys);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fflush(stdout);
}

void panic(const char *fmt, ...)
{
	va_list args;

	printf("panic: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	abort();
}

int run_parse_glob(const char *value __unused, char *out __unused)
{
	return 0;	/* the host takes its glob from argv */
}

int main(int argc, char **argv)
{
	const char *seed = getenv("SEED");
	const char *operations = getenv("OPS");

	run_options.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	if (operations)
		run_options.operations = strtoull(operations, NULL, 0);
	return ktest_run_all(argc > 1 ? argv[1] : "*") > 0;
}
