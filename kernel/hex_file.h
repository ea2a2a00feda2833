/* SPDX-License-Identifier: MIT */
/*
 * Bytes kept as text, for the host's tests: hexadecimal bytes, blanks between
 * them at will, a comment from # to the end of the line.
 */
#pragma once

#include "kernel/lib/types.h"

/*
 * Reads the file into a new block of just as many bytes, which the caller
 * free()s, and puts their number into *size. NULL, and said so, if it cannot
 * be read, is not such a text, or has no byte or more than `most`.
 */
uint8_t *hex_file_read(const char *path, size_t most, size_t *size);
