// SPDX-License-Identifier: MIT
/*
 * The host's side of what is compiled for it: output to stdout, a panic that
 * aborts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asm/barrier.h>

#include "kernel/host_print.h"
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

static char kept[32768];
static size_t kept_len;
static bool keeping;

void host_print_begin(void)
{
	keeping = true;
	kept_len = 0;
	kept[0] = '\0';
}

const char *host_print_end(void)
{
	keeping = false;
	return kept;
}

bool host_printed(const char *part)
{
	return strstr(kept, part) != NULL;
}

static void keep(const char *fmt, va_list args)
{
	size_t room = sizeof(kept) - kept_len;
	size_t len = (size_t)vsnprintf(kept + kept_len, room, fmt, args);

	kept_len += len < room ? len : room - 1;
}

/* What a test reports is never hidden. */
static bool is_of_protocol(const char *fmt)
{
	return fmt[0] == '#' || strncmp(fmt, "ok", 2) == 0 || strncmp(fmt, "not ok", 6) == 0;
}

void print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (keeping && !is_of_protocol(fmt))
		keep(fmt, args);
	else
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
