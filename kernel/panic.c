// SPDX-License-Identifier: MIT
#include "kernel/panic.h"

#include <asm/cpu.h>

#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/lib/format.h"
#include "kernel/run.h"
#include "kernel/version.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

enum { PANIC_LOG_LINES = 6 };

static unsigned depth;		/* panics that have begun */
static bool no_memory;
static void (*at_end)(bool no_memory);

void panic_set_end(void (*end)(bool no_memory))
{
	at_end = end;
}

static void print_build(void)
{
	char id[BUILD_ID_TEXT];

	version_build_id(id);
	print("build id %s, commit %s\n", id, version_commit);
}

/*
 * The consoles may be what failed: whatever comes a third time gets no word. The
 * first panic may not have come to its end, where it says whose it is.
 */
static void panic_again(uintptr_t at)
{
	if (depth == 2) {
		print("\npanic: another one, within the panic, at 0x%016llx\n",
		      (unsigned long long)at);
		print_build();
		console_tell_interrupted(PANIC_LOG_LINES);
	}
	if (run_is_watched())
		cpu_halt_for_ever();
	machine_exit(false);
}

void panic_begin(uintptr_t at)
{
	__asm__ volatile("cli");
	if (++depth > 1)
		panic_again(at);
	console_mark_log();
	console_panic();
}

/* Whether somebody may be there to read; before the command line is read nobody knows. */
static void leave(void)
{
	if (!run_is_watched())
		machine_exit(false);
	print("halted, with interrupts off\n");
	cpu_halt_for_ever();
}

void panic_end(void)
{
	console_repeat_log(PANIC_LOG_LINES);
	print_build();
	if (at_end)
		at_end(no_memory);
	console_tell_interrupted(PANIC_LOG_LINES);
	leave();
	__builtin_unreachable();
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

	panic_begin((uintptr_t)__builtin_return_address(0));
	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	print("panic: %s\n", text);
	backtrace_print(__builtin_frame_address(0));
	panic_end();
}
