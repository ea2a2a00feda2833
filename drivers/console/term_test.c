// SPDX-License-Identifier: MIT
/*
 * The terminal against a plain model: rows that are moved when they scroll, and
 * a screen that is compared whole.
 */
#include "drivers/console/term.h"

#include <stdlib.h>

#include "kernel/ktest.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

enum { SIDE_MAX = 24, PIECE_MAX = 64 };

static struct {
	struct term term;
	void *memory;
	uint32_t columns, rows;
	uint32_t screen[SIDE_MAX][SIDE_MAX];	/* what was drawn */
	unsigned drawn, outside;
} s;

static void draw(void *context, uint32_t column, uint32_t row, uint32_t cell)
{
	s.drawn++;
	if (context != &s || column >= s.columns || row >= s.rows)
		s.outside++;
	else
		s.screen[row][column] = cell;
}

static void begin(uint32_t columns, uint32_t rows)
{
	s.columns = columns;
	s.rows = rows;
	s.memory = malloc(term_memory(columns, rows));
	s.drawn = s.outside = 0;
	for (unsigned i = 0; i < SIDE_MAX * SIDE_MAX; i++)
		s.screen[i / SIDE_MAX][i % SIDE_MAX] = TERM_BLANK;
	term_init(&s.term, s.memory, columns, rows);
}

static void end(void)
{
	free(s.memory);
}

static void flush(void)
{
	term_flush(&s.term, draw, &s);
}

static void write(const char *text)
{
	term_write(&s.term, text, strlen(text));
	flush();
}

/* A row as text, without its colours; what is beyond ASCII is `~`. */
static const char *row(uint32_t n)
{
	static char text[SIDE_MAX + 1];
	size_t len = 0;

	for (uint32_t i = 0; i < s.columns; i++) {
		uint32_t code = term_code(s.screen[n][i]);

		text[i] = code > '~' ? '~' : (char)code;
		if (code != ' ')
			len = i + 1;
	}
	text[len] = '\0';
	return text;
}

static bool cursor_at(uint32_t column, uint32_t line)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < s.rows * s.columns; i++)
		count += !!(s.screen[i / s.columns][i % s.columns] & TERM_CURSOR);
	return count == 1 && (s.screen[line][column] & TERM_CURSOR);
}

KTEST(term_wraps_when_the_next_character_comes)
{
	begin(4, 3);
	write("abcd");
	expect_str(t, row(0), "abcd");
	expect(t, cursor_at(3, 0));
	write("\n");
	expect(t, cursor_at(0, 1));
	write("efgh" "i");
	expect_str(t, row(1), "efgh");
	expect_str(t, row(2), "i");
	end();
}

KTEST(term_draws_only_what_changed)
{
	begin(8, 4);
	flush();
	expect_eq(t, s.drawn, 1);	/* the cursor */
	s.drawn = 0;
	write("a");
	expect_eq(t, s.drawn, 2);	/* the character, and the cursor behind it */
	write("\x1b[H");
	s.drawn = 0;
	write("a\x1b[D");
	expect_eq(t, s.drawn, 0);
	write("\na\na\na\na");
	s.drawn = 0;
	write("\na");			/* scrolls; every line is the same */
	expect_eq(t, s.drawn, 0);
	end();
}

KTEST(term_draws_a_burst_as_its_last_screen)
{
	char line[16];

	begin(8, 4);
	for (int i = 0; i < 1000; i++) {
		format(line, sizeof(line), "\nl%d", i);
		term_write(&s.term, line, strlen(line));
	}
	flush();
	expect_str(t, row(0), "l996");
	expect_str(t, row(3), "l999");
	expect(t, s.drawn <= 8 * 4);
	end();
}

KTEST(term_moves_and_erases)
{
	begin(10, 3);
	write("abcdef\x1b[3DX\x1b[1CY");
	expect_str(t, row(0), "abcXeY");
	write("\x1b[99D\x1b[K");
	expect_str(t, row(0), "");
	write("one\r\ntwo\r\nthree\x1b[H\x1b[2C\x1b[J");
	expect_str(t, row(0), "on");
	expect_str(t, row(1), "");
	write("\x1b[999Cz\b\b");
	expect(t, cursor_at(8, 0));
	expect_str(t, row(0), "on       z");
	write("\x1b[2J");
	expect_str(t, row(0), "");
	expect(t, cursor_at(8, 0));
	write("\ra\tb");
	expect_str(t, row(0), "a       b");
	write("\t\tc");
	expect_str(t, row(0), "a       bc");
	end();
}

KTEST(term_colours_what_is_written)
{
	begin(20, 2);
	write("a\x1b[31mb\x1b[1mc\x1b[39md\x1b[0me\x1b[96mf\x1b[mg\x1b[1;32mh\x1b[44;0mi");
	expect_eq(t, term_colour(s.screen[0][0]), TERM_PLAIN);
	expect_eq(t, term_colour(s.screen[0][1]), 1);
	expect_eq(t, term_colour(s.screen[0][2]), 9);
	expect_eq(t, term_colour(s.screen[0][3]), 15);
	expect_eq(t, term_colour(s.screen[0][4]), 7);
	expect_eq(t, term_colour(s.screen[0][5]), 14);
	expect_eq(t, term_colour(s.screen[0][6]), 7);
	expect_eq(t, term_colour(s.screen[0][7]), 10);
	expect_eq(t, term_colour(s.screen[0][8]), 7);
	end();
}

KTEST(term_swallows_what_it_does_not_know)
{
	begin(20, 2);
	write("\x1b[5;7ra\x1b[?25hb\x1b(Bc\x1b]0;title\ad");
	write("\x1b" "P1$r\x1b\\e\x1b[1;1Hf\x1b[3Kg\x1b[ qh");
	expect_str(t, row(0), "abcdefgh");
	write("\x1b[1;2;3;4;5;6;7;8;31m" "i\a\0\x7f");
	expect_str(t, row(0), "abcdefghi");
	expect_eq(t, term_colour(s.screen[0][8]), TERM_PLAIN);
	write("\r\x1b[K\x1b[99999999999999999999Cx");
	expect_eq(t, term_code(s.screen[0][19]), 'x');
	end();
}

KTEST(term_sequence_that_breaks_off_swallows_no_line)
{
	begin(10, 3);
	write("\x1b[12\nab\x1b]title\ncd");
	expect_str(t, row(1), "ab");
	expect_str(t, row(2), "cd");
	write("\xc3\x1b[2Dx\xe4\xb8\n");
	/* Each broken character is one replacement; the second is over the first. */
	expect_str(t, row(1), "cx~");
	end();
}

/* The plain model. */
static struct {
	uint32_t cells[SIDE_MAX][SIDE_MAX];
	uint32_t column, row;
	uint8_t colour;
	bool bright;
} m;

static void model_begin(void)
{
	memset(&m, 0, sizeof(m));
	m.colour = TERM_PLAIN;
	for (unsigned i = 0; i < SIDE_MAX * SIDE_MAX; i++)
		m.cells[i / SIDE_MAX][i % SIDE_MAX] = TERM_BLANK;
}

static void model_line(void)
{
	m.column = 0;
	if (++m.row < s.rows)
		return;
	m.row--;
	memmove(m.cells[0], m.cells[1], sizeof(m.cells[0]) * (s.rows - 1));
	for (uint32_t i = 0; i < SIDE_MAX; i++)
		m.cells[s.rows - 1][i] = TERM_BLANK;
}

static void model_put(uint32_t code)
{
	if (m.column == s.columns)
		model_line();
	m.cells[m.row][m.column++] = code == ' ' ? (uint32_t)TERM_BLANK :
		(uint32_t)(m.colour | (m.bright ? 8 : 0)) << TERM_COLOUR_SHIFT | code;
}

static void model_erase(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		m.cells[i / s.columns][i % s.columns] = TERM_BLANK;
}

static void model_erase_screen(uint32_t from)
{
	model_erase(from, s.columns * s.rows);
}

static size_t encode(uint32_t c, char *out)
{
	unsigned tail = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };

	out[0] = (char)(lead[tail] | c >> 6 * tail);
	for (unsigned i = 1; i <= tail; i++)
		out[i] = (char)(0x80 | (c >> 6 * (tail - i) & 0x3f));
	return tail + 1;
}

static size_t random_character(struct ktest_run *t, char *out)
{
	static const uint32_t some[] = {
		' ', '~', 0x80, 0xe4, 0x7ff, 0x800, 0x2588, 0xd7ff, 0xe000, 0xffff, 0x10000,
		0x10ffff,
	};
	uint32_t c = ktest_random_below(t, 2) ? 'a' + ktest_random_below(t, 26) :
		     some[ktest_random_below(t, ARRAY_SIZE(some))];

	model_put(c);
	return encode(c, out);
}

static size_t random_colour(struct ktest_run *t, char *out)
{
	unsigned c = ktest_random_below(t, 8);

	switch (ktest_random_below(t, 5)) {
	case 0:
		m.colour = c;
		return format(out, PIECE_MAX, "\x1b[%um", 30 + c);
	case 1:
		m.colour = c + 8;
		m.bright = true;
		return format(out, PIECE_MAX, "\x1b[0;1;%um", 90 + c);
	case 2:
		m.colour = TERM_PLAIN;
		return format(out, PIECE_MAX, "\x1b[39m");
	case 3:
		m.bright = true;
		return format(out, PIECE_MAX, "\x1b[01m");
	default:
		m.colour = TERM_PLAIN;
		m.bright = false;
		return format(out, PIECE_MAX, "\x1b[m");
	}
}

static size_t random_control(struct ktest_run *t, char *out)
{
	switch (ktest_random_below(t, 4)) {
	case 0:
		model_line();
		out[0] = '\n';
		break;
	case 1:
		m.column = 0;
		out[0] = '\r';
		break;
	case 2:
		m.column -= m.column > 0;
		out[0] = '\b';
		break;
	default:
		if (m.column < s.columns)
			m.column = min((m.column / 8 + 1) * 8, s.columns - 1);
		out[0] = '\t';
		break;
	}
	return 1;
}

static size_t random_movement(struct ktest_run *t, char *out)
{
	unsigned n = ktest_random_below(t, SIDE_MAX + 2);
	unsigned by = max(n, 1u);

	switch (ktest_random_below(t, 3)) {
	case 0:
		m.column = m.column > by ? m.column - by : 0;
		return format(out, PIECE_MAX, "\x1b[%uD", n);
	case 1:
		if (m.column < s.columns)
			m.column = min(m.column + by, s.columns - 1);
		return format(out, PIECE_MAX, "\x1b[%uC", n);
	default:
		m.row = m.column = 0;
		return format(out, PIECE_MAX, "\x1b[H");
	}
}

static size_t random_erasure(struct ktest_run *t, char *out)
{
	uint32_t at = m.row * s.columns + m.column;

	switch (ktest_random_below(t, 3)) {
	case 0:
		model_erase(at, (m.row + 1) * s.columns);
		return format(out, PIECE_MAX, "\x1b[K");
	case 1:
		model_erase_screen(at);
		return format(out, PIECE_MAX, "\x1b[0J");
	default:
		model_erase_screen(0);
		return format(out, PIECE_MAX, "\x1b[2J");
	}
}

static size_t random_noise(struct ktest_run *t, char *out)
{
	static const char *const swallowed[] = {
		"\x1b[7;3f", "\x1b[?1l", "\x1b[>c", "\x1b[1 q", "\x1b(0", "\x1b]2;x\a", "\x1b=",
		"\a", "\x7f", "\x1b[2K", "\x1b[1J", "\x1b[5;5H", "\x1b[1;2;3;4;5;6;7;8;9m",
		"\x1b[48m",
	};
	const char *text = swallowed[ktest_random_below(t, ARRAY_SIZE(swallowed))];

	memcpy(out, text, strlen(text));
	return strlen(text);
}

/* Something to write; the model has done it. */
static size_t random_piece(struct ktest_run *t, char *out)
{
	switch (ktest_random_below(t, 16)) {
	case 0:
	case 1:
		return random_control(t, out);
	case 2:
		return random_colour(t, out);
	case 3:
		return random_movement(t, out);
	case 4:
		return ktest_random_below(t, 4) == 0 ? random_erasure(t, out) :
						       random_noise(t, out);
	default:
		return random_character(t, out);
	}
}

static bool like_the_model(void)
{
	for (uint32_t i = 0; i < s.rows * s.columns; i++) {
		uint32_t column = i % s.columns, line = i / s.columns;
		bool here = line == m.row && column == min(m.column, s.columns - 1);

		if (s.screen[line][column] != (m.cells[line][column] | (here ? TERM_CURSOR : 0)))
			return false;
	}
	return s.outside == 0;
}

KTEST(term_shows_what_a_plain_model_shows)
{
	uint64_t left = ktest_operations() / 10;

	while (left > 0) {
		begin(1 + ktest_random_below(t, SIDE_MAX), 1 + ktest_random_below(t, SIDE_MAX));
		model_begin();
		for (unsigned i = 0; i < 500 && left > 0; i++, left--) {
			char piece[PIECE_MAX];
			size_t len = random_piece(t, piece);
			size_t cut = ktest_random_below(t, len + 1);

			term_write(&s.term, piece, cut);
			if (ktest_random_below(t, 8) == 0)
				flush();
			term_write(&s.term, piece + cut, len - cut);
			if (ktest_random_below(t, 8) != 0)
				continue;
			flush();
			require(t, like_the_model());
		}
		end();
	}
}

KTEST(term_stands_any_bytes)
{
	static const char likely[] = "\x1b\x1b[[];0123456789;?CDHJKm \n\r\t\b\xe4\xb8\xad\xf0\x9f";

	for (unsigned round = 0; round < 200; round++) {
		begin(1 + ktest_random_below(t, SIDE_MAX), 1 + ktest_random_below(t, SIDE_MAX));
		for (unsigned i = 0; i < 2000; i++) {
			char c = ktest_random_below(t, 3) ?
				likely[ktest_random_below(t, sizeof(likely) - 1)] :
				(char)ktest_random(t);

			term_write(&s.term, &c, 1);
			require(t, s.term.column <= s.columns && s.term.row < s.rows);
			if (ktest_random_below(t, 50) == 0)
				flush();
		}
		flush();
		expect_eq(t, s.outside, 0);
		for (uint32_t i = 0; i < s.rows * s.columns; i++)
			expect(t, term_code(s.screen[i / s.columns][i % s.columns]) <= 0x10ffff);
		/* A line's end and a plain character are always themselves again. */
		write("\n\x1b[m\x1b[HX");
		expect_eq(t, s.screen[0][0] & ~TERM_CURSOR, TERM_PLAIN << TERM_COLOUR_SHIFT | 'X');
		end();
	}
}
