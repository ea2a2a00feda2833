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
	bool writing;			/* inside write(), which is not called again from there */
	bool interrupted;		/* by a panic there: it is told last */
	bool scrolls;			/* driver sets: a screen, where lines go out of sight */
	/*
	 * Waits, for a bounded time and without interrupts, until what was
	 * written has left for the other end. NULL: write() does that.
	 */
	void (*flush)(struct console *c);
	/* Where it is and how it fares, in a few words; as format(). NULL: nothing to say. */
	int (*describe)(struct console *c, char *buf, size_t size);
	bool terminal;			/* it sent input: somebody looks at it */
};

/*
 * Adds a console for good; `c` lives for ever. It is sent what the log ring
 * holds; where that is not all there was, first how many bytes are gone.
 */
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

/*
 * For a panic: shows the last `count` lines from before console_mark_log() again,
 * marked, where they may not be seen, on screens. They do not go into the log ring.
 * A console whose write() the panic interrupted is sent nothing until
 * console_tell_interrupted(), which comes after all else: it may fail once more.
 * Then it is shown those lines too, and what the panic said.
 */
void console_mark_log(void);
void console_repeat_log(unsigned count);
void console_tell_interrupted(unsigned count);

/* Sends the whole log ring to every console again. */
void console_replay(void);

/* Calls flush() of each console: the machine is about to be left. Any context. */
void console_flush(void);

/*
 * From here on nothing but the panic runs: consoles write by what needs no
 * interrupt and no loop. Calls console_early_init(). Any context.
 */
void console_panic(void);
bool console_in_panic(void);

/*
 * Sends text to every console, past the ring: what is for the eye and for now,
 * as the echo of keys. Or only to those that somebody types at; false if there
 * are none.
 */
void console_echo(const char *text, size_t len);
bool console_echo_terminals(const char *text, size_t len);
