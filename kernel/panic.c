// SPDX-License-Identifier: MIT
#include "kernel/panic.h"

#include <asm/cpu.h>

#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/lib/format.h"
#include "kernel/version.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

static bool panicking;
static bool no_memory;
static void (*at_end)(bool no_memory);

void panic_set_end(void (*end)(bool no_memory))
{
	at_end = end;
}

void panic_begin(void)
{
	__asm__ volatile("cli");
	if (panicking)
		machine_exit(false);
	panicking = true;
	console_panic();
}

void panic_end(void)
{
	char id[BUILD_ID_TEXT];

	version_build_id(id);
	print("build id %s, commit %s\n", id, version_commit);
	if (at_end)
		at_end(no_memory);
	machine_exit(false);
}

void panic_no_memory(const char *what)
{
	no_memory = true;
	panic("no memory for %s", what);
}

void panic(const char *fmt, ...)
{
	char text[512];
	va_list args;

	panic_begin();
	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	print("panic: %s\n", text);
	panic_end();
}
