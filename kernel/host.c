// SPDX-License-Identifier: MIT
/*
 * The host's side of what is compiled for it: output to stdout, a panic that
 * aborts.
 */
#include <stdio.h>
#include <stdlib.h>

#include <asm/barrier.h>

#include "kernel/panic.h"
#include "kernel/run.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

LOG_DEFINE();

struct run_options run_options = { .operations = 1000000 };

void (*host_barrier)(enum barrier kind);

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
