/* SPDX-License-Identifier: MIT */
/*
 * Fuzz targets: functions that take any bytes and must neither read nor write
 * outside what is theirs, nor loop, nor break what they promise. They live in
 * X_fuzz.c beside X.c, on `fuzz-y` of the directory's Makefile:
 *
 *	FUZZ(acpi_madt)
 *	{
 *		madt_read(data, size, &info);
 *		fuzz_expect(info.ioapic_count <= ACPI_IOAPICS_MAX);
 *	}
 *
 * `make fuzz TIME=60 ONLY=acpi_*` lets libFuzzer look for bytes that break one,
 * from those in corpus/acpi_madt/ beside the source on (text: hexadecimal
 * bytes, # begins a comment). Bytes that broke one are written there too.
 * `make hosttest` runs every target with every one of these files. Each run
 * has `data` in a block of its own of just `size` bytes, so that the sanitizer
 * sees a read behind it.
 */
#pragma once

#include "kernel/lib/table.h"
#include "kernel/panic.h"

enum { FUZZ_SIZE_MAX = 128 << 10 };	/* bytes of an input */

struct fuzz_target {
	const char *name;
	const char *source;	/* its file, from the root of the tree on */
	void (*run)(const uint8_t *data, size_t size);
};

TABLE_DECLARE(fuzz_targets, const struct fuzz_target);

#define FUZZ(id) \
	static void fuzz_run_##id(const uint8_t *data, size_t size); \
	static const struct fuzz_target fuzz_##id = { #id, __FILE__, fuzz_run_##id }; \
	TABLE_ADD(fuzz_targets, fuzz_##id); \
	static void fuzz_run_##id(const uint8_t *data, size_t size)

/* What must hold for any input. */
#define fuzz_expect(condition) do { \
	if (!(condition)) \
		panic("%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
} while (0)
