/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader told us, in memory of our own. Nothing after the entry
 * code knows which boot protocol it was.
 */
#pragma once

#include "kernel/lib/regions.h"

enum {
	BOOT_CMDLINE_MAX = 4096,	/* bytes kept, terminator included */
	BOOT_REGIONS_MAX = 512,		/* normalised ranges */
	BOOT_MODULES_MAX = 32,
	BOOT_RANGES_MAX = 8,		/* ranges that hold boot information */
	BOOT_NAME_MAX = 64,
};

struct boot_module {
	paddr_t start;
	paddr_t end;			/* one past the last byte; > start */
	char name[BOOT_NAME_MAX];	/* its command line, cut */
};

struct boot_range {
	paddr_t start;
	paddr_t end;
};

enum boot_framebuffer_kind {
	BOOT_FRAMEBUFFER_NONE,
	BOOT_FRAMEBUFFER_RGB,
	BOOT_FRAMEBUFFER_TEXT,		/* VGA: a byte of character, one of colours */
};

struct boot_colour_field {
	uint8_t position;		/* of its lowest bit */
	uint8_t size;			/* bits, from 1 on; with the position within bpp */
};

struct boot_framebuffer {
	enum boot_framebuffer_kind kind;
	paddr_t base;			/* 0: none */
	uint32_t pitch;			/* bytes per line, or row of text */
	uint32_t width, height;		/* pixels, or characters */
	uint8_t bpp;			/* 15, 16, 24 or 32 */
	struct boot_colour_field red, green, blue;
};

struct boot_info {
	const char *protocol;		/* "Multiboot2", "PVH" */
	char loader[BOOT_NAME_MAX];	/* "GRUB 2.06-13" or "unnamed" */
	char cmdline[BOOT_CMDLINE_MAX];
	uint32_t cmdline_lost;		/* bytes that did not fit, cut at a word */
	struct regions map;		/* firmware's memory map, normalised */
	uint32_t map_entries;		/* entries it had */
	struct boot_module modules[BOOT_MODULES_MAX];
	uint32_t module_count;
	uint32_t modules_empty;		/* had no length; ignored */
	uint32_t modules_lost;		/* did not fit; their memory is withheld */
	struct boot_range ranges[BOOT_RANGES_MAX]; /* where the original lies */
	uint32_t range_count;
	struct boot_framebuffer framebuffer;
	uint32_t framebuffer_tags;	/* how many spoke of one; the first counts */
	paddr_t rsdp;			/* 0: not told */
	uint8_t rsdp_copy[36];		/* tag 14/15: a copy of the table */
	uint32_t rsdp_copy_len;		/* 0: none */
};

/* Filled by arch/x86/boot/boot.c:boot_info_read(). */
extern struct boot_info boot_info;
