/* SPDX-License-Identifier: MIT */
/*
 * From the entry code to struct boot_info: the parsers of the two boot
 * protocols. Both are pure (they read through what they are given) and are
 * tested on the host.
 */
#pragma once

#include "kernel/boot_info.h"

enum boot_protocol {
	BOOT_MULTIBOOT2 = 1,
	BOOT_PVH = 2,
};

/* What arch/x86/boot/entry.S leaves at the top of the stack. */
struct boot_handover {
	uint32_t protocol;	/* enum boot_protocol: which entry was taken */
	uint32_t magic;		/* eax at entry (Multiboot2) */
	uint64_t info;		/* ebx at entry: physical address */
	uint64_t base;		/* physical address of image_start */
	uint64_t tsc;		/* time-stamp counter at entry */
};

enum {
	MULTIBOOT2_MAGIC = 0x36d76289,
	MULTIBOOT2_SIZE_MAX = 1 << 20,	/* bytes of boot information accepted */
	PVH_MAGIC = 0x336ec578,
	PVH_MAP_MAX = 16384,		/* memory map entries accepted */
};

/* Makes `out` empty, ready for a parser. */
void boot_info_init(struct boot_info *out);

/*
 * Reads the Multiboot2 boot information (3.6) of `size` bytes at `info`,
 * which lies at physical address `pa`, into `out`.
 * Returns 0, or -EPROTO with a static text in *why.
 */
int __must_check multiboot2_parse(const void *info, size_t size, paddr_t pa,
				  struct boot_info *out, const char **why);

/* Reads physical memory; 0 or a negative errno. */
typedef int boot_read_fn(void *context, paddr_t pa, void *buf, size_t len);

/* Reads through the early window, for the kernel itself. -EFAULT: it cannot be mapped. */
int __must_check boot_read_physical(void *context, paddr_t pa, void *buf, size_t len);

/*
 * Reads struct hvm_start_info at `pa` and what it points to, into `out`.
 * Returns 0, or -EPROTO with a static text in *why.
 */
int __must_check pvh_parse(boot_read_fn *read, void *context, paddr_t pa,
			   struct boot_info *out, const char **why);

/*
 * Copies a command line of `len` bytes (no terminator needed) into `out`, cut
 * at a word if it is too long; `len` counts what the loader gave. `text` may be
 * out->cmdline itself. Control characters, here and in names, are replaced.
 */
void boot_info_set_cmdline(struct boot_info *out, const char *text, size_t len);

/* Copies the loader's name, cut to fit. */
void boot_info_set_loader(struct boot_info *out, const char *text, size_t len);

/* Adds one firmware map entry; `type` as in e820. For usable ones first, then the others. */
void boot_info_add_e820(struct boot_info *out, uint64_t base, uint64_t len,
			uint32_t type, bool usable_pass);

/* Notes a range that holds boot information, to be reserved. */
void boot_info_add_range(struct boot_info *out, paddr_t start, uint64_t len);

/* Adds a module; `name` need not be terminated. */
void boot_info_add_module(struct boot_info *out, paddr_t start, paddr_t end,
			  const char *name, size_t name_len);

/*
 * Fills boot_info from what the entry code left. Panics, naming what is
 * wrong, if it cannot be understood.
 */
void boot_info_read(void);

/* The entry code's record. */
const struct boot_handover *boot_handover(void);
