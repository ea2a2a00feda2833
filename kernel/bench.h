/* SPDX-License-Identifier: MIT */
/*
 * Measurements: `bench[=GLOB[,GLOB...]]` on the command line. Under QEMU's
 * `-icount shift=0` the time-stamp counter counts guest instructions, so the
 * figures repeat. Each figure is one line:
 *
 *	bench NAME VALUE UNIT
 */
#pragma once

#include "kernel/lib/table.h"
#include "kernel/lib/types.h"

struct bench {
	const char *name;
	void (*run)(void);
};

TABLE_DECLARE(benches, const struct bench);

#define BENCH(id) \
	static void bench_run_##id(void); \
	static const struct bench bench_##id = { #id, bench_run_##id }; \
	TABLE_ADD(benches, bench_##id); \
	static void bench_run_##id(void)

/* Runs those that match one of the globs, separated by commas; returns how many did. */
unsigned bench_run_all(const char *globs);

/* Prints one figure; `name` is "boot.total" or the like. */
void bench_figure(const char *name, uint64_t value, const char *unit);

/*
 * A stretch of work that also waits: what it took beside the waiting. Ticks in
 * which the loop halted do not count, those of the handlers do.
 */
struct bench_span {
	uint64_t ticks, ns;
};

void bench_span_begin(struct bench_span *s);
void bench_span_end(struct bench_span *s);

/* How many times something is to be done: `usual`, in proportion to ops= on the command line. */
unsigned bench_times(unsigned usual);

/* Prints `total` of `what` per request, in thousandths: unit "WHAT_per_1000". */
void bench_per_request(const char *name, uint64_t total, uint64_t requests, const char *what);

/* Prints how many in a second, where the clock's frequency is known; else nothing. */
void bench_per_second(const char *name, uint64_t count, uint64_t ns, const char *what);
