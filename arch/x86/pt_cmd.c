// SPDX-License-Identifier: MIT
/* The command `pt`: what the live page tables map, joined where rights are the same. */
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"

/* The places of the virtual address space (arch/x86/layout.h), ascending. */
static const struct {
	uintptr_t start;
	const char *name;
} places[] = {
	{ 0, "low half" },
	{ DIRECT_BASE, "direct map" },
	{ DEVICE_BASE, "device window" },
	{ DEVICE_BASE + DEVICE_SIZE, "beyond the device window" },
	{ KERNEL_BASE, "image" },
	{ WINDOW_BASE, "early window" },
	{ SLOT_BASE, "table slots" },
	{ SLOT_BASE + SLOT_COUNT * PAGE_SIZE, "top" },
};

struct listing {
	struct paging_mapping run;	/* not yet printed; len 0: none */
	uint64_t bytes;
	unsigned mappings, tables;
	bool stopped;
};

static const char *place_name(uintptr_t va)
{
	size_t i = ARRAY_SIZE(places) - 1;

	while (places[i].start > va)
		i--;
	return places[i].name;
}

static const char *cache_name(unsigned flags)
{
	if (flags & PAGING_UNCACHED)
		return "uncached";
	return flags & PAGING_WRITE_COMBINING ? "combining" : "cached";
}

static void print_run(struct listing *l)
{
	const struct paging_mapping *m = &l->run;

	if (m->len == 0)
		return;
	l->stopped = l->stopped || shell_interrupted();
	if (l->stopped)
		return;
	print("0x%016llx-0x%016llx %10llu KiB  %c%c%c %-9s 0x%012llx  %s\n",
	      (unsigned long long)m->va, (unsigned long long)(m->va + m->len - 1),
	      (unsigned long long)(m->len / KIB), 'r', m->flags & PAGING_WRITE ? 'w' : '-',
	      m->flags & PAGING_EXECUTE ? 'x' : '-', cache_name(m->flags),
	      (unsigned long long)m->pa, place_name(m->va));
	l->mappings++;
	l->bytes += m->len;
}

/* Page sizes do not matter here: neighbours that differ in nothing else are one. */
static void list_mapping(void *context, const struct paging_mapping *m)
{
	struct listing *l = context;
	struct paging_mapping *r = &l->run;

	if (r->len > 0 && r->va + r->len == m->va && r->pa + r->len == m->pa &&
	    r->flags == m->flags) {
		r->len += m->len;
		return;
	}
	print_run(l);
	*r = *m;
}

static void count_table(void *context, paddr_t pa __unused)
{
	struct listing *l = context;

	l->tables++;
}

static int pt_run(int argc, char **argv __unused)
{
	static const struct paging_visitor visitor = { list_mapping, count_table };
	struct listing l = { 0 };

	if (argc != 1)
		return -EINVAL;
	paging_walk(&visitor, &l);
	print_run(&l);
	if (l.stopped)
		return -EINTR;
	print("%u mappings, %llu KiB, by %u page tables\n", l.mappings,
	      (unsigned long long)(l.bytes / KIB), l.tables);
	return 0;
}

SHELL_COMMAND(pt, "", "list what the page tables map", pt_run);
