// SPDX-License-Identifier: MIT
/*
 * The entry code (arch/x86/boot/entry.S) leaves the image mapped at its
 * linked address by 4 KiB pages with all rights. The same tables stay in use;
 * here they get their rights, and grow.
 *
 * A level's index is nine bits of the address; level 0 is the page table. An
 * entry of a higher level is a table or one large page. A run of pages of one
 * level never leaves its table: where the next table begins, a larger page
 * may fit again. So mapping walks once a table, not once a page.
 *
 * Tables lie in the image or in pages of the direct map, so the virtual
 * address of a table follows from its physical address. Only while the direct
 * map grows are there others: paging_map_hosted() puts tables into the very
 * memory that it maps, and reaches them through a few slots until it has.
 * Tables are never given back; one that is empty is used again.
 *
 * Cache types by the page attribute table: WB 0, WC 1 (PWT), UC- 2, UC 3
 * (PWT and PCD); see arch/x86/paging_image.c.
 */
#include "arch/x86/paging.h"

#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging_entry.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { INVLPG_MAX = 16 };	/* pages; for more everything is forgotten */

static paging_alloc_fn *table_alloc __ro_after_init;

/* While paging_map_hosted() maps: the pages that tables are made of, `used` of `count`. */
static struct {
	bool active;
	paddr_t start;
	unsigned count, used;
} hosted;

/* Entries and levels. */

uint64_t *paging_table_at(paddr_t pa)
{
	paddr_t in_image = pa - image_physical_start();

	if (in_image < (size_t)(image_end - image_start))
		return (uint64_t *)(image_start + in_image);
	if (pa - hosted.start < hosted.count * PAGE_SIZE)
		return (uint64_t *)(SLOT_BASE + (pa - hosted.start));
	return (uint64_t *)(DIRECT_BASE + pa);
}

uint64_t *paging_top_table(void)
{
	return (uint64_t *)(boot_tables + BOOT_TABLE_PML4 * PAGE_SIZE);
}

static bool flags_valid(unsigned flags)
{
	return !(flags & PAGING_WRITE) || !(flags & PAGING_EXECUTE);
}

uint64_t paging_pte(unsigned flags)
{
	uint64_t bits = PTE_PRESENT;

	if (flags & PAGING_WRITE)
		bits |= PTE_WRITE;
	if (!(flags & PAGING_EXECUTE) && cpu_has_nx())
		bits |= PTE_NX;
	if (flags & PAGING_UNCACHED)
		bits |= PTE_PCD | PTE_PWT;
	else if (flags & PAGING_WRITE_COMBINING)
		bits |= PTE_PWT;
	return bits;
}

unsigned paging_flags_of(uint64_t pte)
{
	unsigned flags = 0;

	if (pte & PTE_WRITE)
		flags |= PAGING_WRITE;
	if (!(pte & PTE_NX))
		flags |= PAGING_EXECUTE;
	if (pte & PTE_PCD)
		flags |= PAGING_UNCACHED;
	else if (pte & PTE_PWT)
		flags |= PAGING_WRITE_COMBINING;
	return flags;
}

/* Walking. */

/* The entry that ends the walk for `va`, present or not, and its level. */
static uint64_t *entry_last(uintptr_t va, unsigned *level)
{
	uint64_t *table = paging_top_table();

	for (unsigned l = LEVEL_TOP;; l--) {
		uint64_t *entry = &table[level_index(va, l)];

		if (!pte_is_table(*entry, l)) {
			*level = l;
			return entry;
		}
		table = paging_table_at(*entry & PTE_ADDRESS);
	}
}

/* Where a loop over the entries from `va` on leaves their table, or reaches `end`. */
static uintptr_t run_end(uintptr_t va, uintptr_t end, unsigned level)
{
	return min(end - 1, va | (level_size(level + 1) - 1)) + 1;
}

static int check_mapped(uintptr_t va, uintptr_t end)
{
	while (va < end) {
		unsigned level;
		const uint64_t *e = entry_last(va, &level);
		uintptr_t stop = run_end(va, end, level);
		uint64_t size = level_size(level);

		va = align_down(va, size);
		for (; va < stop && !pte_is_table(*e, level); e++, va += size) {
			if (!(*e & PTE_PRESENT))
				return -ENOENT;
		}
	}
	return 0;
}

/* What the processor remembers of [va, end). */
static void flush(uintptr_t va, uintptr_t end)
{
	if (end - va > INVLPG_MAX * PAGE_SIZE) {
		write_cr3(read_cr3());
		return;
	}
	for (; va < end; va += PAGE_SIZE)
		invlpg(va);
}

/* Making tables. */

paging_alloc_fn *paging_set_allocator(paging_alloc_fn *alloc)
{
	paging_alloc_fn *before = table_alloc;

	table_alloc = alloc;
	return before;
}

/* A page for a table, contents undefined. */
static int new_table(paddr_t *pa)
{
	if (!hosted.active)
		return table_alloc && !table_alloc(pa) ? 0 : -ENOMEM;
	if (hosted.used == hosted.count)
		return -ENOMEM;
	*pa = hosted.start + hosted.used++ * PAGE_SIZE;
	return 0;
}

/*
 * The entry for `va` at *level, making the tables above it; or, where there is
 * a table at *level already, at the first lower level where there is none.
 */
static int entry_make(uintptr_t va, unsigned *level, uint64_t **out)
{
	uint64_t *table = paging_top_table();

	for (unsigned l = LEVEL_TOP;; l--) {
		uint64_t *entry = &table[level_index(va, l)];
		paddr_t pa;

		if (pte_is_table(*entry, l)) {
			table = paging_table_at(*entry & PTE_ADDRESS);
			continue;
		}
		if (l <= *level) {
			*level = l;
			*out = entry;
			return 0;
		}
		if (*entry & PTE_PRESENT)
			return -EEXIST;
		if (new_table(&pa))
			return -ENOMEM;
		table = paging_table_at(pa);
		memset(table, 0, PAGE_SIZE);
		*entry = pa | PTE_PRESENT | PTE_WRITE;
	}
}

/* Puts a table in the place of each page that begins before `va` and ends behind it. */
static int split_at(uintptr_t va)
{
	for (;;) {
		unsigned level;
		uint64_t *entry = entry_last(va, &level);
		uint64_t page = *entry;
		uint64_t *table;
		paddr_t pa;

		if (!(page & PTE_PRESENT) || is_aligned(va, level_size(level)))
			return 0;
		if (new_table(&pa))
			return -ENOMEM;
		if (--level == 0)
			page &= ~(uint64_t)PTE_LARGE;
		table = paging_table_at(pa);
		for (unsigned i = 0; i < TABLE_ENTRIES; i++, page += level_size(level))
			table[i] = page;
		*entry = pa | PTE_PRESENT | PTE_WRITE;
	}
}

/* Mapping. */

/* The largest level whose pages fit at this place. */
static unsigned best_level(uintptr_t va, paddr_t pa, uint64_t len)
{
	unsigned level = cpu_has_1gib_pages() ? 2 : 1;

	while (level > 0 && (!is_aligned(va | pa, level_size(level)) || len < level_size(level)))
		level--;
	return level;
}

/* How many pages of this level, up to the end of their table. */
static uint64_t run_length(uintptr_t va, uint64_t len, unsigned level)
{
	return min((uint64_t)TABLE_ENTRIES - level_index(va, level), len >> level_shift(level));
}

/* As paging_map(), but what it mapped before an error stays: *mapped bytes. */
static int map(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags, uint64_t *mapped)
{
	uint64_t bits = paging_pte(flags);
	uint64_t done = 0;
	int error = 0;

	while (done < len && !error) {
		unsigned level = best_level(va + done, pa + done, len - done);
		uint64_t *first, *e, *stop, page, size;

		error = entry_make(va + done, &level, &first);
		if (error)
			break;
		size = level_size(level);
		page = (pa + done) | bits | (level > 0 ? PTE_LARGE : 0);
		stop = first + run_length(va + done, len - done, level);
		for (e = first; e < stop && !(*e & PTE_PRESENT); e++, page += size)
			*e = page;
		if (e < stop && !pte_is_table(*e, level))
			error = -EEXIST;
		done += (e - first) * size;
	}
	*mapped = done;
	return error;
}

/* Gives the pages in [va, end), none of which reaches beyond, the rights `set`; 0 unmaps. */
static void set_pages(uintptr_t va, uintptr_t end, uint64_t set)
{
	uint64_t keep = set ? PTE_ADDRESS | PTE_LARGE : 0;
	uintptr_t start = va;

	while (va < end) {
		unsigned level;
		uint64_t *e = entry_last(va, &level);
		uintptr_t stop = run_end(va, end, level);
		uint64_t size = level_size(level);

		va = align_down(va, size);
		for (; va < stop && !pte_is_table(*e, level); e++, va += size) {
			if (*e & PTE_PRESENT)
				*e = (*e & keep) | set;
		}
	}
	flush(start, end);
}

int paging_map(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags)
{
	uint64_t mapped;
	int error;

	if (!flags_valid(flags))
		return -EINVAL;
	error = map(va, pa, len, flags, &mapped);
	if (error)
		set_pages(va, va + mapped, 0);
	return error;
}

/* How many tables it takes to map this; more than `most` are not counted. */
static unsigned tables_missing(uintptr_t va, paddr_t pa, uint64_t len, unsigned most)
{
	unsigned missing = 0;
	uint64_t done = 0;

	while (done < len && missing <= most) {
		unsigned level, found;
		uintptr_t at = va + done;

		entry_last(at, &found);
		level = min(best_level(at, pa + done, len - done), found);
		/* A table of level `t` was counted if the address before lies in it too. */
		for (unsigned t = level; t < found; t++) {
			if (done == 0 || is_aligned(at, level_size(t + 1)))
				missing++;
		}
		done += run_length(at, len - done, level) << level_shift(level);
	}
	return missing;
}

int paging_map_hosted(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags, uint64_t *kept)
{
	unsigned tables = tables_missing(va, pa, len, SLOT_COUNT);
	uint64_t mapped;
	int error;

	if (!flags_valid(flags))
		return -EINVAL;
	if (tables > SLOT_COUNT)
		return -EOVERFLOW;
	if (tables * PAGE_SIZE >= len)
		return -ENOSPC;
	error = map(SLOT_BASE, pa, tables * PAGE_SIZE, PAGING_WRITE, &mapped);
	if (error)
		return error;
	hosted.active = true;
	hosted.start = pa;
	hosted.count = tables;
	hosted.used = 0;
	error = map(va, pa, len, flags, &mapped);
	*kept = hosted.used * PAGE_SIZE;
	hosted.active = false;
	hosted.count = 0;
	set_pages(SLOT_BASE, SLOT_BASE + tables * PAGE_SIZE, 0);
	return error;
}

/* Changing what is mapped. */

/* Lets no page reach over either end. */
static int split_around(uintptr_t va, uintptr_t end)
{
	int error = split_at(va);

	return error ? error : split_at(end);
}

int paging_protect(uintptr_t va, uint64_t len, unsigned flags)
{
	uintptr_t end = va + len;
	int error;

	if (!flags_valid(flags))
		return -EINVAL;
	error = check_mapped(va, end);
	if (!error)
		error = split_around(va, end);
	if (error)
		return error;
	set_pages(va, end, paging_pte(flags));
	return 0;
}

int paging_unmap(uintptr_t va, uint64_t len)
{
	int error = split_around(va, va + len);

	if (error)
		return error;
	set_pages(va, va + len, 0);
	return 0;
}

int paging_lookup(uintptr_t va, struct paging_entry *out)
{
	unsigned level;
	const uint64_t *entry = entry_last(va, &level);
	uint64_t offset;

	if (!(*entry & PTE_PRESENT))
		return -ENOENT;
	offset = va & (level_size(level) - 1);
	out->size = level_size(level);
	out->pa = (*entry & PTE_ADDRESS & ~(out->size - 1)) + offset;
	out->flags = paging_flags_of(*entry);
	return 0;
}
