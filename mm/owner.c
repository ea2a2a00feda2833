// SPDX-License-Identifier: MIT
/*
 * The places of the address space stand in a table, sorted; whatever lies in
 * none of them is described by the nearest. The direct map leads on to the
 * physical address, and that to the map and to the page allocator.
 */
#include "mm/owner.h"

#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "mm/ioremap.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"
#include "mm/page.h"

#define CANONICAL_BITS	48

struct text {
	char *buf;
	size_t size, len;
};

static void __printf(2, 3) say(struct text *t, const char *fmt, ...)
{
	va_list args;
	size_t want;

	va_start(args, fmt);
	want = (size_t)format_va(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	t->len = min(t->len + want, t->size - 1);
}

/* Lengths are easier to grasp in a unit that fits. */
static void say_length(struct text *t, uint64_t bytes)
{
	if (bytes < MIB)
		say(t, "%llu bytes", (unsigned long long)bytes);
	else if (bytes < 16 * GIB)
		say(t, "%llu MiB", (unsigned long long)(bytes / MIB));
	else
		say(t, "%llu GiB", (unsigned long long)(bytes / GIB));
}

/* "A-B +C": where `address` lies within [start, end). */
static void say_within(struct text *t, uint64_t start, uint64_t end, uint64_t address)
{
	say(t, " 0x%llx-0x%llx +0x%llx", (unsigned long long)start,
	    (unsigned long long)(end - 1), (unsigned long long)(address - start));
}

/* What the page allocator does with a page of RAM. */
static void say_block(struct text *t, paddr_t pa)
{
	struct page_block b;

	if (!mm_ready())
		return;
	if (!page_block_find(mm_pages(), pa, &b)) {
		say(t, page_is_free(mm_pages(), pa) ? ", free" :
		    ", page allocator's metadata or page tables");
		return;
	}
	say(t, ", %s", page_use_name(b.use));
	say_within(t, b.start, b.start + b.pages * PAGE_SIZE, pa);
}

static void say_region(struct text *t, const struct region *r)
{
	say(t, "%s (%s) 0x%llx-0x%llx", r->name, region_kind_name(r->kind),
	    (unsigned long long)r->start, (unsigned long long)(r->end - 1));
}

/* The ranges on either side of an address that is in none; the nearer one counts. */
static void say_nearest_region(struct text *t, paddr_t pa)
{
	const struct regions *map = mm_map();
	const struct region *before = NULL, *after = NULL;

	for (size_t i = 0; i < map->count && !after; i++) {
		if (map->list[i].end <= pa)
			before = &map->list[i];
		else
			after = &map->list[i];
	}
	if (!before && !after) {
		say(t, "unknown: there is no memory map yet");
		return;
	}
	say(t, "nobody's: ");
	if (before && (!after || pa - before->end <= after->start - pa - 1)) {
		say_length(t, pa - before->end);
		say(t, " past the end of ");
		say_region(t, before);
	} else {
		say_length(t, after->start - pa);
		say(t, " before ");
		say_region(t, after);
	}
}

enum place_kind {
	PLACE_PLAIN,
	PLACE_GUARD,	/* below the stack that follows */
	PLACE_DIRECT,
	PLACE_DEVICE,
	PLACE_WINDOW,
};

struct place {
	uintptr_t start;
	uintptr_t end;		/* one past the last byte */
	const char *name;
	enum place_kind kind;
};

#define PART(start, end, name) \
	{ (uintptr_t)(start), (uintptr_t)(end), "kernel " name, PLACE_PLAIN }
#define STACK(id, name) \
	{ (uintptr_t)id##_guard, (uintptr_t)id##_bottom, name, PLACE_GUARD }, \
	{ (uintptr_t)id##_bottom, (uintptr_t)id##_top, name, PLACE_PLAIN }

/* Sorted by address. */
static const struct place places[] = {
	{ 0, PAGE_SIZE, "null page", PLACE_PLAIN },
	{ DIRECT_BASE, DIRECT_BASE + DIRECT_SIZE, "direct map", PLACE_DIRECT },
	{ DEVICE_BASE, DEVICE_BASE + DEVICE_SIZE, "device window", PLACE_DEVICE },
	PART(image_start, rodata_start, "text"),
	PART(rodata_start, data_start, "rodata"),
	PART(data_start, ro_after_init_end, "data, read-only after init,"),
	PART(ro_after_init_end, bss_start, "data"),
	PART(bss_start, bss_end, "bss"),
	PART(bss_end, boot_tables, "memory not cleared at entry"),
	PART(boot_tables, stack_guard, "page tables"),
	STACK(stack, "kernel stack"),
	STACK(stack_double_fault, "double fault stack"),
	STACK(stack_nmi, "NMI stack"),
	STACK(stack_machine_check, "machine check stack"),
	PART(stack_machine_check_top, image_end, "memory kept over a warm reset"),
	{ WINDOW_BASE, WINDOW_BASE + WINDOW_SIZE, "early window", PLACE_WINDOW },
};

/* The place that holds `va`; else NULL, and the number of those below it in *below. */
static const struct place *find_place(uint64_t va, size_t *below)
{
	for (*below = 0; *below < ARRAY_SIZE(places); (*below)++) {
		const struct place *p = &places[*below];

		if (va < p->start)
			return NULL;
		if (va - p->start < p->end - p->start)
			return p;
	}
	return NULL;
}

static void say_physical(struct text *t, paddr_t pa)
{
	const struct region *r;
	size_t below;

	if (pa >> cpu_physical_bits() != 0) {
		say(t, "no address of this processor, which has %u bits", cpu_physical_bits());
		return;
	}
	r = regions_find(mm_map(), pa);
	if (!r) {
		say_nearest_region(t, pa);
		return;
	}
	say_region(t, r);
	if (r->kind == REGION_USABLE)
		say_block(t, pa);
	if (pa >= image_physical_start() && pa < image_physical_end()) {
		const struct place *p = find_place(
			(uintptr_t)image_start + (pa - image_physical_start()), &below);

		say(t, ", %s%s", p && p->kind == PLACE_GUARD ? "guard page of the " : "",
		    p ? p->name : "padding");
	}
}

size_t owner_describe_physical(paddr_t pa, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };

	buf[0] = '\0';
	if (pa < DIRECT_SIZE)
		t.len = owner_describe_block(DIRECT_BASE + pa, buf, size);
	if (t.len)
		say(&t, "; ");
	say_physical(&t, pa);
	return t.len;
}

static void say_direct(struct text *t, uint64_t va)
{
	paddr_t pa = va - DIRECT_BASE;

	say(t, "direct map, %sphysical 0x%llx: ",
	    regions_usable(mm_map(), pa, 1) ? "" : "which leaves out ", (unsigned long long)pa);
	say_physical(t, pa);
}

/* `name`, where it is mapped to and who is there. False if it is not mapped. */
static bool say_mapped(struct text *t, uint64_t va, const char *name)
{
	struct paging_entry e;

	if (paging_lookup(va, &e))
		return false;
	say(t, "%s of physical 0x%llx: ", name, (unsigned long long)e.pa);
	say_physical(t, e.pa);
	return true;
}

static void say_device(struct text *t, uint64_t va)
{
	struct ioremap_range r;
	bool known = ioremap_find(va, &r);

	if (known && va < r.end && say_mapped(t, va, "device mapping"))
		return;
	say(t, "device window, nothing is mapped here");
	if (known && va >= r.end) {
		say(t, ": ");
		say_length(t, va - r.end);
		say(t, " past the end of the mapping 0x%llx-0x%llx",
		    (unsigned long long)r.start, (unsigned long long)(r.end - 1));
	}
}

/* Of an address of the upper half in no place: which is nearest. There always is one below. */
static void say_nearest_place(struct text *t, uint64_t va, size_t below)
{
	const struct place *before = &places[below - 1];
	const struct place *after = below < ARRAY_SIZE(places) ? &places[below] : NULL;

	say(t, "nobody's: ");
	if (!after || va - before->end <= after->start - va - 1) {
		say_length(t, va - before->end);
		say(t, " past the end of the %s", before->name);
	} else {
		say_length(t, after->start - va);
		say(t, " before the %s", after->name);
	}
}

/* Near its beginning: likely a member of a structure that is not there. */
static void say_lower_half(struct text *t, uint64_t va)
{
	say(t, "lower half, where nothing is mapped");
	if (va < MIB) {
		say(t, ", ");
		say_length(t, va);
		say(t, " above null");
	}
}

static bool is_canonical(uint64_t va)
{
	return va < BIT(CANONICAL_BITS - 1) || va >= -BIT(CANONICAL_BITS - 1);
}

static bool describe(uint64_t va, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };
	size_t below;
	const struct place *p = find_place(va, &below);

	if (!is_canonical(va)) {
		say(&t, "no virtual address: not canonical");
		return true;
	}
	if (!p) {
		if (va < BIT(CANONICAL_BITS - 1))
			say_lower_half(&t, va);
		else
			say_nearest_place(&t, va, below);
		return true;
	}
	switch (p->kind) {
	case PLACE_GUARD:
		say(&t, "guard page of the %s, ", p->name);
		say_length(&t, p->end - va);
		say(&t, " below it");
		break;
	case PLACE_DIRECT:
		say_direct(&t, va);
		break;
	case PLACE_DEVICE:
		say_device(&t, va);
		break;
	case PLACE_WINDOW:
		if (!say_mapped(&t, va, "early window"))
			say(&t, "early window, nothing is mapped here");
		break;
	case PLACE_PLAIN:
		say(&t, "%s", p->name);
		say_within(&t, p->start, p->end, va);
		break;
	}
	return true;
}

OWNER_SOURCE(place, OWNER_PLACE, describe);

static bool owner_describe_heap(uint64_t va, char *buf, size_t size)
{
	return mm_ready() && kmalloc_describe(va, buf, size);
}

OWNER_SOURCE(heap, OWNER_BLOCK, owner_describe_heap);
