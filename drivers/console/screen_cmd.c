// SPDX-License-Identifier: MIT
/*
 * Which screen there is, and a test card: what one should be able to show.
 * Whoever looks at it sees whether colours, characters and the cursor's
 * movements are what they are called; scripts/terminal.py looks for the tests.
 */
#include "kernel/boot_info.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"

static void which(void)
{
	const struct boot_framebuffer *fb = &boot_info.framebuffer;

	if (fb->kind == BOOT_FRAMEBUFFER_RGB)
		print("framebuffer %ux%u, %u bits a pixel\n", fb->width, fb->height, fb->bpp);
	else if (fb->kind == BOOT_FRAMEBUFFER_TEXT)
		print("text screen %ux%u\n", fb->width, fb->height);
	else
		print("the boot loader set up no screen\n");
}

static void colours(void)
{
	static const char *const names[] = {
		"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		print("\x1b[%um%-8s\x1b[m ", 30 + i, names[i]);
	print("\n");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		print("\x1b[%um%-8s\x1b[m ", 90 + i, names[i]);
	print("\n\x1b[1;32mbright \x1b[39mplain \x1b[0mboth ended\n");
}

static void characters(void)
{
	print("Latin: \u00c4\u00d6\u00dc\u00df \u00e9\u00e8 \u00f1 \u00b5 \u00b1\n");
	print("lines: \u250c\u2500\u2510 \u2502 \u2514\u2518 blocks: \u2591\u2592\u2593\u2588\n");
	print("none in most fonts: \u4e2d \u0905 \U0001f600 "
	      "| no UTF-8: \xc0\xaf \xed\xa0\x80 \xff |\n");
}

static void movements(void)
{
	print("this is erased\rkept\x1b[K\n");
	print("abcdef\x1b[3DX\x1b[1CY\b\bZ\ttab\n");
	print("swallowed: \x1b[5;7r\x1b[?25h\x1b(B\x1b]title\a.\n");
}

static int screen_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	which();
	colours();
	characters();
	movements();
	return 0;
}

SHELL_COMMAND(screen, "", "show a test card: colours, characters, movements of the cursor",
	      screen_run);
