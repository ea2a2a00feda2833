/* SPDX-License-Identifier: MIT */
/*
 * A terminal's screen as cells in memory, for whatever can show them: text
 * goes in, and the cells that differ from what was last shown come out, so
 * that video memory is never read and rarely written. It understands UTF-8,
 * \b \t \n \r, and of the control sequences (ECMA-48)
 *
 *	ESC[K  ESC[J  ESC[2J	erase the line from the cursor on, the screen likewise, all of it
 *	ESC[H  ESC[nC  ESC[nD	cursor home, right, left
 *	ESC[...m		0 plain, 1 bright, 30-37 and 90-97 colours, 39 the usual one
 *
 * and swallows others. Each character takes one cell. Any bytes are safe, in
 * any pieces. Nothing is allocated.
 */
#pragma once

#include "drivers/console/utf8.h"

/* A cell: the character's code, its colour, and whether the cursor is on it. */
enum {
	TERM_CODE_MASK = 0x1fffff,
	TERM_COLOUR_SHIFT = 24,
	TERM_COLOUR_MASK = 0xf,
	TERM_CURSOR = 1 << 28,

	TERM_PLAIN = 7,		/* colours are ANSI's: 1 red, 2 green, 4 blue, 8 bright */
	TERM_BLANK = TERM_PLAIN << TERM_COLOUR_SHIFT | ' ',
	TERM_CELLS_MAX = 1 << 18,
	TERM_PARAMETERS_MAX = 8,
};

static inline uint32_t term_code(uint32_t cell)
{
	return cell & TERM_CODE_MASK;
}

static inline unsigned term_colour(uint32_t cell)
{
	return cell >> TERM_COLOUR_SHIFT & TERM_COLOUR_MASK;
}

struct term {
	uint32_t columns, rows;
	uint32_t *cells;		/* a ring of rows */
	uint32_t *shown;		/* what the screen shows, row by row */
	uint32_t top;			/* the ring's row that is the screen's first */
	uint32_t column, row;		/* of the cursor; column == columns: wraps next */
	uint32_t cursor_row;		/* of the cursor that is shown */
	uint32_t dirty, dirty_end;	/* rows that may differ from what is shown */
	uint8_t colour;			/* 0 to 15 */
	bool bright;
	struct utf8 utf8;
	uint8_t state;			/* of a control sequence */
	bool unknown;			/* it is none of ours */
	uint8_t parameter_count;
	uint16_t parameters[TERM_PARAMETERS_MAX];
};

/* Bytes of the memory that term_init() wants. */
static inline size_t term_memory(uint32_t columns, uint32_t rows)
{
	return (size_t)columns * rows * 2 * sizeof(uint32_t);
}

/*
 * Begins with a blank screen, which is taken to be shown, but for the cursor.
 * There is a row and a column at least, and TERM_CELLS_MAX cells at most;
 * `memory` has term_memory() bytes and lives on.
 */
void term_init(struct term *t, void *memory, uint32_t columns, uint32_t rows);

/* Takes output, without showing it. */
void term_write(struct term *t, const char *text, size_t len);

/* What shows a cell; its code may be anything up to TERM_CODE_MASK. */
typedef void term_draw(void *context, uint32_t column, uint32_t row, uint32_t cell);

/* Has each cell drawn that is not what is shown. */
void term_flush(struct term *t, term_draw *draw, void *context);
