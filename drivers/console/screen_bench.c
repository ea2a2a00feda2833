// SPDX-License-Identifier: MIT
/*
 * bench=screen: what a character, a line that scrolls the screen and a line
 * among many cost, drawn into memory of the heap instead of a display.
 */
#include <asm/cpu.h>

#include "drivers/console/pixels.h"
#include "drivers/console/psf.h"
#include "drivers/console/term.h"
#include "kernel/bench.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

enum { WIDTH = 1024, HEIGHT = 768, LINES = 100 };

extern const char font_data[], font_data_end[];

static struct {
	struct pixels pixels;
	struct psf_font font;
	struct term term;
	unsigned drawn;
} b;

static void draw(void *context __unused, uint32_t column, uint32_t row, uint32_t cell)
{
	b.drawn++;
	pixels_draw(&b.pixels, column * b.font.width, row * b.font.height,
		    psf_glyph(&b.font, term_code(cell)), b.font.width, b.font.height,
		    term_colour(cell), 0);
}

static void flush(void)
{
	term_flush(&b.term, draw, NULL);
}

/* Lines like those of a log: most of a cell's neighbours below are others. */
static void write_line(unsigned n)
{
	static const char *const lines[] = {
		"pci: 0000:00:01.0 1af4:1044, BAR 4 at 0xfebf8000, 16 KiB, kept\n",
		"virtio: rng0 at 0xfeb02e00, legacy, GSI 47, seen\n",
		"  0x0000000000100000 - 0x000000000fffffff  255 MiB usable\n",
	};
	const char *line = lines[n % ARRAY_SIZE(lines)];

	term_write(&b.term, line, strlen(line));
}

static void measure(void)
{
	uint64_t began;

	for (unsigned i = 0; i < LINES; i++)
		write_line(i);
	flush();
	b.drawn = 0;
	began = cycles();
	for (unsigned i = 0; i < LINES; i++) {
		write_line(i + 1);
		flush();
	}
	bench_figure("screen.scrolled_line", (cycles() - began) / LINES, "ticks");
	bench_figure("screen.drawn_per_scroll", b.drawn / LINES, "characters");
	began = cycles();
	for (unsigned i = 0; i < LINES; i++)
		write_line(i);
	flush();
	bench_figure("screen.line_of_a_burst", (cycles() - began) / LINES, "ticks");
	began = cycles();
	for (unsigned i = 0; i < LINES; i++) {
		term_write(&b.term, "x", 1);
		flush();
	}
	bench_figure("screen.typed_character", (cycles() - began) / LINES, "ticks");
	began = cycles();
	for (unsigned i = 0; i < LINES; i++)
		draw(NULL, i, 0, TERM_BLANK | 'A');
	bench_figure("screen.drawn_character", (cycles() - began) / LINES, "ticks");
}

BENCH(screen)
{
	struct boot_framebuffer fb = {
		.pitch = WIDTH * 4, .width = WIDTH, .height = HEIGHT, .bpp = 32,
		.red = { 16, 8 }, .green = { 8, 8 }, .blue = { 0, 8 },
	};
	void *picture = kmalloc((size_t)fb.pitch * fb.height);
	uint32_t columns = 0, rows = 0;
	void *memory = NULL;

	if (psf_parse(font_data, font_data_end - font_data, &b.font) == 0) {
		columns = WIDTH / b.font.width;
		rows = HEIGHT / b.font.height;
		memory = kmalloc(term_memory(columns, rows));
	}
	if (picture && memory) {
		pixels_init(&b.pixels, picture, &fb);
		term_init(&b.term, memory, columns, rows);
		measure();
	} else {
		log_err("no memory for a picture to measure with");
	}
	kfree(memory);
	kfree(picture);
}
