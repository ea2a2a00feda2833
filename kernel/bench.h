/* SPDX-License-Identifier: MIT */
/*
 * Measurements: `bench[=GLOB]` on the command line. Under QEMU's
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

/* Runs those that match; returns how many did. */
unsigned bench_run_all(const char *glob);

/* Prints one figure; `name` is "boot.total" or the like. */
void bench_figure(const char *name, uint64_t value, const char *unit);
