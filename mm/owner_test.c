// SPDX-License-Identifier: MIT
/* Every kind of answer to the question who owns an address. */
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/ktest.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"
#include "mm/mm.h"
#include "mm/owner.h"
#include "mm/page.h"

static char text[OWNER_TEXT_MAX];

static const uint8_t rodata_byte = 1;
static uint8_t data_byte = 1;
static uint8_t bss_byte;
static uint8_t noload_byte __noload;
static uint8_t init_byte __ro_after_init = 1;

static bool expect_text(struct ktest_run *t, const char *glob)
{
	bool ok = expect(t, glob_match(glob, text));

	if (!ok)
		print("# '%s' is not like '%s'\n", text, glob);
	return ok;
}

static bool expect_owner(struct ktest_run *t, uint64_t va, const char *glob)
{
	size_t len = owner_describe(va, text, sizeof(text));

	return expect_eq(t, len, strlen(text)) && expect_text(t, glob);
}

static bool expect_physical(struct ktest_run *t, paddr_t pa, const char *glob)
{
	size_t len = owner_describe_physical(pa, text, sizeof(text));

	return expect_eq(t, len, strlen(text)) && expect_text(t, glob);
}

KTEST(owner_tells_where_nothing_can_be)
{
	expect_owner(t, 0, "null page 0x0-0xfff +0x0");
	expect_owner(t, 0xfff, "null page 0x0-0xfff +0xfff");
	expect_owner(t, 0x1008, "lower half, where nothing is mapped, 4104 bytes above null");
	expect_owner(t, BIT(47) - 1, "lower half, where nothing is mapped");
	expect_owner(t, BIT(47), "no virtual address: not canonical");
	expect_owner(t, -BIT(47) - 1, "no virtual address: not canonical");
	expect_owner(t, BIT(63), "no virtual address: not canonical");
	expect_owner(t, UINT64_MAX, "nobody's: 1024 MiB past the end of the early window");
}

KTEST(owner_tells_the_parts_of_the_image)
{
	uint8_t here;

	expect_owner(t, (uintptr_t)image_start, "kernel text 0x*-0x* +0x0");
	expect_owner(t, (uintptr_t)exception_init, "kernel text *");
	expect_owner(t, (uintptr_t)&rodata_byte, "kernel rodata *");
	expect_owner(t, (uintptr_t)&init_byte, "kernel data, read-only after init, *");
	expect_owner(t, (uintptr_t)&data_byte, "kernel data 0x*");
	expect_owner(t, (uintptr_t)&bss_byte, "kernel bss 0x*");
	expect_owner(t, (uintptr_t)&noload_byte, "kernel memory not cleared at entry *");
	expect_owner(t, (uintptr_t)boot_tables + 0x123, "kernel page tables 0x*-0x* +0x123");
	expect_owner(t, (uintptr_t)&here, "kernel stack 0x*");
	expect_owner(t, (uintptr_t)image_start - 16, "nobody's: 16 bytes before the kernel text");
	expect_owner(t, (uintptr_t)image_end + 64,
		     "nobody's: 64 bytes past the end of the *");
	expect_owner(t, WINDOW_BASE - 1, "nobody's: 1 bytes before the early window");
}

KTEST(owner_tells_stacks_and_their_guards)
{
	static const struct {
		const char *guard, *bottom, *top, *name;
	} stacks[] = {
		{ stack_guard, stack_bottom, stack_top, "kernel stack" },
		{ stack_double_fault_guard, stack_double_fault_bottom, stack_double_fault_top,
		  "double fault stack" },
		{ stack_nmi_guard, stack_nmi_bottom, stack_nmi_top, "NMI stack" },
		{ stack_machine_check_guard, stack_machine_check_bottom, stack_machine_check_top,
		  "machine check stack" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		char glob[80];

		format(glob, sizeof(glob), "%s 0x*-0x* +0x0", stacks[i].name);
		expect_owner(t, (uintptr_t)stacks[i].bottom, glob);
		format(glob, sizeof(glob), "%s 0x*", stacks[i].name);
		expect_owner(t, (uintptr_t)stacks[i].top - 1, glob);
		format(glob, sizeof(glob), "guard page of the %s, 8 bytes below it",
		       stacks[i].name);
		expect_owner(t, (uintptr_t)stacks[i].bottom - 8, glob);
		format(glob, sizeof(glob), "guard page of the %s, 4096 bytes below it",
		       stacks[i].name);
		expect_owner(t, (uintptr_t)stacks[i].guard, glob);
	}
}

KTEST(owner_tells_pages_and_heap)
{
	uint8_t *page = page_alloc(2, PAGE_ANY);
	uint8_t *small = kmalloc(100);
	uint8_t *large = kmalloc(MIB / 4);
	char glob[160];
	paddr_t pa;

	require(t, page && small && large);
	pa = (uintptr_t)page - DIRECT_BASE;
	format(glob, sizeof(glob), "direct map, physical 0x%llx: RAM (usable) 0x*-0x*, allocated "
	       "pages 0x%llx-0x%llx +0x3007", (unsigned long long)pa + 0x3007,
	       (unsigned long long)pa, (unsigned long long)pa + 0x3fff);
	expect_owner(t, (uintptr_t)page + 0x3007, glob);
	format(glob, sizeof(glob), "RAM (usable) 0x*-0x*, allocated pages 0x%llx-0x%llx +0x1",
	       (unsigned long long)pa, (unsigned long long)pa + 0x3fff);
	expect_physical(t, pa + 1, glob);
	expect_owner(t, (uintptr_t)small, "*direct map*RAM (usable)*, heap span 0x*-0x* +0x*");
	expect_physical(t, (uintptr_t)small - DIRECT_BASE, "*RAM (usable)*, heap span 0x*");
	expect_owner(t, (uintptr_t)large + 5, "*RAM (usable)*, heap block of whole pages 0x*");
	kfree(large);
	kfree(small);
	page_free(page, 2);
	expect_owner(t, (uintptr_t)page, "direct map, physical 0x*: RAM (usable) 0x*-0x*, free");
}

KTEST(owner_tells_every_block_of_pages)
{
	const struct regions *map = mm_map();
	unsigned blocks = 0;

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];
		char glob[160];
		struct page_block b;

		if (r->kind != REGION_USABLE)
			continue;
		/* Not every page of a large machine: each of the first GiB, then one in 4 MiB. */
		for (paddr_t pa = r->start; pa < r->end && blocks < 1000;
		     pa += pa - r->start < GIB ? PAGE_SIZE : 4 * MIB) {
			if (!page_block_find(mm_pages(), pa, &b))
				continue;
			format(glob, sizeof(glob), "*RAM (usable) 0x%llx-0x*, * 0x%llx-0x* +0x%llx",
			       (unsigned long long)r->start, (unsigned long long)b.start,
			       (unsigned long long)(pa + 1 - b.start));
			require(t, expect_physical(t, pa + 1, glob));
			blocks++;
		}
	}
	expect(t, blocks > 0);
}

KTEST(owner_tells_what_the_direct_map_leaves_out)
{
	expect_owner(t, DIRECT_BASE + 0x1000,
		     "direct map, which leaves out physical 0x1000: low memory (claimed) "
		     "0x0-0xfffff");
	expect_owner(t, DIRECT_BASE + image_physical_start() + 1,
		     "direct map, which leaves out physical 0x*: kernel (claimed) 0x*");
	expect_owner(t, DIRECT_BASE + DIRECT_SIZE - 1,
		     "direct map, which leaves out physical 0x3fffffffffff: *");
}

/* Some pages that the map does not name. */
static paddr_t find_nowhere(void)
{
	paddr_t pa = BIT(cpu_physical_bits()) - 64 * MIB;

	while (regions_overlap(mm_map(), pa, 64 * KIB))
		pa -= 64 * MIB;
	return pa;
}

KTEST(owner_tells_device_mappings)
{
	const paddr_t nowhere = find_nowhere();
	struct mmio *m = ioremap(nowhere + 0x10, 0x2000, IOREMAP_UNCACHED);
	uintptr_t va = (uintptr_t)m;
	struct ioremap_range r;
	char glob[160];

	require(t, m != NULL);
	require(t, ioremap_find(va, &r));
	expect(t, r.start <= va && r.end == align_up(va + 0x2000, PAGE_SIZE));
	format(glob, sizeof(glob), "device mapping of physical 0x%llx: nobody's: *",
	       (unsigned long long)nowhere + 0x18);
	expect_owner(t, va + 8, glob);
	format(glob, sizeof(glob), "device window, nothing is mapped here: 4 bytes past the end "
	       "of the mapping 0x%llx-0x%llx", (unsigned long long)r.start,
	       (unsigned long long)r.end - 1);
	expect_owner(t, r.end + 4, glob);
	iounmap(m);
	expect_owner(t, va, "device window, nothing is mapped here*");
	expect_owner(t, DEVICE_BASE, "device window, nothing is mapped here");
	expect_owner(t, DEVICE_BASE + DEVICE_SIZE - 1, "device window, nothing is mapped here*");
	expect_owner(t, DEVICE_BASE + DEVICE_SIZE, "nobody's: 0 bytes past the end of the device "
		     "window");
	expect(t, !ioremap_find(DEVICE_BASE, &r));
}

KTEST(owner_tells_the_early_window)
{
	const char *p;

	expect_owner(t, WINDOW_BASE, "early window, nothing is mapped here");
	p = early_map(0x1010, 8);
	require(t, p != NULL);
	expect_owner(t, (uintptr_t)p + 1,
		     "early window of physical 0x1011: low memory (claimed) 0x0-0xfffff");
	early_unmap();
	expect_owner(t, (uintptr_t)p, "early window, nothing is mapped here");
}

KTEST(owner_tells_physical_ranges)
{
	const struct regions *map = mm_map();
	char glob[160];

	expect_physical(t, 0, "low memory (claimed) 0x0-0xfffff");
	expect_physical(t, image_to_physical(&data_byte), "kernel (claimed) 0x*-0x*, kernel data");
	expect_physical(t, image_to_physical(stack_guard),
			"kernel (claimed) 0x*-0x*, guard page of the kernel stack");
	for (uint32_t i = 0; i < boot_info.module_count; i++)
		expect_physical(t, boot_info.modules[i].start, "* (claimed) 0x*");
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		format(glob, sizeof(glob), "*%s (%s) 0x%llx-0x%llx*", r->name,
		       region_kind_name(r->kind), (unsigned long long)r->start,
		       (unsigned long long)r->end - 1);
		if (r->end <= BIT(cpu_physical_bits())) {
			expect_physical(t, r->start, glob);
			expect_physical(t, r->end - 1, glob);
		}
	}
	expect_physical(t, BIT(cpu_physical_bits()), "no address of this processor*");
	expect_physical(t, UINT64_MAX, "no address of this processor*");
}

KTEST(owner_tells_the_nearest_range_of_nobody)
{
	const struct regions *map = mm_map();
	paddr_t limit = BIT(cpu_physical_bits());
	char glob[160];

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];
		paddr_t next = i + 1 < map->count ? r[1].start : UINT64_MAX;

		if (r->end >= limit || next - r->end < PAGE_SIZE)
			continue;
		format(glob, sizeof(glob), "nobody's: 64 bytes past the end of %s (*) 0x%llx-*",
		       r->name, (unsigned long long)r->start);
		expect_physical(t, r->end + 64, glob);
		if (next > limit)
			continue;
		format(glob, sizeof(glob), "nobody's: 64 bytes before %s (*) 0x%llx-*",
		       r[1].name, (unsigned long long)next);
		expect_physical(t, next - 64, glob);
	}
}

/* Any number and any room: nothing faults, nothing beyond the room is written. */
KTEST(owner_takes_any_number)
{
	enum { GUARD = 8 };
	static char room[OWNER_TEXT_MAX + GUARD];

	for (uint64_t i = 0; i < min(ktest_operations(), UINT64_C(20000)); i++) {
		uint64_t address = ktest_random(t);
		size_t size = 1 + ktest_random_below(t, OWNER_TEXT_MAX);
		size_t len;

		if (i % 4 == 1)
			address >>= ktest_random_below(t, 64);
		else if (i % 4 == 2)
			address = DIRECT_BASE + (address >> (18 + ktest_random_below(t, 46)));
		else if (i % 4 == 3)
			address = (uintptr_t)image_start + address % (4 * MIB);
		memset(room, 0x5a, sizeof(room));
		len = i % 2 ? owner_describe(address, room, size) :
			      owner_describe_physical(address, room, size);
		require(t, len < size && strnlen(room, size) == len && !strchr(room, '\n'));
		require(t, size < 16 || len > 0);
		for (size_t j = 0; j < GUARD; j++)
			require(t, room[size + j] == 0x5a);
	}
}

/* Sources of our own, for one byte each. */
static uint8_t known, known_to_all;

static bool describe_block(uint64_t va, char *buf, size_t size)
{
	if (va != (uintptr_t)&known && va != (uintptr_t)&known_to_all)
		return false;
	format(buf, size, "live block of a test's");
	return true;
}

static bool describe_caller(uint64_t va, char *buf, size_t size)
{
	if (va != (uintptr_t)&known_to_all)
		return false;
	format(buf, size, "allocated at x.c:12");
	return true;
}

OWNER_SOURCE(test_block, OWNER_BLOCK, describe_block);
OWNER_SOURCE(test_caller, OWNER_CALLER, describe_caller);

KTEST(owner_joins_the_answers_of_all_sources)
{
	expect_owner(t, (uintptr_t)&known, "live block of a test's; kernel bss *");
	expect_owner(t, (uintptr_t)&known_to_all,
		     "allocated at x.c:12; live block of a test's; kernel bss *");
	expect_eq(t, owner_describe_block((uintptr_t)&known_to_all, text, sizeof(text)),
		  strlen("allocated at x.c:12; live block of a test's"));
	expect_eq(t, owner_describe_block((uintptr_t)&bss_byte, text, sizeof(text)), 0);
	expect_str(t, text, "");
	for (size_t size = 1; size < 64; size++) {
		size_t len = owner_describe((uintptr_t)&known_to_all, text, size);

		expect(t, len < size && text[len] == '\0');
	}
}
