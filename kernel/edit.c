// SPDX-License-Identifier: MIT
/*
 * A key changes the string and the cursor, nothing else. Then refresh() finds
 * out what the terminal shows too much or too little, and sends that: so each
 * key is a few lines, and a wrong picture has one place to come from.
 */
#include "kernel/edit.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define CTRL(letter)	((letter) & 0x1f)

enum { ESCAPE = 0x1b, DELETE = 0x7f, PARAMETER_MAX = 1000 };

/* Where in an escape sequence the next byte is (ECMA-48, 5.4). */
enum { PLAIN, AFTER_ESCAPE, IN_SEQUENCE, AFTER_SINGLE_SHIFT };

static void send(struct edit *e, const char *text, size_t len)
{
	if (len > 0)
		e->write(e->context, text, len);
}

/* The cursor to a column of the window, from e->shown_at. */
static void move(struct edit *e, size_t column)
{
	char text[16];
	size_t n = column > e->shown_at ? column - e->shown_at : e->shown_at - column;

	if (column < e->shown_at && n <= 4)
		send(e, "\b\b\b\b", n);
	else if (n > 0)
		send(e, text, (size_t)format(text, sizeof(text), "\033[%zu%c", n,
					     column > e->shown_at ? 'C' : 'D'));
	e->shown_at = column;
}

/* Moves the window as little as has the cursor in it. */
static void place_window(struct edit *e)
{
	size_t room = e->columns - 1;	/* the cursor behind the last character needs one */

	if (e->at < e->first)
		e->first = e->at;
	if (e->at > e->first + room)
		e->first = e->at - room;
}

/* Makes the terminal show the line, by what differs. */
static void refresh(struct edit *e)
{
	const char *want;
	size_t len, same = 0;

	place_window(e);
	want = e->line + e->first;
	len = min(e->len - e->first, (size_t)e->columns - 1);
	while (same < len && same < e->shown_len && want[same] == e->shown[same])
		same++;
	if (same < len || same < e->shown_len) {
		move(e, same);
		send(e, want + same, len - same);
		e->shown_at = len;
		if (len < e->shown_len)
			send(e, "\033[K", 3);
		memcpy(e->shown, want, len);
		e->shown_len = len;
	}
	move(e, e->at - e->first);
}

/* Replaces the line, with the cursor behind it. */
static void set_line(struct edit *e, const char *text)
{
	e->len = str_copy(e->line, sizeof(e->line), text);
	e->at = e->len;
	e->first = 0;
}

void edit_redraw(struct edit *e)
{
	e->shown_len = 0;
	e->shown_at = 0;
	send(e, e->prompt, strlen(e->prompt));
	refresh(e);
}

void edit_begin(struct edit *e)
{
	set_line(e, "");
	e->lost = false;
	e->back = 0;
	edit_redraw(e);
}

const char *edit_line(const struct edit *e)
{
	return e->line;
}

static void insert(struct edit *e, char c)
{
	if (e->len == EDIT_LINE_MAX - 1) {
		e->lost = true;
		return;
	}
	memmove(e->line + e->at + 1, e->line + e->at, e->len - e->at + 1);
	e->line[e->at++] = c;
	e->len++;
}

void edit_insert(struct edit *e, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		insert(e, text[i]);
	refresh(e);
}

/* Takes [from, to) out; the cursor is left at `from`. */
static void cut(struct edit *e, size_t from, size_t to)
{
	memmove(e->line + from, e->line + to, e->len - to + 1);
	e->len -= to - from;
	e->at = from;
	if (e->len == 0)
		e->lost = false;
}

/* Where the word before the cursor begins. */
static size_t word_start(const struct edit *e)
{
	size_t at = e->at;

	while (at > 0 && e->line[at - 1] == ' ')
		at--;
	while (at > 0 && e->line[at - 1] != ' ')
		at--;
	return at;
}

void edit_remember(struct edit_history *h, const char *line)
{
	const char *last = edit_recall(h, 1);

	if (h->size == 0 || !*line || (last && strcmp(last, line) == 0))
		return;
	str_copy(h->lines[h->count % h->size], EDIT_LINE_MAX, line);
	h->count++;
}

const char *edit_recall(const struct edit_history *h, unsigned back)
{
	if (back == 0 || back > h->size || back > h->count)
		return NULL;
	return h->lines[(h->count - back) % h->size];
}

/* Shows the line `back` lines ago, or for 0 the draft. What was done to another is forgotten. */
static void look_back(struct edit *e, unsigned back)
{
	const char *line = back ? edit_recall(&e->history, back) : e->draft;

	if (!line)
		return;
	if (e->back == 0) {
		str_copy(e->draft, sizeof(e->draft), e->line);
		e->draft_lost = e->lost;
	}
	e->lost = back == 0 && e->draft_lost;
	e->back = back;
	set_line(e, line);
}

static void older(struct edit *e)
{
	look_back(e, e->back + 1);
}

static void newer(struct edit *e)
{
	if (e->back > 0)
		look_back(e, e->back - 1);
}

static void left(struct edit *e)
{
	e->at -= e->at > 0;
}

static void right(struct edit *e)
{
	e->at += e->at < e->len;
}

static void home(struct edit *e)
{
	e->at = 0;
}

static void end(struct edit *e)
{
	e->at = e->len;
}

static void delete(struct edit *e)
{
	if (e->at < e->len)
		cut(e, e->at, e->at + 1);
}

static void rub_out(struct edit *e)
{
	if (e->at > 0)
		cut(e, e->at - 1, e->at);
}

static void kill_to_end(struct edit *e)
{
	cut(e, e->at, e->len);
}

static void kill_to_start(struct edit *e)
{
	cut(e, 0, e->at);
}

static void kill_word(struct edit *e)
{
	cut(e, word_start(e), e->at);
}

static void clear_screen(struct edit *e)
{
	send(e, "\033[H\033[J", 6);
	edit_redraw(e);
}

typedef void action(struct edit *e);

static action *const controls[] = {
	[CTRL('A')] = home, [CTRL('B')] = left, [CTRL('D')] = delete, [CTRL('E')] = end,
	[CTRL('F')] = right, [CTRL('H')] = rub_out, [CTRL('K')] = kill_to_end,
	[CTRL('L')] = clear_screen, [CTRL('N')] = newer, [CTRL('P')] = older,
	[CTRL('U')] = kill_to_start, [CTRL('W')] = kill_word, [DELETE] = rub_out,
};

/* By the last byte of ESC [ or ESC O. */
static action *const letters[] = {
	['A'] = older, ['B'] = newer, ['C'] = right, ['D'] = left, ['H'] = home, ['F'] = end,
};

/* By the number of ESC [ number ~. */
static action *const numbers[] = {
	[1] = home, [3] = delete, [4] = end, [7] = home, [8] = end,
};

static void act(struct edit *e, action *const *table, size_t size, unsigned index)
{
	if (index < size && table[index]) {
		table[index](e);
		refresh(e);
	}
}

static void end_sequence(struct edit *e, uint8_t byte)
{
	e->state = PLAIN;
	if (byte == '~')
		act(e, numbers, ARRAY_SIZE(numbers), e->parameter);
	else
		act(e, letters, ARRAY_SIZE(letters), byte);
}

/* A byte of an escape sequence. False: a control character, which ends it and stands for itself. */
static bool take_escape(struct edit *e, uint8_t byte)
{
	if (byte < ' ' || byte >= DELETE) {
		e->state = PLAIN;
		return false;
	}
	if (e->state == AFTER_ESCAPE && (byte == '[' || byte == 'O')) {
		e->state = byte == '[' ? IN_SEQUENCE : AFTER_SINGLE_SHIFT;
		e->parameter = 0;
	} else if (e->state == AFTER_ESCAPE) {
		e->state = PLAIN;
	} else if (e->state == AFTER_SINGLE_SHIFT || byte >= '@') {
		end_sequence(e, byte);
	} else if (byte >= '0' && byte <= '9' && e->parameter < PARAMETER_MAX) {
		e->parameter = e->parameter * 10 + byte - '0';
	} else if (byte != ';') {
		e->parameter = PARAMETER_MAX;	/* stands for nothing known */
	}
	return true;
}

/* The window to the line's end, so that what follows stands below all of it. */
static void leave_line(struct edit *e)
{
	e->at = e->len;
	refresh(e);
	send(e, "\n", 1);
}

static enum edit_event enter(struct edit *e)
{
	leave_line(e);
	if (e->lost)
		return EDIT_TOO_LONG;
	edit_remember(&e->history, e->line);
	return EDIT_ENTER;
}

static enum edit_event interrupt(struct edit *e)
{
	e->at = e->len;
	refresh(e);
	send(e, "^C\n", 3);
	set_line(e, "");
	return EDIT_INTERRUPT;
}

static enum edit_event plain_byte(struct edit *e, uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		return enter(e);
	case CTRL('C'):
		return interrupt(e);
	case '\t':
		return EDIT_COMPLETE;
	case ESCAPE:
		e->state = AFTER_ESCAPE;
		return EDIT_MORE;
	}
	if (byte >= ' ' && byte < DELETE)
		edit_insert(e, (const char *)&byte, 1);
	else
		act(e, controls, ARRAY_SIZE(controls), byte);
	return EDIT_MORE;
}

enum edit_event edit_byte(struct edit *e, uint8_t byte)
{
	bool second = e->after_return && byte == '\n';	/* CR LF is one end */

	e->after_return = byte == '\r';
	if (second || (e->state != PLAIN && take_escape(e, byte)))
		return EDIT_MORE;
	return plain_byte(e, byte);
}
