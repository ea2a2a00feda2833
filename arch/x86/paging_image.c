// SPDX-License-Identifier: MIT
/* Where the image lies, the rights of its parts, and the early window. */
#include "arch/x86/paging.h"

#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging_entry.h"
#include "arch/x86/boot/boot.h"
#include "kernel/panic.h"

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

/* Gives [start, end) of the image, whose pages are all mapped and small, these rights. */
static void protect(const char *start, const char *end, unsigned flags)
{
	if (paging_protect((uintptr_t)start, end - start, flags))
		panic("paging: the image is not mapped at %p-%p", (const void *)start,
		      (const void *)end);
}

static void unmap_guard(const char *page)
{
	if (paging_unmap((uintptr_t)page, PAGE_SIZE))
		panic("paging: the guard page %p cannot be unmapped", (const void *)page);
}

static void init_cache_types(void)
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
	init_cache_types();
	protect(image_start, rodata_start, PAGING_EXECUTE);
	protect(rodata_start, data_start, PAGING_READ);
	protect(data_start, image_end, PAGING_WRITE);
	unmap_guard(stack_guard);
	unmap_guard(stack_double_fault_guard);
	unmap_guard(stack_nmi_guard);
	unmap_guard(stack_machine_check_guard);
	paging_top_table()[0] = 0;	/* the identity mapping, tables and all */
	write_cr3(read_cr3());
}

void paging_protect_after_init(void)
{
	protect(data_start, ro_after_init_end, PAGING_READ);
}

/* The entries of the window: it is used too often, and too early, for more ado. */
static uint64_t *window_entries(void)
{
	return (uint64_t *)(boot_tables + BOOT_TABLE_WINDOW * PAGE_SIZE) +
	       level_index(WINDOW_BASE, 0);
}

const void *early_map(paddr_t pa, size_t len)
{
	size_t offset = pa % PAGE_SIZE;

	if (len == 0 || len > WINDOW_SIZE - offset || window_pages > 0 ||
	    pa + len < pa || (pa + len - 1) >> cpu_physical_bits() != 0)
		return NULL;
	window_pages = (offset + len + PAGE_SIZE - 1) / PAGE_SIZE;
	for (size_t i = 0; i < window_pages; i++)
		window_entries()[i] = (pa - offset + i * PAGE_SIZE) | paging_pte(PAGING_READ);
	return (const void *)(WINDOW_BASE + offset);
}

void early_unmap(void)
{
	for (size_t i = 0; i < window_pages; i++) {
		window_entries()[i] = 0;
		invlpg(WINDOW_BASE + i * PAGE_SIZE);
	}
	window_pages = 0;
}
