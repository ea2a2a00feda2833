/* SPDX-License-Identifier: MIT */
/* Code page 437: the characters that a VGA shows until somebody loads others. */
#pragma once

#include "kernel/lib/types.h"

enum { CP437_MISSING = 0xfe };	/* a filled square */

/* The byte for a character; CP437_MISSING if the page does not have it. */
uint8_t cp437_from(uint32_t code);
