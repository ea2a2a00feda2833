// SPDX-License-Identifier: MIT
/*
 * From the root pointer to the readers. Every table is listed in
 * acpi_info.tables, the root first and the DSDT, which only the FADT names,
 * last; what is wrong with one stands beside it. A table is first mapped for
 * its header, which says how long it is, then whole.
 */
#include "drivers/acpi/table.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

/* Who reads which table. Of each of these there is one. */
static const struct {
	char signature[5];
	const char *(*read)(const void *table, size_t len, struct acpi_info *out);
} readers[] = {
	{ "APIC", madt_read },
	{ "FACP", fadt_read },
	{ "HPET", hpet_read },
	{ "MCFG", mcfg_read },
	{ "SPCR", spcr_read },
};

struct walk {
	const struct acpi_memory *m;
	struct acpi_info *out;
};

/* What cannot be printed must not reach a console. */
static void copy_signature(char *to, const char *from)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
	to[4] = '\0';
}

static const char *note(struct acpi_table *t, const char *problem)
{
	if (problem && !t->problem) {
		t->problem = problem;
		log_warn("%s at 0x%llx: %s", t->signature, (unsigned long long)t->pa, problem);
	}
	return problem;
}

/* A new entry of the list; NULL if there is no room. */
static struct acpi_table *list_add(struct walk *w, paddr_t pa)
{
	struct acpi_info *out = w->out;
	struct acpi_table *t;

	if (out->table_count == ACPI_LIST_MAX) {
		out->tables_lost++;
		return NULL;
	}
	t = &out->tables[out->table_count++];
	*t = (struct acpi_table){ .signature = "????", .pa = pa };
	return t;
}

static bool is_listed_before(const struct walk *w, const struct acpi_table *t, bool by_signature)
{
	for (const struct acpi_table *o = w->out->tables; o < t; o++) {
		if (by_signature ? strcmp(o->signature, t->signature) == 0 && !o->problem
				 : o->pa == t->pa)
			return true;
	}
	return false;
}

static const char *read_header(struct walk *w, struct acpi_table *t)
{
	const struct acpi_header *h;

	if (is_listed_before(w, t, false))
		return "listed twice";
	h = w->m->map(w->m, t->pa, sizeof(*h));
	if (!h)
		return "cannot be mapped";
	copy_signature(t->signature, h->signature);
	t->length = h->length;
	w->m->unmap(w->m);
	return t->length < sizeof(*h) ? "shorter than a header" : NULL;
}

/*
 * Lists the table at `pa` and maps it; NULL if it is not good, or is none of
 * the kind that is wanted (NULL: any). Unmapped by the caller.
 */
static const void *open_table(struct walk *w, paddr_t pa, const char *wanted,
			      struct acpi_table **listed)
{
	struct acpi_table *t = list_add(w, pa);
	const void *table;

	*listed = t;
	if (!t || note(t, read_header(w, t)))
		return NULL;
	if (wanted && strcmp(t->signature, wanted) != 0) {
		note(t, "not the table that it should be");
		return NULL;
	}
	table = acpi_map_table(w->m, t);
	if (!table) {
		note(t, "longer than can be mapped");
		return NULL;
	}
	if (acpi_sum(table, t->length) != 0) {
		note(t, "bad checksum");
		w->m->unmap(w->m);
		return NULL;
	}
	return table;
}

static void read_table(struct walk *w, paddr_t pa)
{
	struct acpi_table *t;
	const void *table = open_table(w, pa, NULL, &t);
	const char *problem = NULL;

	if (!table)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		if (strcmp(readers[i].signature, t->signature) != 0)
			continue;
		problem = is_listed_before(w, t, true) ? "there is one before it"
						       : readers[i].read(table, t->length, w->out);
	}
	w->m->unmap(w->m);
	note(t, problem);
}

/* The address in entry `i` of a root table of entries of `size` bytes; false behind the last. */
static bool root_entry(struct walk *w, const struct acpi_table *root, uint64_t i, size_t size,
		       paddr_t *pa)
{
	uint64_t at = sizeof(struct acpi_header) + i * size;
	const uint8_t *p;

	if (at + size > root->length)
		return false;
	p = w->m->map(w->m, root->pa + at, size);
	if (!p)
		return false;
	*pa = 0;
	for (size_t byte = size; byte-- > 0;)
		*pa = *pa << 8 | p[byte];
	w->m->unmap(w->m);
	return true;
}

/* Reads what an XSDT (5.2.8) or an RSDT (5.2.7) lists. False: not good, or it lists nothing. */
static bool read_root(struct walk *w, paddr_t pa, const char *signature, size_t entry_size)
{
	struct acpi_table *t;
	bool empty = true;
	paddr_t entry;

	if (pa == 0 || !open_table(w, pa, signature, &t))
		return false;
	w->m->unmap(w->m);
	/*
	 * Entries behind the longest list are counted, not looked at. One place
	 * stays free for the DSDT, which is read last and matters most.
	 */
	for (uint64_t i = 0; root_entry(w, t, i, entry_size, &entry); i++) {
		empty = empty && entry == 0;
		if (entry != 0 && w->out->table_count < ACPI_LIST_MAX - 1) {
			read_table(w, entry);
		} else if (entry != 0) {
			w->out->tables_lost += (t->length - sizeof(struct acpi_header)) /
					       entry_size - (unsigned)i;
			break;
		}
	}
	return !note(t, empty ? "lists no table" : NULL);
}

static void read_dsdt(struct walk *w)
{
	struct acpi_table *t;

	if (w->out->fadt.dsdt && open_table(w, w->out->fadt.dsdt, "DSDT", &t))
		w->m->unmap(w->m);
}

void acpi_read_tables(const struct acpi_memory *m, const struct acpi_hint *hint,
		      struct acpi_info *out)
{
	struct walk w = { m, out };
	struct acpi_root root;

	if (acpi_find_root(m, hint, &root))
		return;
	out->rsdp_from = root.from;
	out->rsdp = root.rsdp;
	if (!read_root(&w, root.xsdt, "XSDT", sizeof(uint64_t)) &&
	    !read_root(&w, root.rsdt, "RSDT", sizeof(uint32_t)))
		log_warn("the RSDP names no XSDT or RSDT that can be read");
	read_dsdt(&w);
	if (out->tables_lost)
		log_warn("%u tables more than are listed", out->tables_lost);
}
