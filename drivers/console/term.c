// SPDX-License-Identifier: MIT
/*
 * The rows are a ring, so that scrolling blanks one row and moves none. What a
 * flush compares, it compares with what it showed last, in memory: a thousand
 * lines written at once are drawn as the last screenful, and of that only what
 * differs. What is drawn twice in between (a cell that changes and changes
 * back) is not drawn at all.
 */
#include "drivers/console/term.h"

#include "kernel/lib/string.h"

enum state {
	TEXT,
	ESCAPE,		/* after ESC */
	SEQUENCE,	/* after ESC [ */
	STRING,		/* after ESC ] and the like, up to the next control character */
};

enum { TAB = 8, ESC = 0x1b, DELETE = 0x7f, PARAMETER_MAX = 9999, BRIGHT = 8 };

static uint32_t *cell_at(const struct term *t, uint32_t column, uint32_t row)
{
	uint32_t at = t->top + row;

	if (at >= t->rows)
		at -= t->rows;
	return t->cells + (size_t)at * t->columns + column;
}

static void touch(struct term *t, uint32_t first, uint32_t end)
{
	t->dirty = min(t->dirty, first);
	t->dirty_end = max(t->dirty_end, end);
}

static void blank(struct term *t, uint32_t row, uint32_t column)
{
	uint32_t *cell = cell_at(t, 0, row);

	for (; column < t->columns; column++)
		cell[column] = TERM_BLANK;
	touch(t, row, row + 1);
}

static void new_line(struct term *t)
{
	t->column = 0;
	if (t->row + 1 < t->rows) {
		t->row++;
		return;
	}
	t->top = t->top + 1 < t->rows ? t->top + 1 : 0;
	blank(t, t->row, 0);
	touch(t, 0, t->rows);
}

static uint32_t pen(const struct term *t)
{
	return (uint32_t)(t->colour | (t->bright ? BRIGHT : 0)) << TERM_COLOUR_SHIFT;
}

static void put(struct term *t, uint32_t code)
{
	if (t->column == t->columns)
		new_line(t);
	/* A blank has no colour: one more that need not be drawn. */
	*cell_at(t, t->column++, t->row) = code == ' ' ? (uint32_t)TERM_BLANK : pen(t) | code;
	touch(t, t->row, t->row + 1);
}

/* To the next stop, as terminals do: nothing is written. */
static void tabulate(struct term *t)
{
	uint32_t last = t->columns - 1;

	if (t->column < last)
		t->column = min((t->column / TAB + 1) * TAB, last);
}

static void control(struct term *t, uint8_t c)
{
	switch (c) {
	case '\n':
		new_line(t);
		break;
	case '\r':
		t->column = 0;
		break;
	case '\b':
		t->column -= t->column > 0;
		break;
	case '\t':
		tabulate(t);
		break;
	}
}

static void erase_below(struct term *t)
{
	blank(t, t->row, t->column);
	for (uint32_t row = t->row + 1; row < t->rows; row++)
		blank(t, row, 0);
}

static void erase_all(struct term *t)
{
	for (uint32_t row = 0; row < t->rows; row++)
		blank(t, row, 0);
}

static void set_colour(struct term *t, unsigned n)
{
	if (n == 0 || n == 39)
		t->colour = TERM_PLAIN;
	if (n == 0)
		t->bright = false;
	else if (n == 1)
		t->bright = true;
	else if (n >= 30 && n <= 37)
		t->colour = n - 30;
	else if (n >= 90 && n <= 97)
		t->colour = n - 90 + BRIGHT;
}

/* How far the cursor moves: 1 where nothing or 0 is said. */
static uint32_t distance(const struct term *t)
{
	return max((uint32_t)t->parameters[0], 1u);
}

static void move(struct term *t, uint8_t direction)
{
	uint32_t last = t->columns - 1;

	if (direction == 'D')
		t->column -= min(distance(t), t->column);
	else if (t->column < last)
		t->column += min(distance(t), last - t->column);
}

static void erase(struct term *t, uint8_t what)
{
	if (what == 'K' && t->parameters[0] == 0)
		blank(t, t->row, t->column);
	else if (what == 'J' && t->parameters[0] == 0)
		erase_below(t);
	else if (what == 'J' && t->parameters[0] == 2)
		erase_all(t);
}

static void finish(struct term *t, uint8_t final)
{
	switch (final) {
	case 'C':
	case 'D':
		move(t, final);
		break;
	case 'H':
		if (t->parameter_count == 0)
			t->column = t->row = 0;
		break;
	case 'J':
	case 'K':
		erase(t, final);
		break;
	case 'm':
		/* Nothing said is one 0. */
		for (unsigned i = 0; i < max((unsigned)t->parameter_count, 1u); i++)
			set_colour(t, t->parameters[i]);
		break;
	}
}

static void begin_sequence(struct term *t)
{
	t->state = SEQUENCE;
	t->unknown = false;
	t->parameter_count = 0;
	memset(t->parameters, 0, sizeof(t->parameters));
}

/* A sequence with more parameters than there is room for is none of ours. */
static void take_parameter(struct term *t, uint8_t c)
{
	uint16_t *p;

	if (t->parameter_count == 0)
		t->parameter_count = 1;
	p = &t->parameters[t->parameter_count - 1];
	if (c != ';')
		*p = min(*p * 10 + (c - '0'), PARAMETER_MAX);
	else if (t->parameter_count < TERM_PARAMETERS_MAX)
		t->parameter_count++;
	else
		t->unknown = true;
}

static void take_sequence(struct term *t, uint8_t c)
{
	if ((c >= '0' && c <= '9') || c == ';') {
		take_parameter(t, c);
	} else if (c < '@') {
		t->unknown = true;	/* private parameters, intermediate bytes */
	} else {
		t->state = TEXT;
		if (!t->unknown)
			finish(t, c);
	}
}

static void take_escape(struct term *t, uint8_t c)
{
	if (c == '[')
		begin_sequence(t);
	else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_')
		t->state = STRING;
	else if (c >= '0')
		t->state = TEXT;	/* else an intermediate byte: one more follows */
}

/* True if the byte belongs to a control sequence. Control characters end each. */
static bool swallow(struct term *t, uint8_t c)
{
	bool cut = c < ' ' || c == DELETE || (c > DELETE && t->state != STRING);

	if (c == ESC) {
		t->state = ESCAPE;
		return true;
	}
	if (t->state == TEXT)
		return false;
	if (cut)
		t->state = TEXT;
	else if (t->state == ESCAPE)
		take_escape(t, c);
	else if (t->state == SEQUENCE)
		take_sequence(t, c);
	return !cut;
}

static void take_code(struct term *t, uint32_t code)
{
	if (code < ' ')
		control(t, code);
	else if (code != DELETE)
		put(t, code);
}

static void take(struct term *t, uint8_t byte)
{
	uint32_t codes[2];
	unsigned n;

	if (t->utf8.left == 0 && swallow(t, byte))
		return;
	n = utf8_take(&t->utf8, byte, codes);
	for (unsigned i = 0; i < n; i++) {
		/* A sequence may begin right where a character breaks off. */
		if (codes[i] == ESC)
			swallow(t, ESC);
		else
			take_code(t, codes[i]);
	}
}

void term_init(struct term *t, void *memory, uint32_t columns, uint32_t rows)
{
	size_t count = (size_t)columns * rows;

	*t = (struct term){
		.columns = columns,
		.rows = rows,
		.cells = memory,
		.shown = (uint32_t *)memory + count,
		.colour = TERM_PLAIN,
		.dirty_end = 1,
	};
	for (size_t i = 0; i < 2 * count; i++)
		t->cells[i] = TERM_BLANK;
}

void term_write(struct term *t, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		take(t, (uint8_t)text[i]);
}

static void show(struct term *t, uint32_t column, uint32_t row, uint32_t cell, term_draw *draw,
		 void *context)
{
	uint32_t *shown = &t->shown[(size_t)row * t->columns + column];

	if (*shown == cell)
		return;
	*shown = cell;
	draw(context, column, row, cell);
}

static void flush_row(struct term *t, uint32_t row, term_draw *draw, void *context)
{
	const uint32_t *cells = cell_at(t, 0, row);
	uint32_t cursor = row == t->row ? min(t->column, t->columns - 1) : UINT32_MAX;

	for (uint32_t column = 0; column < t->columns; column++)
		show(t, column, row, cells[column] | (column == cursor ? TERM_CURSOR : 0),
		     draw, context);
}

void term_flush(struct term *t, term_draw *draw, void *context)
{
	uint32_t first, end;

	touch(t, t->cursor_row, t->cursor_row + 1);
	touch(t, t->row, t->row + 1);
	first = t->dirty;
	end = t->dirty_end;
	t->cursor_row = t->row;
	t->dirty = t->rows;
	t->dirty_end = 0;
	for (uint32_t row = first; row < end; row++)
		flush_row(t, row, draw, context);
}
