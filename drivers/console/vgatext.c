// SPDX-License-Identifier: MIT
#include "drivers/console/vgatext.h"

#include <asm/io.h>

#include "drivers/console/cp437.h"
#include "drivers/console/term.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

/* The hardware's own cursor, which the loader left somewhere. */
enum { CRTC_INDEX = 0x3d4, CRTC_DATA = 0x3d5, CURSOR_START = 0x0a, CURSOR_OFF = BIT(5) };

enum {
	COLOUR_MEMORY = 0xb8000,	/* else the CRTC's ports are others */
	ATTRIBUTE_SHIFT = 8,
	CELL_BYTES = 2,
	ATTRIBUTE_CURSOR = 0x70,	/* black on grey */
};

static struct {
	struct mmio *base;
	uint32_t pitch;			/* bytes a row */
	struct term term;
} vga;

/* VGA's blue is 1 and its red 4; ANSI's are the other way round. */
static unsigned attribute(uint32_t cell)
{
	unsigned c = term_colour(cell);

	if (cell & TERM_CURSOR)
		return ATTRIBUTE_CURSOR;
	return (c & 0xa) | (c & 1) << 2 | (c & 4) >> 2;
}

static void draw(void *context __unused, uint32_t column, uint32_t row, uint32_t cell)
{
	mmio_write16(vga.base, (size_t)row * vga.pitch + column * CELL_BYTES,
		     attribute(cell) << ATTRIBUTE_SHIFT | cp437_from(term_code(cell)));
}

static void vgatext_write(struct console *c __unused, const char *text, size_t len)
{
	term_write(&vga.term, text, len);
	term_flush(&vga.term, draw, NULL);
}

static struct console vgatext = {
	.name = "VGA text",
	.write = vgatext_write,
	.scrolls = true,
};

static void clear(void)
{
	for (uint32_t row = 0; row < vga.term.rows; row++) {
		for (uint32_t column = 0; column < vga.term.columns; column++)
			draw(NULL, column, row, TERM_BLANK);
	}
}

static void hide_cursor(paddr_t base)
{
	if (base != COLOUR_MEMORY)
		return;
	outb(CRTC_INDEX, CURSOR_START);
	outb(CRTC_DATA, CURSOR_OFF);
}

void vgatext_init(const struct boot_framebuffer *info)
{
	void *memory;

	if (info->kind != BOOT_FRAMEBUFFER_TEXT)
		return;
	vga.pitch = info->pitch;
	vga.base = ioremap(info->base, (size_t)info->pitch * info->height,
			   IOREMAP_WRITE_COMBINING);
	if (!vga.base)
		return;
	memory = kmalloc(term_memory(info->width, info->height));
	if (!memory) {
		iounmap(vga.base);
		log_err("no memory for a screen of %ux%u characters", info->width, info->height);
		return;
	}
	term_init(&vga.term, memory, info->width, info->height);
	clear();
	hide_cursor(info->base);
	console_register(&vgatext);
	log_info("VGA text at %#llx, %ux%u characters", (unsigned long long)info->base,
		 info->width, info->height);
}
