// SPDX-License-Identifier: MIT
#include "drivers/console/fbcon.h"

#include "drivers/console/pixels.h"
#include "drivers/console/psf.h"
#include "drivers/console/term.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

/* Behind the character under the cursor: the grey that nothing else has there. */
enum { BLACK = 0, CURSOR = 8 };

extern const char font_data[], font_data_end[];

static struct {
	struct pixels pixels;
	struct psf_font font;
	struct term term;
} fb;

static void draw(void *context __unused, uint32_t column, uint32_t row, uint32_t cell)
{
	struct psf_font *font = &fb.font;

	pixels_draw(&fb.pixels, column * font->width, row * font->height,
		    psf_glyph(font, term_code(cell)), font->width, font->height,
		    term_colour(cell), cell & TERM_CURSOR ? CURSOR : BLACK);
}

static void fbcon_write(struct console *c __unused, const char *text, size_t len)
{
	term_write(&fb.term, text, len);
	term_flush(&fb.term, draw, NULL);
}

static struct console fbcon = {
	.name = "framebuffer",
	.write = fbcon_write,
	.scrolls = true,
};

static bool map(const struct boot_framebuffer *info)
{
	struct mmio *base = ioremap(info->base, (size_t)info->pitch * info->height,
				    IOREMAP_WRITE_COMBINING);

	if (base)
		pixels_init(&fb.pixels, base, info);
	return base != NULL;
}

void fbcon_init(const struct boot_framebuffer *info)
{
	uint32_t columns, rows;
	void *memory;

	if (info->kind != BOOT_FRAMEBUFFER_RGB)
		return;
	if (psf_parse(font_data, font_data_end - font_data, &fb.font)) {
		log_err("the built-in font is not a PSF font");
		return;
	}
	columns = info->width / fb.font.width;
	rows = info->height / fb.font.height;
	if (columns == 0 || rows == 0 || (uint64_t)columns * rows > TERM_CELLS_MAX) {
		log_warn("framebuffer %ux%u is too small or too large", info->width, info->height);
		return;
	}
	if (!map(info))
		return;
	memory = kmalloc(term_memory(columns, rows));
	if (!memory) {
		iounmap(fb.pixels.base);
		log_err("no memory for a screen of %ux%u characters", columns, rows);
		return;
	}
	term_init(&fb.term, memory, columns, rows);
	pixels_clear(&fb.pixels);
	console_register(&fbcon);
	log_info("framebuffer %ux%u, %u bits, at %#llx, %ux%u characters", info->width,
		 info->height, info->bpp, (unsigned long long)info->base, columns, rows);
}
