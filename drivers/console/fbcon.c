// SPDX-License-Identifier: MIT
#include "drivers/console/fbcon.h"

#include <asm/io.h>

#include "drivers/console/psf.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

enum { TAB = 8, CELLS_MAX = 1 << 18 };

extern const char font_data[], font_data_end[];

static struct {
	struct mmio *pixels;
	struct psf_font font;
	uint32_t pitch;			/* bytes a line */
	uint32_t columns, rows;
	uint32_t column, row;		/* where the next character goes */
	uint32_t foreground;
	char *cells;			/* what is on the screen, row by row */
} fb;

static void draw(uint32_t column, uint32_t row, char c)
{
	const uint8_t *bits = psf_glyph(&fb.font, (uint8_t)c);
	uint32_t line_bytes = (fb.font.width + 7) / 8;
	size_t at = (size_t)row * fb.font.height * fb.pitch + column * fb.font.width * 4;

	for (uint32_t y = 0; y < fb.font.height; y++) {
		for (uint32_t x = 0; x < fb.font.width; x++) {
			bool set = bits[x / 8] & (0x80 >> x % 8);

			mmio_write32(fb.pixels, at + x * 4, set ? fb.foreground : 0);
		}
		bits += line_bytes;
		at += fb.pitch;
	}
}

static void set_cell(uint32_t column, uint32_t row, char c)
{
	char *cell = &fb.cells[row * fb.columns + column];

	if (*cell == c)
		return;
	*cell = c;
	draw(column, row, c);
}

static void scroll(void)
{
	for (uint32_t row = 0; row + 1 < fb.rows; row++) {
		for (uint32_t column = 0; column < fb.columns; column++)
			set_cell(column, row, fb.cells[(row + 1) * fb.columns + column]);
	}
	for (uint32_t column = 0; column < fb.columns; column++)
		set_cell(column, fb.rows - 1, ' ');
}

static void new_line(void)
{
	fb.column = 0;
	if (fb.row + 1 < fb.rows)
		fb.row++;
	else
		scroll();
}

static void put(char c)
{
	switch (c) {
	case '\n':
		new_line();
		return;
	case '\r':
		fb.column = 0;
		return;
	case '\b':
		if (fb.column > 0)
			fb.column--;
		return;
	case '\t':
		do
			put(' ');
		while (fb.column % TAB != 0);
		return;
	}
	if (fb.column == fb.columns)
		new_line();
	set_cell(fb.column++, fb.row, c);
}

static void fbcon_write(struct console *c __unused, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(text[i]);
}

static struct console fbcon = {
	.name = "framebuffer",
	.write = fbcon_write,
	.scrolls = true,
};

static void clear(const struct boot_framebuffer *info)
{
	for (uint32_t y = 0; y < info->height; y++) {
		for (uint32_t x = 0; x < info->width; x++)
			mmio_write32(fb.pixels, (size_t)y * info->pitch + x * 4, 0);
	}
	memset(fb.cells, ' ', fb.columns * fb.rows);
}

void fbcon_init(const struct boot_framebuffer *info)
{
	if (info->base == 0)
		return;
	if (psf_parse(font_data, font_data_end - font_data, &fb.font)) {
		log_err("the built-in font is not a PSF font");
		return;
	}
	fb.pitch = info->pitch;
	fb.columns = info->width / fb.font.width;
	fb.rows = info->height / fb.font.height;
	if (fb.columns == 0 || fb.rows == 0 || (uint64_t)fb.columns * fb.rows > CELLS_MAX) {
		log_warn("framebuffer %ux%u is too small or too large", info->width, info->height);
		return;
	}
	fb.foreground = 0xd0u << info->red_shift | 0xd0u << info->green_shift |
			0xd0u << info->blue_shift;
	fb.pixels = ioremap(info->base, (size_t)info->pitch * info->height,
			    IOREMAP_WRITE_COMBINING);
	if (!fb.pixels)
		return;
	fb.cells = kmalloc(fb.columns * fb.rows);
	if (!fb.cells) {
		iounmap(fb.pixels);
		log_err("no memory for a screen of %ux%u characters", fb.columns, fb.rows);
		return;
	}
	clear(info);
	console_register(&fbcon);
	log_info("framebuffer %ux%u at %#llx, %ux%u characters", info->width, info->height,
		 (unsigned long long)info->base, fb.columns, fb.rows);
}
