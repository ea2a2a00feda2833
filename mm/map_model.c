// SPDX-License-Identifier: MIT
/*
 * Every range has two ends. The ends are sorted; a sweep over them counts how
 * many ranges of each kind are open, and the highest kind that is open counts.
 */
#include "mm/map_model.h"

#include <stdlib.h>

#include "arch/x86/boot/boot.h"
#include "kernel/lib/string.h"
#include "mm/map.h"

enum { KINDS = REGION_CLAIMED + 1, LOST_MODULES_FROM = BOOT_MODULES_MAX };

typedef unsigned __int128 wide;

#define END_OF_BYTES	((wide)1 << 64)
#define END_OF_PAGES	((UINT64_C(1) << 52) - 1)	/* the last page's end has no address */

struct end {
	uint64_t at;
	enum region_kind kind;
	int step;		/* 1: opens, -1: closes */
};

/* The ends collected so far; bytes or pages, as the caller likes. */
static struct end ends[2 * MODEL_SPANS_MAX];
static size_t end_count;

static void add_ends(uint64_t first, uint64_t end, enum region_kind kind)
{
	if (first >= end)
		return;
	ends[end_count++] = (struct end){ first, kind, 1 };
	ends[end_count++] = (struct end){ end, kind, -1 };
}

static enum region_kind e820_kind(uint32_t type)
{
	static const enum region_kind kinds[] = {
		[1] = REGION_USABLE, [3] = REGION_RECLAIMABLE, [4] = REGION_NVS,
		[5] = REGION_BAD, [7] = REGION_PERSISTENT, [12] = REGION_PERSISTENT,
	};

	return type < ARRAY_SIZE(kinds) && kinds[type] ? kinds[type] : REGION_RESERVED;
}

static bool efi_withholds(uint32_t type)
{
	return type == 5 || type == 6 || type == 11 || type == 12 || type == 15;
}

/* Inwards to pages if usable, else outwards. */
static void add_range(wide base, wide len, enum region_kind kind)
{
	wide end = base + len;
	uint64_t first;

	if (len == 0)
		return;
	if (kind != REGION_USABLE) {
		end = end < END_OF_BYTES ? (end + PAGE_SIZE - 1) / PAGE_SIZE : END_OF_PAGES;
		first = base / PAGE_SIZE;
		add_ends(first, end < END_OF_PAGES ? end : END_OF_PAGES, kind);
		return;
	}
	if (end >= END_OF_BYTES)
		return;
	first = (base + PAGE_SIZE - 1) / PAGE_SIZE;
	add_ends(first, end / PAGE_SIZE, REGION_USABLE);
}

static void add_firmware(const struct model_source *s)
{
	unsigned listed = 0;

	for (size_t i = 0; i < s->e820_count; i++) {
		const struct model_entry *e = &s->e820[i];

		add_range(e->base, e->len, e820_kind(e->type));
	}
	for (size_t i = 0; i < s->efi_count; i++) {
		const struct model_entry *e = &s->efi[i];

		if (efi_withholds(e->type))
			add_range(e->base, (wide)e->len * PAGE_SIZE, REGION_RESERVED);
	}
	/* What the kernel has no room to list it claims at once. */
	for (size_t i = 0; i < s->module_count; i++) {
		const struct model_module *m = &s->modules[i];

		if (m->end > m->start && listed++ >= LOST_MODULES_FROM)
			add_range(m->start, m->end - m->start, REGION_CLAIMED);
	}
}

static int compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void append(struct model_map *m, uint64_t first, uint64_t end, enum region_kind kind)
{
	struct model_span *last = m->count ? &m->spans[m->count - 1] : NULL;

	if (last && last->end == first && last->kind == kind)
		last->end = end;
	else
		m->spans[m->count++] = (struct model_span){ first, end, kind };
}

static void sweep(struct model_map *out)
{
	int open[KINDS] = { 0 };

	out->count = 0;
	qsort(ends, end_count, sizeof(*ends), compare_ends);
	for (size_t i = 0; i < end_count; i++) {
		enum region_kind kind = KINDS - 1;

		open[ends[i].kind] += ends[i].step;
		if (i + 1 == end_count || ends[i + 1].at == ends[i].at)
			continue;
		while (kind > 0 && !open[kind])
			kind--;
		if (kind > 0)
			append(out, ends[i].at, ends[i + 1].at, kind);
	}
	end_count = 0;
}

void model_firmware(const struct model_source *s, struct model_map *out)
{
	add_firmware(s);
	sweep(out);
}

void model_kernel(const struct model_source *s, size_t info_len, struct boot_range image,
		  paddr_t reach, struct model_map *out)
{
	static struct model_map reachable;

	add_firmware(s);
	add_range(0, 1 << 20, REGION_CLAIMED);
	add_range(image.start, image.end - image.start, REGION_CLAIMED);
	add_range(MODEL_INFO_ADDRESS, info_len, REGION_CLAIMED);
	for (size_t i = 0; i < s->module_count; i++) {
		const struct model_module *m = &s->modules[i];

		if (m->end > m->start)
			add_range(m->start, m->end - m->start, REGION_CLAIMED);
	}
	sweep(&reachable);
	out->count = 0;
	for (size_t i = 0; i < reachable.count; i++) {
		const struct model_span *x = &reachable.spans[i];
		uint64_t seam = x->kind == REGION_USABLE ? reach / PAGE_SIZE : END_OF_PAGES;

		if (x->first < seam)
			append(out, x->first, min(x->end, seam), x->kind);
		if (x->end > seam)
			append(out, max(x->first, seam), x->end, REGION_RESERVED);
	}
}

static uint64_t units(const struct model_map *m, enum region_kind kind)
{
	uint64_t total = 0;

	for (size_t i = 0; i < m->count; i++)
		if (m->spans[i].kind == kind)
			total += m->spans[i].end - m->spans[i].first;
	return total;
}

uint64_t model_usable_bytes(const struct model_source *s)
{
	static struct model_map bytes;

	for (size_t i = 0; i < s->e820_count; i++) {
		const struct model_entry *e = &s->e820[i];
		wide end = (wide)e->base + e->len;
		bool wraps = end >= END_OF_BYTES;

		if (!wraps || e820_kind(e->type) != REGION_USABLE)
			add_ends(e->base, wraps ? UINT64_MAX : (uint64_t)end, e820_kind(e->type));
	}
	for (size_t i = 0; i < s->efi_count; i++) {
		const struct model_entry *e = &s->efi[i];
		wide end = e->base + (wide)e->len * PAGE_SIZE;

		if (efi_withholds(e->type))
			add_ends(e->base, end < END_OF_BYTES ? (uint64_t)end : UINT64_MAX,
				 REGION_RESERVED);
	}
	sweep(&bytes);
	return units(&bytes, REGION_USABLE);
}

uint64_t model_total(const struct model_map *m, enum region_kind kind)
{
	return units(m, kind) * PAGE_SIZE;
}

/* The kernel's list in pages; neighbours that differ in name alone are joined. */
static void from_regions(struct model_map *m, const struct regions *r)
{
	m->count = 0;
	for (size_t i = 0; i < r->count; i++)
		append(m, r->list[i].start / PAGE_SIZE, r->list[i].end / PAGE_SIZE,
		       r->list[i].kind);
}

bool model_agrees(const struct model_map *m, const struct regions *r)
{
	static struct model_map got;

	from_regions(&got, r);
	for (size_t i = 0; i < min(got.count, m->count); i++) {
		const struct model_span *x = &got.spans[i], *y = &m->spans[i];

		if (x->first != y->first || x->end != y->end || x->kind != y->kind)
			return false;
	}
	return got.count == m->count;
}

/* Whether pages [x->first, x->end) are usable in `m`. */
static bool is_usable(const struct model_map *m, const struct model_span *x)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct model_span *y = &m->spans[i];

		if (y->kind == REGION_USABLE && y->first <= x->first && x->end <= y->end)
			return true;
	}
	return false;
}

/* Whether every page of `x` is withheld in `m`, by its kind or a stricter one. */
static bool is_withheld(const struct model_map *m, const struct model_span *x)
{
	uint64_t at = x->first;

	for (size_t i = 0; i < m->count && at < x->end; i++) {
		const struct model_span *y = &m->spans[i];

		if (y->end <= at)
			continue;
		if (y->first > at || y->kind < x->kind)
			return false;
		at = y->end;
	}
	return at >= x->end;
}

bool model_allows(const struct model_map *m, const struct regions *r)
{
	static struct model_map got;

	from_regions(&got, r);
	for (size_t i = 0; i < got.count; i++)
		if (got.spans[i].kind == REGION_USABLE && !is_usable(m, &got.spans[i]))
			return false;
	for (size_t i = 0; i < m->count; i++)
		if (m->spans[i].kind != REGION_USABLE && !is_withheld(&got, &m->spans[i]))
			return false;
	return true;
}

uint32_t model_e820_type(uint32_t efi_type)
{
	switch (efi_type) {
	case 1: case 2: case 3: case 4: case 7:
		return 1;
	case 8:
		return 5;
	case 9:
		return 3;
	case 10:
		return 4;
	default:
		return 2;
	}
}

/* Boot information as it grows. */
struct packer {
	uint8_t *bytes;
	size_t len, size;
};

static void put(struct packer *p, const void *data, size_t len)
{
	if (p->len + len > p->size) {
		p->size = 2 * (p->len + len);
		p->bytes = realloc(p->bytes, p->size);
	}
	memcpy(p->bytes + p->len, data, len);
	p->len += len;
}

static void put_tag(struct packer *p, uint32_t type, size_t payload)
{
	const uint32_t head[2] = { type, 8 + payload };

	put(p, head, sizeof(head));
}

static void put_padding(struct packer *p, size_t to)
{
	static const uint8_t zeros[8];

	put(p, zeros, -p->len % to);
}

static void put_rows(struct packer *p, uint32_t row, uint32_t used, const void *data)
{
	static const uint8_t garbage[256] = { [0 ... 255] = 0xa5 };

	put(p, data, used);
	put(p, garbage, row - used);
}

static void put_e820(struct packer *p, const struct model_source *s)
{
	uint32_t row = s->entry_size ? s->entry_size : 24;
	const uint32_t head[2] = { row, 0 };

	put_tag(p, 6, sizeof(head) + s->e820_count * row);
	put(p, head, sizeof(head));
	for (size_t i = 0; i < s->e820_count; i++) {
		const struct model_entry *e = &s->e820[i];
		const uint64_t words[3] = { e->base, e->len, e->type };

		put_rows(p, row, sizeof(words), words);
	}
	put_padding(p, 8);
}

static void put_efi(struct packer *p, const struct model_source *s)
{
	uint32_t row = s->descriptor_size ? s->descriptor_size : 40;
	const uint32_t head[2] = { row, 1 };

	if (!s->efi_count)
		return;
	put_tag(p, 17, sizeof(head) + s->efi_count * row);
	put(p, head, sizeof(head));
	for (size_t i = 0; i < s->efi_count; i++) {
		const struct model_entry *e = &s->efi[i];
		const uint64_t words[5] = { e->type, e->base, 0, e->len, 0xf };

		put_rows(p, row, sizeof(words), words);
	}
	put_padding(p, 8);
}

int model_parse(const struct model_source *s, struct boot_info *out, const char **why)
{
	struct packer p = { .bytes = NULL };
	void *copy;
	int result;

	put(&p, &(uint64_t){ 0 }, 8);
	if (s->efi_first)
		put_efi(&p, s);
	for (size_t i = 0; i < s->module_count; i++) {
		put_tag(&p, 3, 10);
		put(&p, &s->modules[i], 8);
		put(&p, "m", 2);
		put_padding(&p, 8);
	}
	put_e820(&p, s);
	if (!s->efi_first)
		put_efi(&p, s);
	put_tag(&p, 0, 0);
	/* The sanitizer sees every step beyond an exact copy. */
	p.len -= min(s->cut, p.len - 8);
	memcpy(p.bytes, &(uint32_t){ p.len }, 4);
	copy = malloc(p.len);
	memcpy(copy, p.bytes, p.len);
	boot_info_init(out);
	result = multiboot2_parse(copy, p.len, MODEL_INFO_ADDRESS, out, why);
	free(copy);
	free(p.bytes);
	return result;
}
