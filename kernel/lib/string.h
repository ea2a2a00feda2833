/* SPDX-License-Identifier: MIT */
/*
 * Strings and memory blocks: the C library's functions under their usual
 * names and contracts (the compiler calls some of them), and a few that
 * bound what they write. On the host the C library's own are used.
 */
#pragma once

#include "kernel/lib/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/*
 * Copies `src`, cut to fit `size` bytes with its terminator; `size` >= 1.
 * Returns the length of what was stored.
 */
size_t str_copy(char *dst, size_t size, const char *src);

/* True if `s` begins with `prefix`. */
bool str_has_prefix(const char *s, const char *prefix);

/* True if `s` matches `glob`, where * stands for any characters, ? for one. */
bool glob_match(const char *glob, const char *s);

/*
 * Reads an unsigned number: decimal, or hexadecimal after 0x. *end is set to
 * the first character that does not belong to it. On error nothing is stored.
 * Returns 0, -EINVAL (no digit), -ERANGE (above UINT64_MAX).
 */
int __must_check parse_u64(const char *s, const char **end, uint64_t *value);

/* As parse_u64(), followed by an optional K, M, G or T of either case (powers of 1024). */
int __must_check parse_size(const char *s, const char **end, uint64_t *value);
