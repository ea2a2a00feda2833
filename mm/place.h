/* SPDX-License-Identifier: MIT */
/*
 * Places that the commands hexdump, peek and poke look at: virtual addresses,
 * physical ones, which are found in the direct map or mapped while they are
 * used, and ports. What is not there is told in words, never by a panic.
 */
#pragma once

#include "kernel/lib/types.h"

struct mmio;

enum place_kind { PLACE_VIRTUAL, PLACE_PHYSICAL, PLACE_PORT };

struct place {
	enum place_kind kind;
	uint64_t address;
	uint64_t len;
	uintptr_t va;		/* where the bytes are; no port */
	struct mmio *mapping;	/* NULL: none was made */
};

/*
 * Reads `[phys|port] ADDRESS` or `phys:ADDRESS` from `count` words. Returns
 * the number of words that it took, or -EINVAL after saying why.
 */
int place_parse(struct place *p, int count, char **words);

/*
 * Makes `len` bytes from the address on accessible. Returns 0, or a negative
 * errno after saying what is wrong. Then place_close().
 */
int __must_check place_open(struct place *p, uint64_t len);
void place_close(struct place *p);

/*
 * One access of `width` bytes, `at` bytes into the place. Returns 0, or
 * -EFAULT or -EINVAL (no such width) after saying what is wrong.
 */
int __must_check place_read(const struct place *p, uint64_t at, unsigned width, uint64_t *out);
int __must_check place_write(const struct place *p, uint64_t at, unsigned width,
			     uint64_t value);
