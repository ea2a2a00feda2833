/* SPDX-License-Identifier: MIT */
/*
 * The first process of a Linux guest that does what bench=blk,net,rng does in
 * Cairn's (drivers/block/block_bench.c and so on), in the fastest way that we
 * know of on that system, and prints the same figures. Compiled by
 * scripts/linuxguest.py for that guest, statically.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A stretch of work: ticks in which the processor did not idle, and nanoseconds. */
struct span {
	uint64_t ticks, ns, interrupts;
};

void span_begin(struct span *s);
void span_end(struct span *s);

/* Prints total, interrupts and rate of `requests`. */
void span_print(const struct span *s, const char *name, uint64_t requests, const char *what);

/* "bench NAME VALUE UNIT". */
void figure(const char *name, const char *what, uint64_t value, const char *unit);

/* Says why something was not measured, errno included; returns -1. */
int give_up(const char *what);

/* Writes a word into a file of /proc or /sys; a file that is not there is no error. */
void put(const char *path, const char *word);

int blk_measure(void);
int net_measure(void);
int rng_measure(void);
