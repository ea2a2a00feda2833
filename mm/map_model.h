/* SPDX-License-Identifier: MIT */
/*
 * A second opinion for the tests of memory maps, on the host alone: what a
 * loader says as a list of entries, packed into Multiboot2 information for
 * the kernel's parser, and beside it a sweep over all ends, which shares no
 * code with kernel/lib/regions.c.
 */
#pragma once

#include "kernel/boot_info.h"

enum {
	MODEL_ENTRIES_MAX = 8192,
	MODEL_MODULES_MAX = 64,
	MODEL_SPANS_MAX = 2 * MODEL_ENTRIES_MAX + 2 * MODEL_MODULES_MAX,
};

struct model_entry {
	uint64_t base;
	uint64_t len;		/* bytes; of EFI: pages */
	uint32_t type;		/* as in e820; of EFI: its own */
};

struct model_module {
	uint32_t start, end;
};

/* What a loader tells, and how it packs that. */
struct model_source {
	struct model_entry e820[MODEL_ENTRIES_MAX];
	struct model_entry efi[MODEL_ENTRIES_MAX];
	struct model_module modules[MODEL_MODULES_MAX];
	size_t e820_count, efi_count, module_count;
	uint32_t entry_size;		/* 0: 24 */
	uint32_t descriptor_size;	/* 0: 40 */
	bool efi_first;			/* order of the tags */
	size_t cut;			/* bytes taken from the end of the information */
};

/* Where the information lies for the kernel. */
#define MODEL_INFO_ADDRESS	UINT64_C(0x1234560)

/*
 * Has the kernel read the source, from memory of exactly the information's
 * size. Returns what multiboot2_parse() does.
 */
int model_parse(const struct model_source *s, struct boot_info *out, const char **why);

/* A piece of memory of one kind, in pages. */
struct model_span {
	uint64_t first, end;
	enum region_kind kind;
};

struct model_map {
	struct model_span spans[MODEL_SPANS_MAX];
	size_t count;
};

/* What the firmware's map should be: sorted, disjoint, neighbours of one kind joined. */
void model_firmware(const struct model_source *s, struct model_map *out);

/* What mm/map.c should make of it. `info_len`: bytes of boot information. */
void model_kernel(const struct model_source *s, size_t info_len, struct boot_range image,
		  paddr_t reach, struct model_map *out);

/* Bytes of the map that are RAM and nothing else, before any rounding to pages. */
uint64_t model_usable_bytes(const struct model_source *s);

/* Bytes of one kind. */
uint64_t model_total(const struct model_map *m, enum region_kind kind);

/* True if both say the same of every page. */
bool model_agrees(const struct model_map *m, const struct regions *r);

/*
 * For a table that was too small: every usable page of `r` is one of the
 * model's, and what the model withholds is withheld by a kind as strict.
 */
bool model_allows(const struct model_map *m, const struct regions *r);

/* What GRUB says of a UEFI memory type, as an e820 type. */
uint32_t model_e820_type(uint32_t efi_type);
