// SPDX-License-Identifier: MIT
/* Strings and numbers beyond what the C library has. */
#include "kernel/lib/string.h"
#include "kernel/lib/errno.h"

size_t str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strnlen(src, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
	return n;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	for (; *prefix; s++, prefix++)
		if (*s != *prefix)
			return false;
	return true;
}

/*
 * On a mismatch, the last star takes one character more. An earlier star
 * need never be reconsidered: whatever it could give, the last one can take.
 */
bool glob_match(const char *glob, const char *s)
{
	const char *after_star = NULL, *star_end = NULL;

	while (*s) {
		if (*glob == '*') {
			after_star = ++glob;
			star_end = s;
		} else if (*glob == '?' || *glob == *s) {
			glob++;
			s++;
		} else if (after_star) {
			glob = after_star;
			s = ++star_end;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

/* The value of a digit in any base up to 16; 16 if it is none. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;	/* lower case */
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

int parse_u64(const char *s, const char **end, uint64_t *value)
{
	unsigned base = 10, digit;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
	}
	if (digit_value(*s) >= base)
		return -EINVAL;
	for (; (digit = digit_value(*s)) < base; s++) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return -ERANGE;
	}
	*end = s;
	*value = v;
	return 0;
}

static unsigned suffix_shift(char c)
{
	switch (c | 0x20) {
	case 'k': return 10;
	case 'm': return 20;
	case 'g': return 30;
	case 't': return 40;
	default: return 0;
	}
}

int parse_size(const char *s, const char **end, uint64_t *value)
{
	const char *p;
	unsigned shift;
	uint64_t v;
	int err;

	err = parse_u64(s, &p, &v);
	if (err)
		return err;
	shift = suffix_shift(*p);
	if (v << shift >> shift != v)
		return -ERANGE;
	*end = shift ? p + 1 : p;
	*value = v << shift;
	return 0;
}
