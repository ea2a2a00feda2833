/* SPDX-License-Identifier: MIT */
/*
 * Entries of page tables, for arch/x86/paging*.c alone. Level 0 is the page
 * table, 3 the PML4; an entry of a level maps, or divides, level_size() bytes.
 */
#pragma once

#include "kernel/lib/types.h"

/* Intel SDM vol. 3A, tables 4-15 to 4-20. */
enum pte_bits {
	PTE_PRESENT = BIT(0),
	PTE_WRITE = BIT(1),
	PTE_PWT = BIT(3),
	PTE_PCD = BIT(4),
	PTE_LARGE = BIT(7),	/* above level 0 */
};

#define PTE_NX		BIT(63)
#define PTE_ADDRESS	GENMASK(51, 12)

enum { LEVEL_BITS = 9, LEVEL_TOP = 3, TABLE_ENTRIES = 1 << LEVEL_BITS };

static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + LEVEL_BITS * level;
}

static inline uint64_t level_size(unsigned level)
{
	return BIT(level_shift(level));
}

static inline unsigned level_index(uintptr_t va, unsigned level)
{
	return (va >> level_shift(level)) % TABLE_ENTRIES;
}

static inline bool pte_is_table(uint64_t entry, unsigned level)
{
	return level > 0 && (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

/* Where the table at this physical address can be read and written. */
uint64_t *paging_table_at(paddr_t pa);

/* The PML4. */
uint64_t *paging_top_table(void);

/* The bits of a present entry, without address and size, for enum paging_flags; and back. */
uint64_t paging_pte(unsigned flags);
unsigned paging_flags_of(uint64_t entry);
