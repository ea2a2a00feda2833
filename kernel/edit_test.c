// SPDX-License-Identifier: MIT
/*
 * The editor against a model that knows strings alone, on a terminal that
 * knows only what edit.h promises to send.
 */
#include <string.h>

#include "kernel/edit.h"
#include "kernel/ktest.h"

enum { SCREEN = 160, HISTORY = 4, COLUMNS = 12 };

static struct {
	char row[SCREEN];	/* of the cursor */
	size_t at;
	unsigned rows;		/* left behind */
	bool strange;		/* something else came, or the cursor left the row */
} terminal;

static void terminal_clear(size_t from)
{
	memset(terminal.row + from, ' ', SCREEN - from);
}

/* ESC [ number letter. Returns what is behind it. */
static const char *terminal_escape(const char *p, const char *end)
{
	size_t n = 0;

	if (p == end || *p++ != '[')
		terminal.strange = true;
	while (p < end && *p >= '0' && *p <= '9')
		n = n * 10 + (size_t)(*p++ - '0');
	switch (p < end ? *p : 0) {
	case 'K':
		terminal_clear(terminal.at);
		break;
	case 'C':
		terminal.at += n;
		break;
	case 'D':
		terminal.strange |= n > terminal.at;
		terminal.at -= n;
		break;
	case 'H':
		terminal.at = 0;
		break;
	case 'J':
		terminal_clear(0);
		break;
	default:
		terminal.strange = true;
	}
	return p + 1;
}

static void terminal_write(void *context __unused, const char *p, size_t len)
{
	const char *end = p + len;

	while (p < end) {
		char c = *p++;

		if (c == '\033') {
			p = terminal_escape(p, end);
		} else if (c == '\b') {
			terminal.strange |= terminal.at == 0;
			terminal.at--;
		} else if (c == '\n') {
			terminal.rows++;
			terminal.at = 0;
			terminal_clear(0);
		} else {
			terminal.strange |= c < ' ' || c > '~';
			terminal.row[terminal.at++] = c;
		}
		if (terminal.at >= SCREEN) {
			terminal.strange = true;
			terminal.at = 0;
		}
	}
}

static char lines[HISTORY][EDIT_LINE_MAX];
static struct edit e;

static void start(unsigned columns, unsigned size)
{
	memset(&terminal, 0, sizeof(terminal));
	terminal_clear(0);
	e = (struct edit){
		.write = terminal_write, .prompt = "> ", .columns = columns,
		.history = { lines, size, 0 },
	};
	edit_begin(&e);
}

/* Returns the event of the last byte. */
static enum edit_event type(const char *keys)
{
	enum edit_event event = EDIT_MORE;

	while (*keys)
		event = edit_byte(&e, (uint8_t)*keys++);
	return event;
}

/* What is behind the prompt, without the blanks at its end. */
static const char *visible(void)
{
	static char text[SCREEN + 1];
	size_t len = SCREEN - 2;

	memcpy(text, terminal.row + 2, len);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	return text;
}

KTEST(edit_inserts_and_deletes_where_the_cursor_is)
{
	start(40, HISTORY);
	type("hexdmp 16\033[D\033[D\033[D\033[D\033[Du");
	expect_str(t, visible(), "hexdump 16");
	type("\001" "x\033[3~\033[C\b");
	expect_str(t, visible(), "xxdump 16");
	expect_eq(t, type("\005\x7f\r"), EDIT_ENTER);
	expect_str(t, edit_line(&e), "xxdump 1");
	expect(t, !terminal.strange);
}

KTEST(edit_kills_to_either_end_and_by_words)
{
	start(40, HISTORY);
	type("one two  three\027");
	expect_str(t, e.line, "one two  ");
	type("\027");
	expect_str(t, e.line, "one ");
	type("four\033[H\033[C\013");
	expect_str(t, e.line, "o");
	type("pq\033[D\025");
	expect_str(t, e.line, "q");
	expect_str(t, visible(), "q");
}

KTEST(edit_knows_what_keys_beyond_the_alphabet_send)
{
	start(40, HISTORY);
	type("ac\033ODb\033[1~<\033[4~>\033[7~\033[8~\033[1;5D\033[24~\033x\033[?25h");
	expect_str(t, visible(), "<abc>");
	expect_eq(t, e.at, 4);
	type("\033[999999999999999999999999D");
	expect_eq(t, e.at, 3);
	expect_eq(t, type("\033[3\003"), EDIT_INTERRUPT);
	expect(t, !terminal.strange);
}

KTEST(edit_brings_back_lines_without_doubles)
{
	start(40, HISTORY);
	for (unsigned i = 0; i < 2; i++) {
		type("one\r");
		edit_begin(&e);
	}
	type("two\r");
	edit_begin(&e);
	type("dra\033[A\033[A");
	expect_str(t, visible(), "one");
	type("\033[A\033[A");
	expect_str(t, visible(), "one");
	type("\033[B\033[B\033[B" "ft");
	expect_str(t, visible(), "draft");
	expect_eq(t, e.history.count, 2);
}

KTEST(edit_forgets_the_oldest_line)
{
	char line[] = "0\r";

	start(40, HISTORY);
	for (unsigned i = 0; i < HISTORY + 2; i++) {
		line[0] = (char)('a' + i);
		type(line);
		edit_begin(&e);
	}
	for (unsigned i = 0; i < HISTORY + 2; i++)
		type("\020");
	expect_str(t, visible(), "c");
	expect(t, edit_recall(&e.history, HISTORY + 1) == NULL);
}

KTEST(edit_without_a_history_has_none)
{
	start(40, 0);
	type("one\r");
	edit_begin(&e);
	type("two\033[A\033[B");
	expect_str(t, visible(), "two");
}

KTEST(edit_ends_a_line_once_at_cr_lf)
{
	start(40, HISTORY);
	expect_eq(t, type("a\r"), EDIT_ENTER);
	edit_begin(&e);
	expect_eq(t, type("\n"), EDIT_MORE);
	expect_eq(t, type("\n"), EDIT_ENTER);
	expect_eq(t, terminal.rows, 2);
}

KTEST(edit_gives_up_a_line_at_control_c)
{
	start(40, HISTORY);
	expect_eq(t, type("half\033[D\003"), EDIT_INTERRUPT);
	expect_str(t, edit_line(&e), "");
	edit_begin(&e);
	expect_str(t, visible(), "");
	expect_eq(t, terminal.rows, 1);
}

KTEST(edit_says_when_characters_are_lost)
{
	start(40, HISTORY);
	for (unsigned i = 0; i < EDIT_LINE_MAX - 1; i++)
		type("x");
	expect_eq(t, e.lost, false);
	expect_eq(t, type("y\r"), EDIT_TOO_LONG);
	edit_begin(&e);
	expect_eq(t, type("z\r"), EDIT_ENTER);
	for (unsigned i = 0; i < EDIT_LINE_MAX; i++)
		type("x");
	type("\025" "short");
	expect_eq(t, type("\r"), EDIT_ENTER);
}

KTEST(edit_holds_what_was_lost_against_that_line_alone)
{
	start(40, HISTORY);
	type("short\r");
	edit_begin(&e);
	for (unsigned i = 0; i < EDIT_LINE_MAX; i++)
		type("x");
	expect_eq(t, type("\020\r"), EDIT_ENTER);
	expect_str(t, edit_line(&e), "short");
	edit_begin(&e);
	for (unsigned i = 0; i < EDIT_LINE_MAX; i++)
		type("x");
	expect_eq(t, type("\020\016\r"), EDIT_TOO_LONG);
}

KTEST(edit_shows_a_long_line_through_a_window)
{
	start(COLUMNS, HISTORY);
	type("0123456789abcdef");
	expect_str(t, visible(), "56789abcdef");
	type("\001");
	expect_str(t, visible(), "0123456789a");
	type("\014");
	expect_str(t, visible(), "0123456789a");
	expect_eq(t, terminal.at, 2);
}

KTEST(edit_inserts_what_a_completion_adds)
{
	start(40, HISTORY);
	expect_eq(t, type("me x\033[D\033[D\t"), EDIT_COMPLETE);
	edit_insert(&e, "mmap", 4);
	expect_str(t, visible(), "memmap x");
	edit_redraw(&e);
	expect(t, !terminal.strange);
}

/* The same keys, applied to a string: what the editor is held against. */
static struct {
	char line[2 * EDIT_LINE_MAX];
	size_t len, at;
} model;

static void model_insert(char c)
{
	memmove(model.line + model.at + 1, model.line + model.at, model.len - model.at);
	model.line[model.at++] = c;
	model.len++;
}

static void model_cut(size_t from, size_t to)
{
	memmove(model.line + from, model.line + to, model.len - to);
	model.len -= to - from;
	model.at = from;
}

static size_t model_word(void)
{
	size_t at = model.at;

	for (; at > 0 && model.line[at - 1] == ' '; at--)
		;
	for (; at > 0 && model.line[at - 1] != ' '; at--)
		;
	return at;
}

enum { KEYS = 12 };

/* Applies key number `key` to the model; returns what a terminal sends for it. */
static const char *model_key(unsigned key)
{
	switch (key) {
	case 0:
		model.at -= model.at > 0;
		return "\033[D";
	case 1:
		model.at += model.at < model.len;
		return "\033[C";
	case 2:
		model.at = 0;
		return "\033[H";
	case 3:
		model.at = model.len;
		return "\033OF";
	case 4:
		if (model.at < model.len)
			model_cut(model.at, model.at + 1);
		return "\033[3~";
	case 5:
		if (model.at > 0)
			model_cut(model.at - 1, model.at);
		return "\x7f";
	case 6:
		model_cut(model.at, model.len);
		return "\013";
	case 7:
		model_cut(0, model.at);
		return "\025";
	case 8:
		model_cut(model_word(), model.at);
		return "\027";
	case 9:
		return "\014";
	case 10:
		return "\033[5~";
	default:
		return "\033[B";
	}
}

/* A key on the line; letters are the most frequent, killing all of it is rare. */
static void random_key(struct ktest_run *t)
{
	char text[2] = { 0 };
	unsigned key = (unsigned)ktest_random_below(t, KEYS);

	if (ktest_random_below(t, 3) > 0 || ((key == 6 || key == 7) && ktest_random_below(t, 8))) {
		text[0] = "ab cd~!"[ktest_random_below(t, 7)];
		if (model.len < EDIT_LINE_MAX - 1)
			model_insert(text[0]);
		type(text);
	} else {
		type(model_key(key));
	}
}

/* What is seen is a piece of the model's line with the cursor in its place. */
static bool agrees(void)
{
	size_t room = e.columns - 1;
	size_t len = model.len - e.first < room ? model.len - e.first : room;
	char want[SCREEN];

	memset(want, ' ', sizeof(want));
	memcpy(want, "> ", 2);
	if (e.first > model.at || model.at > e.first + room)
		return false;
	memcpy(want + 2, model.line + e.first, len);
	return model.len == e.len && model.at == e.at &&
	       memcmp(model.line, e.line, model.len) == 0 &&
	       memcmp(want, terminal.row, sizeof(want)) == 0 &&
	       terminal.at == 2 + model.at - e.first && !terminal.strange;
}

KTEST(edit_shows_what_the_model_says_whatever_is_typed)
{
	uint64_t rounds = ktest_operations() / 400 + 1;

	for (uint64_t round = 0; round < rounds; round++) {
		start(2 + (unsigned)ktest_random_below(t, EDIT_COLUMNS_MAX - 1), HISTORY);
		memset(&model, 0, sizeof(model));
		for (unsigned i = 0; i < 400; i++) {
			random_key(t);
			if (!expect(t, agrees()))
				return;
		}
	}
}

KTEST(edit_survives_any_bytes)
{
	uint64_t count = ktest_operations();

	start(COLUMNS, HISTORY);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t random = ktest_random(t);
		uint8_t byte = random & 1 ? "\033[O~A1;\t\r\n\003\x7f"[(random >> 8) % 12]
					  : (uint8_t)(random >> 8);
		enum edit_event event = edit_byte(&e, byte);

		if (event == EDIT_COMPLETE)
			edit_insert(&e, "word ", 5);
		else if (event != EDIT_MORE)
			edit_begin(&e);
		if (!expect(t, !terminal.strange && e.at <= e.len && e.len < EDIT_LINE_MAX &&
			    strlen(e.line) == e.len))
			return;
	}
}
