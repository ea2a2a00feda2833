/* SPDX-License-Identifier: MIT */
/*
 * A normalised list of address ranges, each with a kind and a name: sorted by
 * address, disjoint, page-aligned, neighbours of one kind and name joined.
 *
 * Where ranges overlap, the kind with the higher number wins, whatever the
 * order in which they were added; so `usable` always yields. Where two of one
 * kind overlap, the first keeps its name. A usable range is rounded inwards
 * to pages, every other outwards. Ranges that are empty, as given or once
 * rounded, and usable ones that wrap are dropped and counted.
 *
 * What is not named is not RAM. So when the table is full, neighbours that
 * withhold memory are joined over the gap between them, with the stricter
 * kind and its name, or else the smallest usable ranges are given up; nothing
 * that withholds memory is ever lost. lost_bytes, lost_ranges and merged say
 * how much: to the byte if the ranges given do not overlap, else at most that
 * (what is given up twice counts twice). For that to be safe, add all usable
 * ranges before any other.
 *
 * The list lives in memory of the caller's and needs no allocator.
 */
#pragma once

#include "kernel/lib/types.h"

enum region_kind {
	REGION_USABLE = 1,	/* RAM that nobody else claims */
	REGION_RECLAIMABLE,	/* RAM with ACPI tables; usable once they are read */
	REGION_RESERVED,	/* the firmware's, or not RAM */
	REGION_NVS,		/* ACPI non-volatile storage */
	REGION_BAD,		/* defective RAM */
	REGION_PERSISTENT,	/* persistent memory; not for the heap */
	REGION_CLAIMED,		/* reserved by the kernel; the name says for what */
};

struct region {
	uint64_t start;		/* first byte, page-aligned */
	uint64_t end;		/* one past the last byte; > start */
	enum region_kind kind;
	const char *name;	/* static string; never NULL */
};

struct regions {
	struct region *list;	/* caller's memory */
	size_t capacity;	/* entries that fit; at least 4 */
	size_t count;
	uint64_t lost_bytes;	/* usable bytes given up for want of room */
	uint32_t lost_ranges;	/* how many ranges that were */
	uint32_t dropped;	/* ranges ignored: empty, or usable and wrapping */
	uint32_t merged;	/* joins over a gap, for want of room */
};

/* Makes `r` an empty list over `list[capacity]`; the memory need not be zero. */
void regions_init(struct regions *r, struct region *list, size_t capacity);

/*
 * Adds the range of `len` bytes from `start`. A range that would end past the
 * last representable page is cut there if it is not usable (withholding must
 * not be lost), dropped if it is. Cost: constant if ranges come in ascending
 * order, else linear in the number of ranges, for each piece that ranges of
 * higher kinds leave of it.
 */
void regions_add(struct regions *r, uint64_t start, uint64_t len,
		 enum region_kind kind, const char *name);

/* The region that holds `addr`, or NULL where nothing is named. */
const struct region *regions_find(const struct regions *r, uint64_t addr);

/*
 * True if every byte of [start, start+len) is usable (kind REGION_USABLE);
 * so true if len is 0, false if the range wraps.
 */
bool regions_usable(const struct regions *r, uint64_t start, uint64_t len);

/*
 * True if any byte of [start, start+len) is named, whatever its kind. A range
 * that wraps counts as far as the end of the address space.
 */
bool regions_overlap(const struct regions *r, uint64_t start, uint64_t len);

/* Bytes of one kind. */
uint64_t regions_total(const struct regions *r, enum region_kind kind);

/* "usable", "reserved", ... */
const char *region_kind_name(enum region_kind kind);
