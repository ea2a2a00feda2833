/* SPDX-License-Identifier: MIT */
#include "drivers/console/host_console.h"

struct console *host_console;
bool host_in_panic;

/* They live for ever, so somebody has to know them. */
static struct console *all;

void console_register(struct console *c)
{
	host_console = c;
	for (struct console *known = all; known; known = known->next) {
		if (known == c)
			return;		/* a static one, once more */
	}
	c->next = all;
	all = c;
}

bool console_in_panic(void)
{
	return host_in_panic;
}
