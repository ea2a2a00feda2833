// SPDX-License-Identifier: MIT
/* Memory of the running kernel: the map, the direct map, the heap, DMA. */
#include <asm/io.h>

#include "arch/x86/cpu.h"
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "mm/direct.h"
#include "mm/dma.h"
#include "mm/heap.h"
#include "mm/ioremap.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"

KTEST(mm_map_is_sorted_and_disjoint)
{
	const struct regions *map = mm_map();

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		expect(t, r->start < r->end && is_aligned(r->start | r->end, PAGE_SIZE));
		if (i > 0)
			expect(t, map->list[i - 1].end <= r->start);
	}
}

KTEST(mm_reserved_ranges_are_not_usable)
{
	const struct regions *map = mm_map();

	expect(t, !regions_usable(map, 0, PAGE_SIZE));
	expect(t, !regions_usable(map, MIB - PAGE_SIZE, PAGE_SIZE));
	for (paddr_t pa = image_physical_start(); pa < image_physical_end(); pa += PAGE_SIZE)
		expect(t, !regions_usable(map, pa, 1));
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (r->kind != REGION_USABLE)
			continue;
		for (uint32_t j = 0; j < boot_info.range_count; j++)
			expect(t, boot_info.ranges[j].end <= r->start ||
			       boot_info.ranges[j].start >= r->end);
		for (uint32_t j = 0; j < boot_info.module_count; j++)
			expect(t, boot_info.modules[j].end <= r->start ||
			       boot_info.modules[j].start >= r->end);
	}
}

static void expect_direct(struct ktest_run *t, paddr_t pa, const struct paging_entry *e)
{
	expect_eq(t, e->pa, pa);
	expect_eq(t, e->flags, PAGING_WRITE | (cpu_has_nx() ? 0 : PAGING_EXECUTE));
}

KTEST(mm_direct_map_holds_usable_memory_and_nothing_else)
{
	const struct regions *map = mm_map();
	struct paging_entry e;

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];
		const paddr_t ends[] = { r->start, r->end - PAGE_SIZE };

		for (size_t j = 0; j < ARRAY_SIZE(ends); j++) {
			bool found = paging_lookup(DIRECT_BASE + ends[j], &e) == 0;

			/* What is usable is mapped when it is first used. */
			if (r->kind != REGION_USABLE)
				expect(t, !found);
			else if (found)
				expect_direct(t, ends[j], &e);
		}
	}
}

KTEST(mm_allocated_memory_is_in_the_direct_map)
{
	for (unsigned order = 0; order <= 6; order++) {
		volatile uint8_t *block = page_alloc(order, PAGE_ANY);
		const uint64_t ends[] = { 0, (PAGE_SIZE << order) - 1 };
		struct paging_entry e;

		require(t, block != NULL);
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
			uintptr_t at = (uintptr_t)block + ends[i];

			expect_eq(t, paging_lookup(at, &e), 0);
			expect_direct(t, at - DIRECT_BASE, &e);
			block[ends[i]] = 0x5a;
			expect_eq(t, block[ends[i]], 0x5a);
		}
		page_free((void *)block, order);
	}
}

KTEST(mm_direct_reach_refuses_what_is_no_piece)
{
	const paddr_t pieces[][2] = {
		{ 0, 0 }, { GIB, GIB }, { GIB + PAGE_SIZE, GIB },
		{ 1, PAGE_SIZE }, { PAGE_SIZE, 2 * PAGE_SIZE - 1 },
	};
	paddr_t usable = 77;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		expect_eq(t, direct_reach(pieces[i][0], pieces[i][1], &usable), -EINVAL);
	expect_eq(t, usable, 77);
}

enum { BLOCKS = 300 };

struct block {
	uint8_t *at;
	size_t size;
	uint8_t fill;
};

static bool is_filled(const struct block *b)
{
	for (size_t i = 0; i < b->size; i++) {
		if (b->at[i] != b->fill)
			return false;
	}
	return true;
}

/* Frees the block or gives it another size; then it has one, with what was in it. */
static void replace(struct ktest_run *t, struct block *b, size_t size)
{
	size_t kept = min(b->size, size);

	expect(t, !b->at || is_filled(b));
	if (b->at && ktest_random_below(t, 4) == 0) {
		b->at = krealloc(b->at, size);
		b->size = kept;
		expect(t, b->at && is_filled(b));
	} else {
		kfree(b->at);
		b->at = kmalloc(size);
	}
	b->size = size;
}

KTEST(mm_heap_blocks_never_overlap)
{
	static struct block blocks[BLOCKS];
	uint64_t n = ktest_operations();

	memset(blocks, 0, sizeof(blocks));
	for (uint64_t i = 0; i < n; i++) {
		struct block *b = &blocks[ktest_random_below(t, BLOCKS)];

		replace(t, b, 1 + ktest_random_below(t, i % 64 == 0 ? 20000 : 600));
		require(t, b->at != NULL);
		b->fill = ktest_random(t);
		expect(t, is_aligned((uintptr_t)b->at, 16));
		memset(b->at, b->fill, b->size);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		if (blocks[i].at)
			expect(t, is_filled(&blocks[i]));
		kfree(blocks[i].at);
	}
	expect_str(t, heap_check(mm_heap()), NULL);
	expect_str(t, page_allocator_check(mm_pages()), NULL);
}

KTEST_MAY_FAIL(mm_heap_calls_keep_their_contracts)
{
	uint8_t *p = kmalloc(1000);
	uint8_t *q;

	/* Memory that was used before, so that clearing it shows. */
	if (!expect_memory(t, p))
		return;
	memset(p, 0xee, 1000);
	kfree(p);
	p = kzalloc(1000);
	if (!expect_memory(t, p))
		return;
	for (size_t i = 0; i < 1000; i++)
		expect_eq(t, p[i], 0);
	memset(p, 7, 1000);
	q = krealloc(p, 100000);
	if (!expect_memory(t, q)) {
		expect(t, p[0] == 7 && p[999] == 7);
		kfree(p);
		return;
	}
	expect(t, q[0] == 7 && q[999] == 7);
	expect(t, kmalloc_usable_size(q) >= 100000);
	kfree(q);
	p = kmalloc_aligned(100, 4096);
	if (expect_memory(t, p))
		expect(t, is_aligned((uintptr_t)p, 4096));
	kfree(p);
	kfree(NULL);
	expect(t, kmalloc(SIZE_MAX) == NULL);
	expect(t, krealloc(NULL, UINT64_C(1) << 62) == NULL);
}

KTEST(mm_heap_refuses_what_is_not_its_own)
{
	uint8_t *p = heap_alloc(mm_heap(), 64, 16);
	uint8_t local = 0;

	require(t, p != NULL);
	if (IS_ENABLED(CONFIG_HEAP_CHECK_NONE)) {
		heap_free(mm_heap(), p);
		ktest_skip(t, "the heap checks nothing");
		return;
	}
	expect_eq(t, heap_free(mm_heap(), p + 16), -EINVAL);
	expect_eq(t, heap_free(mm_heap(), &local), -EINVAL);
	expect_eq(t, heap_free(mm_heap(), (void *)UINT64_C(0xdead0000)), -EINVAL);
	expect_eq(t, heap_free(mm_heap(), (void *)(DIRECT_BASE + DIRECT_SIZE - PAGE_SIZE)),
		  -EINVAL);
	expect_eq(t, heap_free(mm_heap(), p), 0);
	expect_eq(t, heap_free(mm_heap(), p), -EINVAL);
}

KTEST(mm_pages_are_aligned_and_below_the_limit_asked_for)
{
	for (unsigned order = 0; order <= 6; order++) {
		paddr_t pa = 0;

		require(t, page_alloc_from(mm_pages(), order, PAGE_BELOW_4G, &pa) == 0);
		expect(t, is_aligned(pa, PAGE_SIZE << order));
		expect(t, pa + (PAGE_SIZE << order) <= 4 * GIB);
		expect_eq(t, page_free_to(mm_pages(), pa, order), 0);
		expect_eq(t, page_free_to(mm_pages(), pa, order), -EINVAL);
	}
}

static uint8_t bss_buffer[64];

KTEST_MAY_FAIL(mm_dma_addr_accepts_only_our_memory)
{
	uint8_t *heap = kmalloc(5000);
	uint8_t local[16];
	paddr_t pa = 0;

	if (!expect_memory(t, heap))
		return;
	expect_eq(t, dma_addr(heap, 5000, &pa), 0);
	expect_eq(t, pa, (uintptr_t)heap - DIRECT_BASE);
	expect_eq(t, dma_addr(bss_buffer, sizeof(bss_buffer), &pa), 0);
	expect_eq(t, pa, image_to_physical(bss_buffer));
	expect_eq(t, dma_addr(heap, 0, &pa), -EINVAL);
	expect_eq(t, dma_addr(NULL, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr(local, sizeof(local), &pa), -EFAULT);
	expect_eq(t, dma_addr(rodata_start, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr(image_start, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr(data_start, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr(boot_tables, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr(heap, SIZE_MAX, &pa), -EFAULT);
	expect_eq(t, dma_addr((void *)(DIRECT_BASE + 0x1000), 16, &pa), -EFAULT);
	expect_eq(t, dma_addr((void *)(DIRECT_BASE + image_physical_start()), 16, &pa), -EFAULT);
	expect_eq(t, dma_addr((void *)DEVICE_BASE, 16, &pa), -EFAULT);
	expect_eq(t, dma_addr((void *)(UINTPTR_MAX - 7), 16, &pa), -EFAULT);
	kfree(heap);
}

/* What was asked for last makes a window; its edges are those of memory. */
KTEST_MAY_FAIL(mm_dma_addr_knows_where_memory_ends)
{
	uint8_t *heap = kmalloc(64);
	const uint8_t *first, *end;
	paddr_t pa = 0;

	if (!expect_memory(t, heap))
		return;
	require(t, dma_addr(heap, 64, &pa) == 0);
	first = (const uint8_t *)dma_window.start;
	end = first + dma_window.size;
	require(t, first <= heap && heap + 64 <= end);
	expect_eq(t, dma_addr(first, 1, &pa), 0);
	expect_eq(t, pa, (uintptr_t)first - DIRECT_BASE);
	expect_eq(t, dma_addr(end - 1, 1, &pa), 0);
	expect_eq(t, pa, (uintptr_t)end - 1 - DIRECT_BASE);
	expect_eq(t, dma_addr(first, dma_window.size, &pa), 0);
	expect_eq(t, dma_addr(first, dma_window.size + 1, &pa), -EFAULT);
	expect_eq(t, dma_addr(end - 1, 2, &pa), -EFAULT);
	expect_eq(t, dma_addr(first - 1, 2, &pa), -EFAULT);
	expect_eq(t, dma_addr(first, 0, &pa), -EINVAL);
	expect_eq(t, dma_addr(end - 1, SIZE_MAX, &pa), -EFAULT);
	expect_eq(t, dma_addr(first + 1, SIZE_MAX, &pa), -EFAULT);
	kfree(heap);
}

/* Some pages that the map does not name; only mapped, never touched. */
static paddr_t find_nowhere(void)
{
	paddr_t pa = BIT(cpu_physical_bits()) - 64 * MIB;

	while (regions_overlap(mm_map(), pa, 8 * MIB))
		pa -= 64 * MIB;
	return pa;
}

static void expect_no_page(struct ktest_run *t, uint8_t *at)
{
	char text[96];
	uint8_t byte;

	expect_eq(t, probe_read(at, &byte), -EFAULT);
	expect_eq(t, exception_last_fault().address, (uintptr_t)at);
	expect_eq(t, probe_write(at, 0), -EFAULT);
	page_fault_describe(text, sizeof(text), exception_last_fault().error);
	expect_str(t, text, "write to a page that is not mapped");
}

KTEST_MAY_FAIL(mm_ioremap_refuses_memory_and_guards_its_mappings)
{
	const paddr_t nowhere = find_nowhere();
	uint8_t *heap = kmalloc(16);
	struct paging_entry e;
	struct mmio *m;

	if (!expect_memory(t, heap))
		return;
	print("# the refusals below are expected\n");
	expect(t, ioremap((uintptr_t)heap - DIRECT_BASE, 16, IOREMAP_UNCACHED) == NULL);
	expect(t, ioremap(image_physical_start(), 16, IOREMAP_UNCACHED) == NULL);
	expect(t, ioremap(nowhere, 0, IOREMAP_UNCACHED) == NULL);
	expect(t, ioremap(UINT64_MAX - 4, 16, IOREMAP_UNCACHED) == NULL);
	kfree(heap);

	m = ioremap(nowhere + 0x10, 0x2000, IOREMAP_UNCACHED);
	if (!expect_memory(t, m))
		return;
	expect_eq(t, paging_lookup((uintptr_t)m, &e), 0);
	expect_eq(t, e.pa, nowhere + 0x10);
	expect_eq(t, e.flags & (PAGING_WRITE | PAGING_UNCACHED), PAGING_WRITE | PAGING_UNCACHED);
	expect_eq(t, paging_lookup((uintptr_t)m - PAGE_SIZE, &e), -ENOENT);
	expect_eq(t, paging_lookup((uintptr_t)m + 0x3000, &e), -ENOENT);
	expect_no_page(t, (uint8_t *)align_down((uintptr_t)m, PAGE_SIZE) - 1);
	expect_no_page(t, (uint8_t *)align_down((uintptr_t)m, PAGE_SIZE) + 0x3000);
	iounmap(m);
	expect_eq(t, paging_lookup((uintptr_t)m, &e), -ENOENT);
	expect_no_page(t, (uint8_t *)m);
}

KTEST(mm_ioremap_uses_again_what_was_unmapped)
{
	const paddr_t nowhere = find_nowhere();
	struct paging_entry e;
	struct mmio *m;

	/* Small pages first, and a table for them; then large ones in the same place. */
	for (unsigned i = 0; i < 4; i++) {
		paddr_t pa = nowhere + (i % 2 ? 0 : PAGE_SIZE);

		m = ioremap(pa, 4 * MIB, i < 2 ? IOREMAP_UNCACHED : IOREMAP_WRITE_COMBINING);
		require(t, m != NULL);
		for (uint64_t at = 0; at < 4 * MIB; at += MIB) {
			expect_eq(t, paging_lookup((uintptr_t)m + at, &e), 0);
			expect_eq(t, e.pa, pa + at);
			expect_eq(t, e.flags & (PAGING_UNCACHED | PAGING_WRITE_COMBINING),
				  i < 2 ? PAGING_UNCACHED : PAGING_WRITE_COMBINING);
		}
		expect_eq(t, paging_lookup((uintptr_t)m - PAGE_SIZE, &e), -ENOENT);
		expect_eq(t, paging_lookup((uintptr_t)m + 4 * MIB, &e), -ENOENT);
		iounmap(m);
		expect_eq(t, paging_lookup((uintptr_t)m, &e), -ENOENT);
		expect_eq(t, paging_lookup((uintptr_t)m + 4 * MIB - 1, &e), -ENOENT);
	}
}
