// SPDX-License-Identifier: MIT
#include "drivers/acpi/fake_memory.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/panic.h"

enum { WINDOW = 0x1e0000 };	/* as arch/x86/layout.h has it */

static void *mapped;
static unsigned maps;
static uint64_t bytes;

static void sum_at(uint8_t *table, size_t len, size_t at)
{
	table[at] = 0;
	table[at] = (uint8_t)-acpi_sum(table, len);
}

void fake_table_sum(void *table, size_t len)
{
	enum { RSDP_SUM = 8, RSDP_SUM_2 = 32, TABLE_SUM = 9 };

	if (len >= ACPI_RSDP_LEN_1 && memcmp(table, "RSD PTR ", 8) == 0) {
		sum_at(table, ACPI_RSDP_LEN_1, RSDP_SUM);
		if (len >= ACPI_RSDP_LEN_2)
			sum_at(table, ACPI_RSDP_LEN_2, RSDP_SUM_2);
	} else if (len >= sizeof(struct acpi_header)) {
		sum_at(table, len, TABLE_SUM);
	}
}

static const void *map(const struct acpi_memory *m, paddr_t pa, size_t len)
{
	const struct fake_memory *f = container_of(m, struct fake_memory, memory);

	if (mapped)
		panic("two mappings at a time");
	for (unsigned i = 0; i < f->range_count; i++) {
		paddr_t start = f->ranges[i].start;

		if (pa < start || pa - start > f->ranges[i].size || len == 0 || len > WINDOW ||
		    len > f->ranges[i].size - (pa - start))
			continue;
		mapped = malloc(len);
		memcpy(mapped, f->ranges[i].bytes + (pa - start), len);
		if (f->repair)
			fake_table_sum(mapped, len);
		maps++;
		bytes += len;
		return mapped;
	}
	return NULL;
}

static void unmap(const struct acpi_memory *m __unused)
{
	free(mapped);
	mapped = NULL;
}

void fake_memory_init(struct fake_memory *f)
{
	f->memory = (struct acpi_memory){ map, unmap };
	f->range_count = 0;
	f->repair = false;
	maps = 0;
	bytes = 0;
}

void fake_memory_add(struct fake_memory *f, paddr_t start, const void *from, size_t size)
{
	if (f->range_count == FAKE_RANGES_MAX)
		panic("more ranges than a test has");
	f->ranges[f->range_count].start = start;
	f->ranges[f->range_count].bytes = from;
	f->ranges[f->range_count++].size = size;
}

unsigned fake_memory_maps(void)
{
	return maps;
}

uint64_t fake_memory_bytes(void)
{
	return bytes;
}

bool fake_memory_is_mapped(void)
{
	return mapped != NULL;
}
