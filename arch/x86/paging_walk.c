// SPDX-License-Identifier: MIT
#include "arch/x86/paging.h"

#include "arch/x86/paging_entry.h"

/* A walk over everything: what is to be told, and the run of pages that grows. */
struct walk {
	const struct paging_visitor *visitor;
	void *context;
	struct paging_mapping run;
};

static void walk_tell(struct walk *w)
{
	if (w->run.len > 0)
		w->visitor->mapping(w->context, &w->run);
	w->run.len = 0;
}

static void walk_page(struct walk *w, uintptr_t va, uint64_t entry, unsigned level)
{
	uint64_t size = level_size(level);
	paddr_t pa = entry & PTE_ADDRESS & ~(size - 1);
	unsigned flags = paging_flags_of(entry);
	struct paging_mapping *r = &w->run;

	if (r->len > 0 && r->va + r->len == va && r->pa + r->len == pa &&
	    r->page_size == size && r->flags == flags) {
		r->len += size;
		return;
	}
	walk_tell(w);
	*r = (struct paging_mapping){ va, pa, size, size, flags };
}

static void walk_table(struct walk *w, const uint64_t *table, uintptr_t va, unsigned level)
{
	for (unsigned i = 0; i < TABLE_ENTRIES; i++, va += level_size(level)) {
		paddr_t below = table[i] & PTE_ADDRESS;

		if (level == LEVEL_TOP && i == TABLE_ENTRIES / 2)
			va |= GENMASK(63, level_shift(LEVEL_TOP + 1));	/* canonical */
		if (pte_is_table(table[i], level)) {
			if (w->visitor->table)
				w->visitor->table(w->context, below);
			walk_table(w, paging_table_at(below), va, level - 1);
		} else if (table[i] & PTE_PRESENT) {
			walk_page(w, va, table[i], level);
		}
	}
}

void paging_walk(const struct paging_visitor *visitor, void *context)
{
	struct walk w = { .visitor = visitor, .context = context };

	if (visitor->table)
		visitor->table(context, image_to_physical(paging_top_table()));
	walk_table(&w, paging_top_table(), 0, LEVEL_TOP);
	walk_tell(&w);
}
