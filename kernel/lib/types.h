/* SPDX-License-Identifier: MIT */
/*
 * Fixed-width types and the handful of macros that every file uses.
 * Nothing here depends on the machine or on the configuration.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A physical address, as the processor puts it on the bus. */
typedef uint64_t paddr_t;

#define __must_check	__attribute__((warn_unused_result))
#define __printf(f, a)	__attribute__((format(printf, f, a)))
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define __used		__attribute__((used))
#define __unused	__attribute__((unused))
#define __noinline	__attribute__((noinline))
#define __inlined	inline __attribute__((always_inline))
#define __section(s)	__attribute__((section(s)))
#define __weak		__attribute__((weak))

/* For the few conditions on the shortest paths. */
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#ifdef __STDC_HOSTED__
#if __STDC_HOSTED__
#define CAIRN_HOSTED 1	/* built for the host's unit tests */
#endif
#endif

#ifndef static_assert
#define static_assert	_Static_assert
#endif

/*
 * Not loaded from the image and not cleared at entry: for what is written
 * before it is read. The contents survive a warm reset where no loader clears
 * them; assume nothing. (By names that begin with .bss compilers know that
 * there is nothing to be put into the file.)
 */
#ifdef CAIRN_HOSTED
#define __noload
#define __retained
#define __ro_after_init
#else
#define __noload	__section(".bss.noload")
/*
 * Not even part of a segment, so that a loader that brings the image again
 * after a warm reset does not clear it either. It may have put something else
 * there: look at boot_info before writing.
 */
#define __retained	__used __section(".bss.retained")
/* Writable until the last phase of initialisation, read-only afterwards. */
#define __ro_after_init	__section(".data.ro_after_init")
#endif

#define KIB		UINT64_C(1024)
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)

#define PAGE_SHIFT	12
#define PAGE_SIZE	UINT64_C(4096)

#define BIT(n)			(UINT64_C(1) << (n))
/* Bits high..low set, both inclusive. */
#define GENMASK(high, low)	((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))
#define FIELD_SHIFT(mask)	(__builtin_ctzll(mask))
#define FIELD_GET(mask, reg)	(((reg) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PREP(mask, val)	(((uint64_t)(val) << FIELD_SHIFT(mask)) & (mask))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min(a, b) \
	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b) \
	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })

/* `to` is a power of two. */
#define align_down(x, to)	((x) & ~((__typeof__(x))(to) - 1))
#define align_up(x, to)		align_down((x) + ((__typeof__(x))(to) - 1), to)
#define is_aligned(x, to)	(((x) & ((__typeof__(x))(to) - 1)) == 0)
#define is_pow2(x)		((x) != 0 && ((x) & ((x) - 1)) == 0)

/*
 * One access, of the object's width, that the compiler neither repeats nor
 * merges. Whatever a device can write is read through READ_ONCE() into a
 * local, then checked, then used.
 */
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

/*
 * IS_ENABLED(CONFIG_X): 1 where X is y, else 0; an expression, so that both
 * branches are compiled and the dead one is dropped.
 */
#define IS_ENABLED_ARG_1		0,
#define IS_ENABLED_SECOND(_a, b, ...)	b
#define IS_ENABLED_PICK(x)		IS_ENABLED_SECOND(x 1, 0)
#define IS_ENABLED_PASTE(v)		IS_ENABLED_PICK(IS_ENABLED_ARG_##v)
#define IS_ENABLED(option)		IS_ENABLED_PASTE(option)
