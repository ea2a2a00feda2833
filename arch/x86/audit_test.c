// SPDX-License-Identifier: MIT
/*
 * A walk over the live page tables: every mapping there is, judged by the
 * physical memory behind it.
 */
#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/ktest.h"
#include "kernel/log.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"

enum { FIXED_MAX = 32 };

struct audit {
	/* Physical memory that some mapping executes, or only reads. */
	struct { paddr_t start, end; } fixed[FIXED_MAX];
	unsigned fixed_count;
	unsigned mappings, direct, tables, lost;
	/* What must not be. */
	unsigned low, writable_executable, executable_elsewhere, aliases, strange, not_ours;
	unsigned tables_elsewhere;
};

static bool is_executable(const struct paging_mapping *m)
{
	return cpu_has_nx() && (m->flags & PAGING_EXECUTE);
}

static bool overlaps(const struct paging_mapping *m, paddr_t start, paddr_t end)
{
	return m->pa < end && start < m->pa + m->len;
}

/* Whether all of it lies in [start, start + len) of the address space. */
static bool lies_in(const struct paging_mapping *m, uintptr_t start, uint64_t len)
{
	return m->va >= start && m->va - start < len && m->len <= len - (m->va - start);
}

static bool in_image(const struct paging_mapping *m, const char *start, const char *end)
{
	return lies_in(m, (uintptr_t)start, end - start) &&
	       m->pa == image_to_physical((const char *)m->va);
}

static void collect(void *context, const struct paging_mapping *m)
{
	struct audit *a = context;

	a->mappings++;
	if ((m->flags & PAGING_WRITE) && !is_executable(m))
		return;
	if (a->fixed_count == FIXED_MAX) {
		a->lost++;
		return;
	}
	a->fixed[a->fixed_count].start = m->pa;
	a->fixed[a->fixed_count++].end = m->pa + m->len;
}

/* Memory that the firmware or the loader left and that no device can be: never to be written. */
static bool is_left_by_others(const struct paging_mapping *m, bool device)
{
	const struct regions *map = &boot_info.map;

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (r->kind == REGION_USABLE || (device && r->kind == REGION_RESERVED))
			continue;
		if (overlaps(m, r->start, r->end))
			return true;
	}
	for (uint32_t i = 0; i < boot_info.module_count; i++) {
		if (overlaps(m, boot_info.modules[i].start, boot_info.modules[i].end))
			return true;
	}
	for (uint32_t i = 0; i < boot_info.range_count; i++) {
		if (overlaps(m, boot_info.ranges[i].start, boot_info.ranges[i].end))
			return true;
	}
	return false;
}

/* Memory that is the kernel's by its own map, so no device's: VGA's window within it excepted. */
static bool is_ram_of_ours(const struct paging_mapping *m)
{
	enum { VGA_START = 0xa0000, VGA_END = 0xc0000 };
	const struct regions *map = mm_map();

	if (m->pa >= VGA_START && m->pa + m->len <= VGA_END)
		return false;
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (r->kind != REGION_RESERVED && overlaps(m, r->start, r->end))
			return true;
	}
	return false;
}

/* Whether a part of the address space may hold this. */
static bool has_its_place(struct audit *a, const struct paging_mapping *m)
{
	if (lies_in(m, DIRECT_BASE, DIRECT_SIZE)) {
		a->direct++;
		return (m->flags & PAGING_WRITE) && m->va - DIRECT_BASE == m->pa &&
		       regions_usable(mm_map(), m->pa, m->len);
	}
	if (lies_in(m, DEVICE_BASE, DEVICE_SIZE))
		return (m->flags & PAGING_WRITE) && !is_ram_of_ours(m);
	return in_image(m, image_start, image_end);
}

static void judge(void *context, const struct paging_mapping *m)
{
	struct audit *a = context;
	bool device = lies_in(m, DEVICE_BASE, DEVICE_SIZE);
	bool writable = m->flags & PAGING_WRITE;
	unsigned before = a->low + a->writable_executable + a->executable_elsewhere +
			  a->aliases + a->strange + a->not_ours;

	a->low += m->va < BIT(47);
	a->writable_executable += writable && is_executable(m);
	a->executable_elsewhere += is_executable(m) && !in_image(m, image_start, rodata_start);
	for (unsigned i = 0; writable && i < a->fixed_count; i++)
		a->aliases += overlaps(m, a->fixed[i].start, a->fixed[i].end);
	a->strange += !has_its_place(a, m);
	a->not_ours += writable && is_left_by_others(m, device);
	if (before != a->low + a->writable_executable + a->executable_elsewhere +
		      a->aliases + a->strange + a->not_ours)
		print("# %#llx-%#llx is mapped to %#llx with rights %#x\n",
		      (unsigned long long)m->va, (unsigned long long)(m->va + m->len - 1),
		      (unsigned long long)m->pa, m->flags);
}

/* Tables lie in the image, or in RAM of ours that can be written where they are looked for. */
static void judge_table(void *context, paddr_t pa)
{
	struct audit *a = context;
	paddr_t first = image_to_physical(boot_tables);
	struct paging_entry e;

	a->tables++;
	if (pa >= first && pa < first + BOOT_TABLE_PAGES * PAGE_SIZE)
		return;
	if (regions_usable(mm_map(), pa, PAGE_SIZE) &&
	    paging_lookup(DIRECT_BASE + pa, &e) == 0 && e.pa == pa && (e.flags & PAGING_WRITE))
		return;
	print("# a page table lies at %#llx\n", (unsigned long long)pa);
	a->tables_elsewhere++;
}

static struct audit audit_run(void)
{
	static const struct paging_visitor first = { .mapping = collect };
	static const struct paging_visitor second = { .mapping = judge, .table = judge_table };
	struct audit a = { .fixed_count = 0 };

	paging_walk(&first, &a);
	paging_walk(&second, &a);
	return a;
}

KTEST(audit_no_memory_has_rights_that_exclude_each_other)
{
	struct audit a = audit_run();

	expect_eq(t, read_cr3(), image_to_physical(boot_tables + BOOT_TABLE_PML4 * PAGE_SIZE));
	/* Text and constants, which are one without NX; and some to be written. */
	expect(t, a.fixed_count >= (cpu_has_nx() ? 2 : 1) && a.mappings >= a.fixed_count + 2);
	expect_eq(t, a.lost, 0);
	expect_eq(t, a.aliases, 0);
}

KTEST(audit_no_page_is_writable_and_executable)
{
	struct audit a = audit_run();

	if (!cpu_has_nx()) {
		ktest_skip(t, "the processor has no NX");
		return;
	}
	expect_eq(t, a.writable_executable, 0);
	expect_eq(t, a.executable_elsewhere, 0);
}

KTEST(audit_nothing_is_mapped_but_what_is_ours)
{
	void *page = page_alloc(0, PAGE_ANY);	/* lest nothing be mapped yet */
	struct audit a = audit_run();

	page_free(page, 0);
	expect(t, a.direct > 0);
	expect_eq(t, a.low, 0);
	expect_eq(t, a.strange, 0);
	expect_eq(t, a.not_ours, 0);
}

KTEST(audit_page_tables_lie_in_memory_of_ours)
{
	struct audit a = audit_run();

	expect(t, a.tables > 4);
	expect_eq(t, a.tables_elsewhere, 0);
}
