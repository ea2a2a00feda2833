/* SPDX-License-Identifier: MIT */
/*
 * Is a run of bytes plausibly random? For tests: catches a source that is
 * stuck, counts, repeats or is badly biased; says nothing about secrecy.
 */
#pragma once

#include "kernel/lib/types.h"

enum { RNG_QUALITY_LEN = 4096 };

/*
 * Judges bytes[RNG_QUALITY_LEN]. Returns NULL, or a static text that says what
 * is wrong. Random bytes are found wanting less than once in 10^9 times.
 */
const char *rng_quality(const uint8_t *bytes);
