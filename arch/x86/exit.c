// SPDX-License-Identifier: MIT
#include "kernel/exit.h"

#include <asm/cpu.h>
#include <asm/io.h>

#include "arch/x86/debug_exit.h"
#include "kernel/console.h"

enum { EXIT_PASSED = 0x10, EXIT_FAILED = 0x11 };

void machine_exit(bool passed)
{
	console_flush();
	debug_exit(passed ? EXIT_PASSED : EXIT_FAILED);
	cpu_halt_for_ever();
}

/* A triple fault: every machine resets, also those without a port for it. */
void machine_restart(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __packed no_table = { 0, 0 };

	console_flush();
	__asm__ volatile("cli; lidt %0; int3" : : "m"(no_table));
	cpu_halt_for_ever();
}
