// SPDX-License-Identifier: MIT
/*
 * Mapping, splitting and their failures, in a part of the address space that
 * only these tests use. What they map is never touched unless it is memory
 * of theirs, and their page tables come out of a block of pages that can be
 * made to run dry.
 */
#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

#define PAGE	PAGE_SIZE
#define LARGE	(2 * MIB)

enum {
	TABLES_ORDER = 4, TABLES = 1 << TABLES_ORDER,
	/* Of what is not memory: nothing may be fetched from it ahead of time. */
	DEVICE = PAGING_WRITE | PAGING_UNCACHED,
};

static struct {
	uint8_t *pages;
	unsigned used, allowed;
	paging_alloc_fn *before;
} tables;

static int table_from_block(paddr_t *out)
{
	if (tables.used >= tables.allowed || tables.used == TABLES)
		return -ENOMEM;
	*out = (uintptr_t)tables.pages + tables.used++ * PAGE - DIRECT_BASE;
	return 0;
}

/* The allocator's pointer can be written only for the moment in which it is. */
static paging_alloc_fn *swap_allocator(struct ktest_run *t, paging_alloc_fn *alloc)
{
	paging_alloc_fn *before;

	expect_eq(t, paging_protect((uintptr_t)data_start, ro_after_init_end - data_start,
				    PAGING_WRITE), 0);
	before = paging_set_allocator(alloc);
	paging_protect_after_init();
	return before;
}

/* Takes everything at TEST_BASE away, tables too; `allowed` may then be made. */
static void forget(unsigned allowed)
{
	uint64_t *top = (uint64_t *)(boot_tables + BOOT_TABLE_PML4 * PAGE);

	top[(TEST_BASE >> 39) % 512] = 0;
	write_cr3(read_cr3());
	tables.used = 0;
	tables.allowed = allowed;
	/* What is not cleared would show. */
	memset(tables.pages, 0xff, TABLES * PAGE);
}

static bool begin(struct ktest_run *t)
{
	tables.pages = page_alloc(TABLES_ORDER, PAGE_ANY);
	if (!ktest_expect(t, tables.pages != NULL, __FILE__, __LINE__, "pages for tables"))
		return false;
	forget(TABLES);
	tables.before = swap_allocator(t, table_from_block);
	return true;
}

static void end(struct ktest_run *t)
{
	swap_allocator(t, tables.before);
	forget(0);
	page_free(tables.pages, TABLES_ORDER);
}

/* What `va` is mapped to must be this; a size of 0: nothing. */
#define expect_page(t, va, pa, size, flags) \
	expect_page_at(t, va, pa, size, flags, __LINE__)

static void expect_page_at(struct ktest_run *t, uintptr_t va, paddr_t pa, uint64_t size,
			   unsigned flags, int line)
{
	struct paging_entry e = { .size = 0 };

	if (!cpu_has_nx())
		flags |= PAGING_EXECUTE;
	if (paging_lookup(va, &e) || size == 0) {
		ktest_expect_eq(t, e.size, size, __FILE__, line, "page size");
		return;
	}
	ktest_expect_eq(t, e.pa, pa, __FILE__, line, "physical address");
	ktest_expect_eq(t, e.size, size, __FILE__, line, "page size");
	ktest_expect_eq(t, e.flags, flags, __FILE__, line, "flags");
}

static uint64_t largest_page(void)
{
	return cpu_has_1gib_pages() ? GIB : LARGE;
}

KTEST(paging_maps_with_the_largest_pages_that_fit)
{
	const uintptr_t va = TEST_BASE + GIB - LARGE - PAGE;
	const paddr_t pa = GIB - LARGE - PAGE;
	const uint64_t len = PAGE + LARGE + 2 * GIB + LARGE + PAGE;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(va, pa, len, DEVICE), 0);
	expect_page(t, va - PAGE, 0, 0, 0);
	expect_page(t, va, pa, PAGE, DEVICE);
	expect_page(t, va + PAGE, pa + PAGE, LARGE, DEVICE);
	expect_page(t, va + PAGE + LARGE, GIB, largest_page(), DEVICE);
	expect_page(t, va + PAGE + LARGE + 2 * GIB - 1, 3 * GIB - 1, largest_page(), DEVICE);
	expect_page(t, va + len - PAGE - 1, pa + len - PAGE - 1, LARGE, DEVICE);
	expect_page(t, va + len - 1, pa + len - 1, PAGE, DEVICE);
	expect_page(t, va + len, 0, 0, 0);
	/* The PDPT, two PDs and two page tables; two PDs more where 1 GiB takes one. */
	expect_eq(t, tables.used, cpu_has_1gib_pages() ? 5 : 7);

	forget(TABLES);
	/* The physical address decides too. */
	expect_eq(t, paging_map(TEST_BASE, LARGE, GIB, DEVICE), 0);
	expect_page(t, TEST_BASE, LARGE, LARGE, DEVICE);
	forget(TABLES);
	expect_eq(t, paging_map(TEST_BASE, PAGE, LARGE, DEVICE), 0);
	expect_page(t, TEST_BASE + LARGE - 1, LARGE + PAGE - 1, PAGE, DEVICE);
	expect_eq(t, paging_map(TEST_BASE + GIB, 0, 0, DEVICE), 0);
	expect_page(t, TEST_BASE + GIB, 0, 0, 0);
	end(t);
}

KTEST(paging_maps_nothing_over_what_is_mapped)
{
	const uintptr_t page = TEST_BASE + LARGE + 5 * PAGE;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(page, PAGE, PAGE, DEVICE), 0);
	expect_eq(t, paging_map(page - 3 * PAGE, GIB, 5 * PAGE, DEVICE), -EEXIST);
	expect_page(t, page - 3 * PAGE, 0, 0, 0);
	expect_page(t, page - PAGE, 0, 0, 0);
	expect_page(t, page, PAGE, PAGE, DEVICE);
	expect_page(t, page + PAGE, 0, 0, 0);
	/* A page in the way of a larger one, and the other way round. */
	expect_eq(t, paging_map(TEST_BASE, GIB, 2 * LARGE, DEVICE), -EEXIST);
	expect_page(t, TEST_BASE, 0, 0, 0);
	expect_page(t, page - PAGE, 0, 0, 0);
	expect_page(t, page, PAGE, PAGE, DEVICE);
	expect_eq(t, paging_map(TEST_BASE + GIB, 0, GIB, DEVICE), 0);
	expect_eq(t, paging_map(TEST_BASE + GIB + LARGE, 0, LARGE, DEVICE), -EEXIST);
	expect_eq(t, paging_map(TEST_BASE + 2 * GIB - PAGE, 0, 2 * PAGE, DEVICE), -EEXIST);
	expect_page(t, TEST_BASE + 2 * GIB - PAGE, GIB - PAGE, largest_page(), DEVICE);
	expect_page(t, TEST_BASE + 2 * GIB, 0, 0, 0);
	end(t);
}

KTEST(paging_maps_nothing_without_tables)
{
	const uintptr_t va = TEST_BASE + GIB - 2 * PAGE;

	if (!begin(t))
		return;
	/* Two GiB, so the PDPT and for each a PD and a page table. */
	for (unsigned allowed = 0; allowed < 5; allowed++) {
		forget(allowed);
		expect_eq(t, paging_map(va, 0, 4 * PAGE, DEVICE), -ENOMEM);
		for (unsigned i = 0; i < 4; i++)
			expect_page(t, va + i * PAGE, 0, 0, 0);
		expect_eq(t, tables.used, allowed);
	}
	/* What was made in vain is used when there is more. */
	tables.allowed++;
	expect_eq(t, paging_map(va, 0, 4 * PAGE, DEVICE), 0);
	expect_page(t, va + 3 * PAGE, 3 * PAGE, PAGE, DEVICE);
	expect_eq(t, tables.used, 5);
	end(t);
}

KTEST(paging_maps_small_pages_where_a_table_is_left)
{
	const uintptr_t va = TEST_BASE + 3 * LARGE;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(va, PAGE, PAGE, DEVICE), 0);
	expect_eq(t, paging_unmap(va, PAGE), 0);
	expect_eq(t, paging_map(va - LARGE, 0, 3 * LARGE, DEVICE), 0);
	expect_page(t, va - LARGE, 0, LARGE, DEVICE);
	expect_page(t, va, LARGE, PAGE, DEVICE);
	expect_page(t, va + LARGE - 1, 2 * LARGE - 1, PAGE, DEVICE);
	expect_page(t, va + LARGE, 2 * LARGE, LARGE, DEVICE);
	expect_eq(t, tables.used, 3);
	end(t);
}

/* One GiB, in the largest pages, is as mapped but for [from, to), which has other rights. */
static void expect_all_but(struct ktest_run *t, uint64_t from, uint64_t to, unsigned inside)
{
	const uint64_t edges[] = { 0, from - 1, from, to - 1, to, GIB - 1 };

	for (unsigned i = 0; i < ARRAY_SIZE(edges) + 50; i++) {
		uint64_t at = i < ARRAY_SIZE(edges) ? edges[i] : ktest_random_below(t, GIB);
		unsigned want = at >= from && at < to ? inside : DEVICE;
		struct paging_entry e;

		if (at >= GIB)
			continue;
		if (!cpu_has_nx())
			want |= PAGING_EXECUTE;
		expect_eq(t, paging_lookup(TEST_BASE + at, &e), 0);
		expect_eq(t, e.pa, at);
		expect_eq(t, e.flags, want);
	}
}

KTEST(paging_protect_splits_pages_and_spares_their_neighbours)
{
	const uint64_t at = 300 * LARGE + 7 * PAGE;
	unsigned first_split = cpu_has_1gib_pages() ? 2 : 1;
	unsigned used;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(TEST_BASE, 0, GIB, DEVICE), 0);
	used = tables.used;
	expect_eq(t, paging_protect(TEST_BASE + at, PAGE, PAGING_READ | PAGING_WRITE_COMBINING), 0);
	expect_all_but(t, at, at + PAGE, PAGING_WRITE_COMBINING);
	expect_eq(t, tables.used - used, first_split);
	expect_page(t, TEST_BASE, 0, LARGE, DEVICE);
	expect_page(t, TEST_BASE + at - PAGE, at - PAGE, PAGE, DEVICE);
	expect_page(t, TEST_BASE + 301 * LARGE, 301 * LARGE, LARGE, DEVICE);

	/* Back; and both ends amid large pages, others whole between them. */
	expect_eq(t, paging_protect(TEST_BASE, GIB, DEVICE), 0);
	expect_all_but(t, GIB, GIB, 0);
	expect_eq(t, paging_protect(TEST_BASE + at, 3 * LARGE, PAGING_EXECUTE), 0);
	expect_all_but(t, at, at + 3 * LARGE, PAGING_EXECUTE);
	expect_page(t, TEST_BASE + 301 * LARGE, 301 * LARGE, LARGE, PAGING_EXECUTE);
	expect_eq(t, tables.used - used, first_split + 1);

	/* Whole pages are not split. */
	expect_eq(t, paging_protect(TEST_BASE + 400 * LARGE, LARGE, PAGING_READ), 0);
	expect_page(t, TEST_BASE + 400 * LARGE, 400 * LARGE, LARGE, PAGING_READ);
	expect_page(t, TEST_BASE + 401 * LARGE, 401 * LARGE, LARGE, DEVICE);
	expect_eq(t, tables.used - used, first_split + 1);
	end(t);
}

KTEST(paging_protect_that_fails_changes_no_right)
{
	const uint64_t from = 10 * LARGE + PAGE;
	const uint64_t to = 20 * LARGE - PAGE;
	unsigned needed = cpu_has_1gib_pages() ? 3 : 2;

	if (!begin(t))
		return;
	for (unsigned allowed = 0; allowed < needed; allowed++) {
		forget(TABLES);
		expect_eq(t, paging_map(TEST_BASE, 0, GIB, DEVICE), 0);
		tables.allowed = tables.used + allowed;
		expect_eq(t, paging_protect(TEST_BASE + from, to - from, PAGING_READ), -ENOMEM);
		expect_all_but(t, from, to, DEVICE);
		expect_eq(t, paging_unmap(TEST_BASE + from, to - from), -ENOMEM);
		expect_all_but(t, from, to, DEVICE);
	}
	tables.allowed++;
	expect_eq(t, paging_protect(TEST_BASE + from, to - from, PAGING_READ), 0);
	expect_all_but(t, from, to, PAGING_READ);

	/* A hole at the start, at the end, between; and nothing but a hole. */
	tables.allowed = TABLES;
	expect_eq(t, paging_protect(TEST_BASE, GIB, DEVICE), 0);
	expect_eq(t, paging_map(TEST_BASE + GIB + LARGE, 0, LARGE, DEVICE), 0);
	expect_eq(t, paging_protect(TEST_BASE + GIB + PAGE, LARGE, 0), -ENOENT);
	expect_eq(t, paging_protect(TEST_BASE + GIB - LARGE, LARGE + PAGE, 0), -ENOENT);
	expect_eq(t, paging_protect(TEST_BASE + GIB - LARGE, 3 * LARGE, 0), -ENOENT);
	expect_eq(t, paging_protect(TEST_BASE + 5 * GIB, PAGE, 0), -ENOENT);
	expect_page(t, TEST_BASE + GIB + LARGE, 0, LARGE, DEVICE);
	expect_all_but(t, GIB, GIB, 0);
	expect_eq(t, paging_protect(TEST_BASE + 5 * GIB, 0, 0), 0);
	end(t);
}

KTEST(paging_unmap_splits_pages_and_spares_their_neighbours)
{
	const uintptr_t va = TEST_BASE + 77 * LARGE + 3 * PAGE;
	const paddr_t pa = 77 * LARGE + 3 * PAGE;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(TEST_BASE, 0, GIB, DEVICE), 0);
	expect_eq(t, paging_unmap(va, 2 * LARGE), 0);
	expect_page(t, va - PAGE, pa - PAGE, PAGE, DEVICE);
	expect_page(t, va, 0, 0, 0);
	expect_page(t, va + LARGE, 0, 0, 0);
	expect_page(t, va + 2 * LARGE - 1, 0, 0, 0);
	expect_page(t, va + 2 * LARGE, pa + 2 * LARGE, PAGE, DEVICE);
	expect_page(t, TEST_BASE, 0, LARGE, DEVICE);
	expect_page(t, TEST_BASE + GIB - 1, GIB - 1, LARGE, DEVICE);
	/* Holes are no error, and what was unmapped can be mapped again. */
	expect_eq(t, paging_unmap(va - PAGE, 3 * LARGE), 0);
	expect_eq(t, paging_unmap(TEST_BASE + 3 * GIB, 2 * GIB), 0);
	expect_eq(t, paging_map(va - PAGE, pa - PAGE, 3 * LARGE, DEVICE), 0);
	expect_all_but(t, GIB, GIB, 0);
	end(t);
}

static uint8_t own_pages[3][PAGE_SIZE] __aligned(PAGE_SIZE);

KTEST(paging_changes_take_effect_at_once)
{
	/* The large page that holds ours, seen at another place. */
	paddr_t pa = align_down(image_to_physical(own_pages), LARGE);
	uint8_t *seen = (uint8_t *)TEST_BASE + (image_to_physical(own_pages) - pa);
	uint8_t byte;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(TEST_BASE, pa, 2 * LARGE, PAGING_WRITE), 0);
	expect_page(t, TEST_BASE, pa, LARGE, PAGING_WRITE);
	for (unsigned i = 0; i < 3; i++) {
		expect_eq(t, probe_write(seen + i * PAGE, 10 + i), 0);
		expect_eq(t, own_pages[i][0], 10 + i);
	}
	expect_eq(t, paging_protect((uintptr_t)seen + PAGE, PAGE, PAGING_READ), 0);
	expect_eq(t, probe_write(seen + PAGE, 99), -EFAULT);
	expect_eq(t, probe_read(seen + PAGE, &byte), 0);
	expect_eq(t, byte, 11);
	expect_eq(t, probe_write(seen, 20), 0);
	expect_eq(t, probe_write(seen + 2 * PAGE, 22), 0);
	expect(t, own_pages[0][0] == 20 && own_pages[1][0] == 11 && own_pages[2][0] == 22);
	expect_eq(t, paging_protect((uintptr_t)seen + PAGE, PAGE, PAGING_WRITE), 0);
	expect_eq(t, probe_write(seen + PAGE, 21), 0);
	expect_eq(t, paging_unmap((uintptr_t)seen + PAGE, PAGE), 0);
	expect_eq(t, probe_read(seen + PAGE, &byte), -EFAULT);
	expect_eq(t, probe_read(seen + 2 * PAGE, &byte), 0);
	/* Many pages at once. */
	expect_eq(t, paging_unmap(TEST_BASE, 2 * LARGE), 0);
	expect_eq(t, probe_read(seen, &byte), -EFAULT);
	end(t);
}

KTEST(paging_gives_no_page_to_be_written_and_executed)
{
	const unsigned both = PAGING_WRITE | PAGING_EXECUTE;
	uint64_t kept;

	if (!begin(t))
		return;
	expect_eq(t, paging_map(TEST_BASE, 0, PAGE, both), -EINVAL);
	expect_eq(t, paging_map_hosted(TEST_BASE, 0, LARGE, both, &kept), -EINVAL);
	expect_eq(t, paging_map(TEST_BASE, 0, PAGE, DEVICE), 0);
	expect_eq(t, paging_protect(TEST_BASE, PAGE, both), -EINVAL);
	expect_page(t, TEST_BASE, 0, PAGE, DEVICE);
	end(t);
}

/* The block of pages itself is mapped again, with its own first pages as tables. */
KTEST(paging_maps_memory_with_tables_of_its_own)
{
	const uintptr_t va = TEST_BASE + LARGE - 4 * PAGE;
	paddr_t pa;
	uint64_t kept = 99;

	if (!begin(t))
		return;
	pa = (uintptr_t)tables.pages - DIRECT_BASE;
	forget(0);
	/* PDPT, PD, and a page table on either side of a 2 MiB boundary. */
	expect_eq(t, paging_map_hosted(va, pa, 8 * PAGE, PAGING_WRITE, &kept), 0);
	expect_eq(t, kept, 4 * PAGE);
	for (unsigned i = 0; i < 8; i++)
		expect_page(t, va + i * PAGE, pa + i * PAGE, PAGE, PAGING_WRITE);
	expect_page(t, va - PAGE, 0, 0, 0);
	expect_page(t, va + 8 * PAGE, 0, 0, 0);
	expect_page(t, SLOT_BASE, 0, 0, 0);
	*(uint8_t *)(va + 5 * PAGE) = 0x77;
	expect_eq(t, tables.pages[5 * PAGE], 0x77);
	/* More in the same place needs nothing; something that is there is in the way. */
	expect_eq(t, paging_map_hosted(va + 8 * PAGE, pa + 8 * PAGE, PAGE, PAGING_WRITE, &kept), 0);
	expect_eq(t, kept, 0);
	expect_eq(t, paging_map_hosted(va + 8 * PAGE, pa + 9 * PAGE, PAGE, PAGING_WRITE, &kept),
		  -EEXIST);
	expect_page(t, va + 8 * PAGE, pa + 8 * PAGE, PAGE, PAGING_WRITE);
	end(t);
}

KTEST(paging_refuses_memory_that_its_own_tables_would_fill)
{
	paddr_t pa;
	uint64_t kept;

	if (!begin(t))
		return;
	pa = (uintptr_t)tables.pages - DIRECT_BASE;
	for (unsigned pages = 1; pages <= 3; pages++) {
		forget(0);
		expect_eq(t, paging_map_hosted(TEST_BASE, pa, pages * PAGE, PAGING_WRITE, &kept),
			  -ENOSPC);
		expect_page(t, TEST_BASE, 0, 0, 0);
	}
	expect_eq(t, paging_map_hosted(TEST_BASE, pa, 4 * PAGE, PAGING_WRITE, &kept), 0);
	expect_eq(t, kept, 3 * PAGE);
	/* A page of another GiB needs a PD and a page table. */
	expect_eq(t, paging_map_hosted(TEST_BASE + GIB, pa + 4 * PAGE, 2 * PAGE, PAGING_WRITE,
				       &kept), -ENOSPC);
	expect_eq(t, paging_map_hosted(TEST_BASE + GIB, pa + 4 * PAGE, 3 * PAGE, PAGING_WRITE,
				       &kept), 0);
	expect_eq(t, kept, 2 * PAGE);
	/* More tables than slots: nine GiB that fit no large pages. */
	expect_eq(t, paging_map_hosted(TEST_BASE + 8 * GIB, pa, 9 * GIB, PAGING_WRITE, &kept),
		  -EOVERFLOW);
	expect_page(t, TEST_BASE + 8 * GIB, 0, 0, 0);
	expect_page(t, SLOT_BASE, 0, 0, 0);
	end(t);
}

KTEST(paging_hosts_no_tables_for_pages_of_1_gib)
{
	uint64_t kept;

	if (!cpu_has_1gib_pages()) {
		ktest_skip(t, "the processor has no 1 GiB pages");
		return;
	}
	if (!begin(t))
		return;
	/* The PDPT is there already, or it would be made of what is not memory. */
	expect_eq(t, paging_map(TEST_BASE, 0, PAGE, DEVICE), 0);
	expect_eq(t, paging_map_hosted(TEST_BASE + GIB, 0, 2 * GIB, DEVICE, &kept), 0);
	expect_eq(t, kept, 0);
	expect_page(t, TEST_BASE + GIB, 0, GIB, DEVICE);
	expect_page(t, TEST_BASE + 3 * GIB - 1, 2 * GIB - 1, GIB, DEVICE);
	end(t);
}

struct seen {
	struct paging_mapping mappings[8];
	unsigned count, tables;
	bool top;
};

static void note_mapping(void *context, const struct paging_mapping *m)
{
	struct seen *s = context;

	if (m->va < TEST_BASE || m->va >= TEST_BASE + 512 * GIB)
		return;
	if (s->count < ARRAY_SIZE(s->mappings))
		s->mappings[s->count] = *m;
	s->count++;
}

static void note_table(void *context, paddr_t pa)
{
	struct seen *s = context;

	s->tables += (uintptr_t)tables.pages - DIRECT_BASE <= pa &&
		     pa < (uintptr_t)tables.pages - DIRECT_BASE + TABLES * PAGE;
	s->top |= pa == image_to_physical(boot_tables + BOOT_TABLE_PML4 * PAGE);
}

KTEST(paging_walk_tells_of_every_mapping_and_table)
{
	static const struct paging_visitor visitor = { note_mapping, note_table };
	const unsigned nx = cpu_has_nx() ? 0 : PAGING_EXECUTE;
	const struct paging_mapping want[] = {
		{ TEST_BASE + PAGE, PAGE, 3 * PAGE, PAGE, DEVICE | nx },
		{ TEST_BASE + 4 * PAGE, 9 * PAGE, PAGE, PAGE, DEVICE | nx },
		{ TEST_BASE + 5 * PAGE, 10 * PAGE, LARGE - 5 * PAGE, PAGE, nx },
		{ TEST_BASE + LARGE, LARGE + 5 * PAGE, 2 * LARGE, PAGE, nx },
	};
	struct seen s = { .count = 0 };

	if (!begin(t))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
		expect_eq(t, paging_map(want[i].va, want[i].pa, want[i].len,
					want[i].flags & ~nx), 0);
	expect_eq(t, paging_map(TEST_BASE + 511 * GIB, 0, GIB, DEVICE), 0);
	paging_walk(&visitor, &s);
	/* The third and the fourth are one. */
	expect_eq(t, s.count, ARRAY_SIZE(want));
	for (unsigned i = 0; i < 3; i++) {
		expect_eq(t, s.mappings[i].va, want[i].va);
		expect_eq(t, s.mappings[i].pa, want[i].pa);
		expect_eq(t, s.mappings[i].len, want[i].len + (i == 2 ? want[3].len : 0));
		expect_eq(t, s.mappings[i].page_size, PAGE);
		expect_eq(t, s.mappings[i].flags, want[i].flags);
	}
	expect_eq(t, s.mappings[3].va, TEST_BASE + 511 * GIB);
	expect_eq(t, s.mappings[3].len, GIB);
	expect_eq(t, s.mappings[3].page_size, largest_page());
	expect_eq(t, s.tables, tables.used);
	expect(t, s.top);
	end(t);
}
