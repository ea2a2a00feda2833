/* SPDX-License-Identifier: MIT */
/*
 * The editor of one line, with its history: bytes of a terminal in, text and
 * escapes for a terminal out. All it knows is in the struct, so it runs on the
 * host; kernel/shell.c gives it the consoles.
 *
 * A line longer than `columns` is shown through a window of so many, which
 * moves along: no terminal has to know what to do at its right edge. What is
 * sent is printable ASCII, \b, \n and of escapes ESC[K, ESC[nC, ESC[nD, ESC[H,
 * ESC[J.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	EDIT_LINE_MAX = 256,		/* bytes, with the terminator */
	EDIT_COLUMNS_MAX = 128,
};

enum edit_event {
	EDIT_MORE,		/* the line goes on */
	EDIT_ENTER,		/* it is done: edit_line() */
	EDIT_TOO_LONG,		/* the same, but characters did not fit and are lost */
	EDIT_INTERRUPT,		/* Ctrl-C; the line is empty now */
	EDIT_COMPLETE,		/* tab: edit_insert() or edit_redraw() may follow */
};

struct edit_history {
	char (*lines)[EDIT_LINE_MAX];	/* a ring of `size`; the caller sets both */
	unsigned size;			/* 0: none is kept */
	unsigned count;			/* lines ever added */
};

struct edit {
	/* The caller sets these; the rest is 0 at first. */
	void (*write)(void *context, const char *text, size_t len);
	void *context;
	const char *prompt;
	unsigned columns;		/* of the window, 2 to EDIT_COLUMNS_MAX */
	struct edit_history history;

	/* edit.c's: the line, */
	char line[EDIT_LINE_MAX];
	size_t len, at;			/* the cursor is before line[at] */
	bool lost;			/* a character did not fit */
	char draft[EDIT_LINE_MAX];	/* what was typed before older lines were looked at */
	bool draft_lost;		/* a character of it did not fit */
	unsigned back;			/* how many lines back in the history; 0: the line itself */
	/* what the terminal shows of it, */
	char shown[EDIT_COLUMNS_MAX];
	size_t shown_len, shown_at;	/* the cursor is in this column of the window */
	size_t first;			/* the window begins at line[first] */
	/* and what came before the next byte. */
	unsigned state, parameter;
	bool after_return;
};

/* Begins an empty line: shows the prompt. */
void edit_begin(struct edit *e);

/* Takes a byte that came from a terminal. */
enum edit_event edit_byte(struct edit *e, uint8_t byte);

/* The line, terminated; lasts until the next edit_begin(). */
const char *edit_line(const struct edit *e);

/* As if `text`, printable, had been typed. */
void edit_insert(struct edit *e, const char *text, size_t len);

/* Shows prompt and line anew; the cursor is at the start of an empty line. */
void edit_redraw(struct edit *e);

/* Keeps a line, unless it is empty or the same as the one before. */
void edit_remember(struct edit_history *h, const char *line);

/* The line `back` lines ago, 1 the last; NULL where there is none (any more). */
const char *edit_recall(const struct edit_history *h, unsigned back);
