// SPDX-License-Identifier: MIT
/*
 * The entry code (arch/x86/boot/entry.S) leaves the image mapped at its
 * linked address by 4 KiB pages with all rights. The same tables stay in use;
 * here they get their rights, and grow.
 *
 * Tables lie in the image or in pages of the direct map, so the virtual
 * address of a table follows from its physical address. A level's index is
 * nine bits of the address; level 0 is the page table.
 *
 * Cache types by the page attribute table: WB 0, WC 1 (PWT), UC- 2, UC 3
 * (PWT and PCD); see paging_init_cache_types().
 */
#include "arch/x86/paging.h"

#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/boot/boot.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"

enum pte_bits {
	PTE_PRESENT = BIT(0),
	PTE_WRITE = BIT(1),
	PTE_PWT = BIT(3),
	PTE_PCD = BIT(4),
	PTE_LARGE = BIT(7),
};

#define PTE_NX		BIT(63)
#define PTE_ADDRESS	GENMASK(51, 12)

enum { LEVEL_SHIFT = 9, TOP_LEVEL = 3, ENTRIES = 512 };

static int (*table_alloc)(paddr_t *out) __ro_after_init;
static unsigned spare_used;
static size_t window_pages;

paddr_t image_physical_start(void)
{
	return boot_handover()->base;
}

paddr_t image_physical_end(void)
{
	return image_physical_start() + (image_end - image_start);
}

paddr_t image_to_physical(const void *ptr)
{
	return image_physical_start() + ((const char *)ptr - image_start);
}

static uint64_t *boot_table(unsigned n)
{
	return (uint64_t *)(boot_tables + n * PAGE_SIZE);
}

static uint64_t *table_at(paddr_t pa)
{
	if (pa >= image_physical_start() && pa < image_physical_end())
		return (uint64_t *)(image_start + (pa - image_physical_start()));
	return (uint64_t *)(DIRECT_BASE + pa);
}

static uint64_t level_size(unsigned level)
{
	return PAGE_SIZE << (LEVEL_SHIFT * level);
}

static unsigned level_index(uintptr_t va, unsigned level)
{
	return (va >> (PAGE_SHIFT + LEVEL_SHIFT * level)) % ENTRIES;
}

static uint64_t pte_flags(unsigned flags)
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

static unsigned flags_of(uint64_t pte)
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

void paging_set_allocator(int (*alloc)(paddr_t *out))
{
	table_alloc = alloc;
}

/* An empty table, or NULL. */
static uint64_t *new_table(paddr_t *pa)
{
	uint64_t *table;

	if (!table_alloc || table_alloc(pa)) {
		if (spare_used == BOOT_TABLE_SPARE_COUNT)
			return NULL;
		*pa = image_to_physical(boot_table(BOOT_TABLE_SPARE + spare_used++));
	}
	table = table_at(*pa);
	memset(table, 0, PAGE_SIZE);
	return table;
}

/*
 * The entry that ends the walk for `va`, present or not, and its level.
 */
static uint64_t *entry_last(uintptr_t va, unsigned *level)
{
	uint64_t *table = boot_table(BOOT_TABLE_PML4);

	for (unsigned l = TOP_LEVEL;; l--) {
		uint64_t *entry = &table[level_index(va, l)];

		if (!(*entry & PTE_PRESENT) || l == 0 || (*entry & PTE_LARGE)) {
			*level = l;
			return entry;
		}
		table = table_at(*entry & PTE_ADDRESS);
	}
}

/*
 * The entry for `va` at `level`, making the tables above it. NULL if there is
 * no memory for one, or a larger page is in the way.
 */
static uint64_t *entry_make(uintptr_t va, unsigned level)
{
	uint64_t *table = boot_table(BOOT_TABLE_PML4);

	for (unsigned l = TOP_LEVEL; l > level; l--) {
		uint64_t *entry = &table[level_index(va, l)];
		paddr_t pa;

		if (*entry & PTE_LARGE)
			return NULL;
		if (*entry & PTE_PRESENT) {
			table = table_at(*entry & PTE_ADDRESS);
			continue;
		}
		table = new_table(&pa);
		if (!table)
			return NULL;
		*entry = pa | PTE_PRESENT | PTE_WRITE;
	}
	return &table[level_index(va, level)];
}

/* The largest level whose pages fit at this place. */
static unsigned best_level(uintptr_t va, paddr_t pa, uint64_t len)
{
	unsigned level = cpu_has_1gib_pages() ? 2 : 1;

	while (level > 0 && (!is_aligned(va | pa, level_size(level)) || len < level_size(level)))
		level--;
	return level;
}

int paging_map(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags)
{
	uint64_t bits = pte_flags(flags);

	while (len > 0) {
		unsigned level = best_level(va, pa, len);
		uint64_t size = level_size(level);
		uint64_t *entry = entry_make(va, level);
		unsigned index = level_index(va, level);

		if (!entry)
			return -ENOMEM;
		/* Fill the rest of this table without walking again. */
		do {
			if (*entry & PTE_PRESENT)
				return -EEXIST;
			*entry++ = pa | bits | (level > 0 ? PTE_LARGE : 0);
			va += size;
			pa += size;
			len -= size;
		} while (++index < ENTRIES && len >= size && best_level(va, pa, len) == level);
	}
	return 0;
}

void paging_unmap(uintptr_t va, uint64_t len)
{
	uintptr_t end = va + len;

	while (va < end) {
		unsigned level;
		uint64_t *entry = entry_last(va, &level);

		if (*entry & PTE_PRESENT) {
			*entry = 0;
			invlpg(va);
		}
		va = align_down(va, level_size(level)) + level_size(level);
	}
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
	out->flags = flags_of(*entry);
	return 0;
}

uint64_t paging_hole(uintptr_t va)
{
	unsigned level;

	entry_last(va, &level);
	return level_size(level) - (va & (level_size(level) - 1));
}

/* Gives [start, end) of the image these rights. */
static void protect(const char *start, const char *end, unsigned flags)
{
	uint64_t *table = boot_table(BOOT_TABLE_IMAGE);
	size_t first = ((uintptr_t)image_start >> PAGE_SHIFT) % ENTRIES;
	uint64_t bits = pte_flags(flags);

	for (const char *p = start; p < end; p += PAGE_SIZE) {
		uint64_t *entry = &table[first + (p - image_start) / PAGE_SIZE];

		*entry = (*entry & PTE_ADDRESS) | bits;
	}
}

static void unmap_image_page(const char *page)
{
	size_t first = ((uintptr_t)image_start >> PAGE_SHIFT) % ENTRIES;

	boot_table(BOOT_TABLE_IMAGE)[first + (page - image_start) / PAGE_SIZE] = 0;
}

static void flush_all(void)
{
	write_cr3(read_cr3());
}

static void paging_init_cache_types(void)
{
	enum { PAT_WC = 1 };
	uint64_t pat;

	if (!cpu_has_pat())
		return;		/* what asks for write-combining is then write-through */
	/* Entries 1 and 5 (PWT alone), write-through at reset. */
	pat = rdmsr(MSR_PAT);
	pat &= ~(GENMASK(15, 8) | GENMASK(47, 40));
	pat |= FIELD_PREP(GENMASK(15, 8), PAT_WC) | FIELD_PREP(GENMASK(47, 40), PAT_WC);
	wrmsr(MSR_PAT, pat);
}

void paging_protect_image(void)
{
	paging_init_cache_types();
	protect(image_start, rodata_start, PAGING_EXECUTE);
	protect(rodata_start, data_start, PAGING_READ);
	protect(data_start, image_end, PAGING_WRITE);
	unmap_image_page(stack_guard);
	unmap_image_page(stack_double_fault_guard);
	unmap_image_page(stack_nmi_guard);
	unmap_image_page(stack_machine_check_guard);
	boot_table(BOOT_TABLE_PML4)[0] = 0;
	flush_all();
}

void paging_protect_after_init(void)
{
	protect(data_start, ro_after_init_end, PAGING_READ);
	flush_all();
}

const void *early_map(paddr_t pa, size_t len)
{
	uint64_t *table = boot_table(BOOT_TABLE_WINDOW);
	size_t offset = pa % PAGE_SIZE;
	size_t pages;

	if (len == 0 || len > WINDOW_SIZE - offset || window_pages > 0 ||
	    pa + len < pa || (pa + len - 1) >> cpu_physical_bits() != 0)
		return NULL;
	pages = (offset + len + PAGE_SIZE - 1) / PAGE_SIZE;
	for (size_t i = 0; i < pages; i++)
		table[i] = (pa - offset + i * PAGE_SIZE) | pte_flags(PAGING_READ);
	window_pages = pages;
	return (const void *)(WINDOW_BASE + offset);
}

void early_unmap(void)
{
	uint64_t *table = boot_table(BOOT_TABLE_WINDOW);

	for (size_t i = 0; i < window_pages; i++) {
		table[i] = 0;
		invlpg(WINDOW_BASE + i * PAGE_SIZE);
	}
	window_pages = 0;
}
