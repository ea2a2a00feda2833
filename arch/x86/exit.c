// SPDX-License-Identifier: MIT
#include "kernel/exit.h"

#include <asm/cpu.h>
#include <asm/io.h>

#include "arch/x86/debug_exit.h"

enum { EXIT_PASSED = 0x10, EXIT_FAILED = 0x11 };

void machine_exit(bool passed)
{
	debug_exit(passed ? EXIT_PASSED : EXIT_FAILED);
	cpu_halt_for_ever();
}
