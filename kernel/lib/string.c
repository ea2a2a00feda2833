// SPDX-License-Identifier: MIT
/*
 * The C library's memory and string functions, for the kernel. Memory is
 * moved by words of 8 bytes, aligned or not: `rep movsb` would be shorter,
 * but counts as one instruction a byte where instructions are counted.
 *
 * A compiler may recognise these very loops and replace them with a call to
 * the function that they are in; so each word passes through opaque().
 */
#include "kernel/lib/string.h"

typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) half_t;

enum { WORD = sizeof(word_t) };

/* The same value, of which the compiler knows nothing; no instruction. */
static inline uint64_t opaque(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline uint64_t load(const char *p)
{
	return opaque(*(const word_t *)p);
}

static inline void store(char *p, uint64_t v)
{
	*(word_t *)p = v;
}

static inline void copy_byte(char *dst, const char *src)
{
	*dst = (char)opaque((unsigned char)*src);
}

static inline void copy_half(char *dst, const char *src)
{
	*(half_t *)dst = (uint32_t)opaque(*(const half_t *)src);
}

static void copy_forward(char *dst, const char *src, size_t n)
{
	for (; n >= 4 * WORD; n -= 4 * WORD, dst += 4 * WORD, src += 4 * WORD) {
		store(dst, load(src));
		store(dst + WORD, load(src + WORD));
		store(dst + 2 * WORD, load(src + 2 * WORD));
		store(dst + 3 * WORD, load(src + 3 * WORD));
	}
	for (; n >= WORD; n -= WORD, dst += WORD, src += WORD)
		store(dst, load(src));
	if (n & 4) {
		copy_half(dst, src);
		dst += 4;
		src += 4;
	}
	for (n &= 3; n; n--)
		copy_byte(dst++, src++);
}

static void copy_backward(char *dst, const char *src, size_t n)
{
	for (; n >= WORD; n -= WORD)
		store(dst + n - WORD, load(src + n - WORD));
	for (; n; n--)
		copy_byte(dst + n - 1, src + n - 1);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	copy_forward(dst, src, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	/* Behind the source, or beyond its end: forward overwrites only what was read. */
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		copy_forward(dst, src, n);
	else
		copy_backward(dst, src, n);
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	uint64_t word = (unsigned char)byte * UINT64_C(0x0101010101010101);
	char *p = dst;

	for (; n >= 4 * WORD; n -= 4 * WORD, p += 4 * WORD) {
		word = opaque(word);
		store(p, word);
		store(p + WORD, word);
		store(p + 2 * WORD, word);
		store(p + 3 * WORD, word);
	}
	for (; n >= WORD; n -= WORD, p += WORD)
		store(p, opaque(word));
	for (; n; n--)
		*p++ = (char)opaque(word);
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n >= WORD && load((const char *)x) == load((const char *)y); n -= WORD) {
		x += WORD;
		y += WORD;
	}
	for (; n && *x == *y; n--) {
		x++;
		y++;
	}
	return n ? *x - *y : 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (opaque((unsigned char)s[n]))
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; a++, b++)
		n--;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)(uintptr_t)s;
}
