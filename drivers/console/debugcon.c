// SPDX-License-Identifier: MIT
/* The debug port of QEMU and Bochs: a byte written is a byte shown. */
#include <asm/io.h>

#include "kernel/console.h"

static void debugcon_write(struct console *c __unused, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		outb(CONFIG_DEBUGCON_PORT, (uint8_t)text[i]);
}

static struct console debugcon = {
	.name = "debug port",
	.write = debugcon_write,
};

static void debugcon_init(void)
{
	console_register(&debugcon);
}

CONSOLE_EARLY(debugcon, debugcon_init);
