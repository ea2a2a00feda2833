/* SPDX-License-Identifier: MIT */
/*
 * Sources of random bytes, whatever drives them. What a source delivers is as
 * random as the device behind it says; mixing several is the user's affair.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/lib/types.h"

enum { RNG_MAX = 64 };

struct rng {
	const char *name;	/* driver sets: a static text */
	/* Fills buf[len] or fails; len > 0. Errors as rng_read(). */
	int (*read)(struct rng *rng, void *buf, size_t len);
};

/* Adds a source for good. Returns 0, -ENOSPC. */
int __must_check rng_register(struct rng *rng);

unsigned rng_count(void);

/* Name of a source's driver; NULL past the last. */
const char *rng_name(unsigned index);

/*
 * Fills buf[len] from source `index`, waiting for it within a bound. `buf` may
 * be any memory. On an error the contents of `buf` are undefined.
 * Returns 0, -ENODEV (no such source, or it was stopped earlier), -ENOMEM,
 * -ETIMEDOUT (no answer: it is stopped), -EPROTO (it lied: it is stopped).
 */
int __must_check rng_read(unsigned index, void *buf, size_t len);

/* Prints a line for each source with a few of its bytes, as a proof that it answers. */
void rng_report(void);
