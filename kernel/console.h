/* SPDX-License-Identifier: MIT */
/*
 * Consoles: where log and shell output goes, and where input comes from. A
 * driver registers itself and is sent what the log ring holds, then every
 * byte once.
 */
#pragma once

#include "kernel/lib/types.h"

struct console {
	const char *name;		/* driver sets */
	/* Writes `len` bytes; '\n' is a line feed with carriage return. */
	void (*write)(struct console *c, const char *text, size_t len);
	/* Next input byte, or -EAGAIN. NULL: output only. */
	int (*read)(struct console *c);

	struct console *next;		/* kernel/log.c sets */
	uint64_t sent;			/* position in the log ring */
};

/* Adds a console for good; `c` lives for ever. */
void console_register(struct console *c);

/* The consoles, for a reader of input; NULL at the end. */
struct console *console_first(void);
