/* SPDX-License-Identifier: MIT */
/*
 * Consoles: where log and shell output goes, and where input comes from. A
 * driver registers itself and is sent what the log ring holds, then every
 * byte once.
 */
#pragma once

#include "kernel/lib/table.h"

struct console {
	const char *name;		/* driver sets */
	/* Writes `len` bytes; '\n' is a line feed with carriage return. */
	void (*write)(struct console *c, const char *text, size_t len);
	/* Next input byte, or -EAGAIN. NULL: output only. */
	int (*read)(struct console *c);
	/*
	 * Makes sure that input ends the loop's waiting: connects an interrupt,
	 * else has itself polled. Called once, when both work. NULL: output only.
	 */
	void (*connect)(struct console *c);

	struct console *next;		/* kernel/log.c sets */
	uint64_t sent;			/* position in the log ring */
	bool terminal;			/* it sent input: somebody looks at it */
};

/* Adds a console for good; `c` lives for ever. */
void console_register(struct console *c);

/* The consoles, for a reader of input; NULL at the end. */
struct console *console_first(void);

/*
 * Consoles that need no memory and no discovery register from here, first
 * thing at boot, or in a panic before that.
 */
struct console_early {
	void (*init)(void);
};

TABLE_DECLARE(console_early, const struct console_early);

#define CONSOLE_EARLY(id, init) \
	static const struct console_early console_early_##id = { init }; \
	TABLE_ADD(console_early, console_early_##id)

/* Calls each of them, once; later calls do nothing. */
void console_early_init(void);

/* Calls connect() of each console. Needs irq_init() and the clocks. */
void console_connect(void);

/* Sends the whole log ring to every console again. */
void console_replay(void);

/*
 * Sends text to every console, past the ring: what is for the eye and for now,
 * as the echo of keys. Or only to those that somebody types at; false if there
 * are none.
 */
void console_echo(const char *text, size_t len);
bool console_echo_terminals(const char *text, size_t len);
