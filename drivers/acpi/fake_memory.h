/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for tests: ranges of bytes. What is mapped is a copy of just
 * the length asked for, gone after unmap(), so that the sanitizer sees a read
 * beyond it or too late; two mappings at a time are a panic.
 */
#pragma once

#include "drivers/acpi/table.h"

enum { FAKE_RANGES_MAX = 80 };

struct fake_memory {
	struct acpi_memory memory;	/* what is under test gets a pointer to this */
	struct {
		paddr_t start;
		const uint8_t *bytes;
		size_t size;
	} ranges[FAKE_RANGES_MAX];
	unsigned range_count;
	bool repair;			/* make the checksums of what is mapped good */
};

/* Empty. One at a time. */
void fake_memory_init(struct fake_memory *f);

/* Adds `size` bytes at `start`, which stay the caller's. */
void fake_memory_add(struct fake_memory *f, paddr_t start, const void *bytes, size_t size);

/* How many mappings there were since fake_memory_init(), and their bytes. */
unsigned fake_memory_maps(void);
uint64_t fake_memory_bytes(void);

/* Whether something is mapped. */
bool fake_memory_is_mapped(void);

/* Sets the checksum of a table of `len` bytes, or of an RSDP. */
void fake_table_sum(void *table, size_t len);
