// SPDX-License-Identifier: MIT
#include "kernel/exit.h"

#include <asm/cpu.h>
#include <asm/io.h>

#include "arch/x86/debug_exit.h"
#include "kernel/console.h"
#include "kernel/wait.h"

enum { EXIT_PASSED = 0x10, EXIT_FAILED = 0x11 };

void machine_exit(bool passed)
{
	console_flush();
	debug_exit(passed ? EXIT_PASSED : EXIT_FAILED);
	cpu_halt_for_ever();
}

/* The 8042: its status and command port, and what it does. */
enum {
	KEYBOARD_STATUS = 0x64,
	KEYBOARD_COMMAND = 0x64,
	STATUS_INPUT_FULL = BIT(1),	/* a command is not taken yet */
	STATUS_NOBODY = 0xff,		/* nothing is at the port */
	COMMAND_PULSE_RESET = 0xfe,
};

bool machine_restart_by_keyboard(void)
{
	struct wait w;

	if (inb(KEYBOARD_STATUS) == STATUS_NOBODY)
		return false;
	wait_begin(&w, WAIT_DEVICE);
	while (inb(KEYBOARD_STATUS) & STATUS_INPUT_FULL && wait_turn(&w))
		;
	wait_end(&w);
	outb(KEYBOARD_COMMAND, COMMAND_PULSE_RESET);
	return true;
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
