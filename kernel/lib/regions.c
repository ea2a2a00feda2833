// SPDX-License-Identifier: MIT
/*
 * Adding a range goes in two steps. First it absorbs what is the same kind and
 * name within it or just after it, and takes its extent away from lower kinds;
 * then it fills whatever gaps are left in that extent, between the ranges that
 * it must respect. Each gap is one insertion, which joins what ends before it.
 *
 * Only an insertion can find the table full, and then the smallest usable
 * range goes. Once something that withholds memory is lost all the same (so
 * no usable range was left) nothing usable is taken any more: it might lie
 * under what was lost.
 */
#include "kernel/lib/regions.h"
#include "kernel/lib/string.h"

#define LAST_END	align_down(UINT64_MAX, PAGE_SIZE)

void regions_init(struct regions *r, struct region *list, size_t capacity)
{
	*r = (struct regions){ .list = list, .capacity = capacity };
}

static uint64_t region_size(const struct region *x)
{
	return x->end - x->start;
}

static bool region_same(const struct region *x, const struct region *y)
{
	return x->kind == y->kind &&
	       (x->name == y->name || strcmp(x->name, y->name) == 0);
}

/* The first entry that ends above `addr`, or count; any `hint` is near enough. */
static size_t seek(const struct regions *r, size_t hint, uint64_t addr)
{
	hint = min(hint, r->count);
	while (hint > 0 && r->list[hint - 1].end > addr)
		hint--;
	while (hint < r->count && r->list[hint].end <= addr)
		hint++;
	return hint;
}

static void remove_entries(struct regions *r, size_t first, size_t n)
{
	if (!n)
		return;
	memmove(&r->list[first], &r->list[first + n],
		(r->count - first - n) * sizeof(*r->list));
	r->count -= n;
}

static void lose(struct regions *r, const struct region *x)
{
	r->lost_ranges++;
	if (x->kind == REGION_USABLE)
		r->lost_bytes += region_size(x);
	else
		r->sealed = true;
}

/* Makes room by giving up the smallest usable range; false if `x` must yield. */
static bool make_room(struct regions *r, const struct region *x)
{
	size_t victim = r->count;

	for (size_t i = 0; i < r->count; i++) {
		const struct region *y = &r->list[i];

		if (y->kind == REGION_USABLE &&
		    (victim == r->count || region_size(y) < region_size(&r->list[victim])))
			victim = i;
	}
	if (victim == r->count)
		return false;
	if (x->kind == REGION_USABLE && region_size(x) <= region_size(&r->list[victim]))
		return false;
	lose(r, &r->list[victim]);
	remove_entries(r, victim, 1);
	return true;
}

/* Inserts what overlaps nothing; `hint` is near its place. */
static void insert(struct regions *r, size_t hint, struct region x)
{
	size_t i = seek(r, hint, x.start);

	if (i > 0 && r->list[i - 1].end == x.start && region_same(&r->list[i - 1], &x)) {
		r->list[i - 1].end = x.end;
		return;
	}
	if (r->count == r->capacity) {
		if (!make_room(r, &x)) {
			lose(r, &x);
			return;
		}
		i = seek(r, i, x.start);
	}
	if (i < r->count)
		memmove(&r->list[i + 1], &r->list[i], (r->count - i) * sizeof(*r->list));
	r->list[i] = x;
	r->count++;
}

/*
 * Absorbs into `x` the entries from `first` on that are the same as it, and
 * cuts those of a lower kind. Where one of these sticks out beyond the end,
 * that part is left in *rest (else empty) if the part before x keeps the entry.
 */
static void clear_extent(struct regions *r, size_t first, struct region *x,
			 struct region *rest)
{
	size_t to = first, from;

	for (from = first; from < r->count && r->list[from].start <= x->end; from++) {
		struct region *y = &r->list[from];

		if (region_same(x, y)) {
			x->start = min(x->start, y->start);
			x->end = max(x->end, y->end);
			continue;
		}
		if (y->kind < x->kind && y->start < x->end && y->end > x->start) {
			if (y->start < x->start) {
				if (y->end > x->end) {
					*rest = *y;
					rest->start = x->end;
				}
				y->end = x->start;
			} else if (y->end > x->end) {
				y->start = x->end;
			} else {
				continue;
			}
		}
		if (to != from)
			r->list[to] = *y;
		to++;
	}
	remove_entries(r, to, from - to);
}

/* Inserts `x` wherever in its extent nothing is named. */
static void fill_gaps(struct regions *r, size_t hint, const struct region *x)
{
	struct region gap = *x;

	while (gap.start < x->end) {
		hint = seek(r, hint, gap.start);
		gap.end = x->end;
		if (hint < r->count && r->list[hint].start <= gap.start) {
			gap.start = r->list[hint].end;
			continue;
		}
		if (hint < r->count)
			gap.end = min(gap.end, r->list[hint].start);
		insert(r, hint, gap);
		gap.start = gap.end;
	}
}

/* Rounds to pages; false if nothing remains or it cannot be expressed. */
static bool region_make(struct region *x, uint64_t start, uint64_t len,
			enum region_kind kind, const char *name)
{
	uint64_t end = start + len;
	bool wraps = end < start;

	if (!len || (wraps && kind == REGION_USABLE))
		return false;
	if (kind == REGION_USABLE) {
		if (start > LAST_END)
			return false;
		start = align_up(start, PAGE_SIZE);
		end = align_down(end, PAGE_SIZE);
	} else {
		start = align_down(start, PAGE_SIZE);
		end = wraps || end > LAST_END ? LAST_END : align_up(end, PAGE_SIZE);
	}
	*x = (struct region){ start, end, kind, name };
	return start < end;
}

void regions_add(struct regions *r, uint64_t start, uint64_t len,
		 enum region_kind kind, const char *name)
{
	struct region x, rest = { .start = 0 };
	size_t first;

	if (!region_make(&x, start, len, kind, name)) {
		r->dropped++;
		return;
	}
	if (kind == REGION_USABLE && r->sealed) {
		lose(r, &x);
		return;
	}
	first = seek(r, r->count, x.start);
	clear_extent(r, first, &x, &rest);
	fill_gaps(r, first, &x);
	if (rest.end)
		insert(r, first, rest);
}

const struct region *regions_find(const struct regions *r, uint64_t addr)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->list[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < r->count && r->list[low].start <= addr)
		return &r->list[low];
	return NULL;
}

bool regions_usable(const struct regions *r, uint64_t start, uint64_t len)
{
	const struct region *end = r->list + r->count;
	const struct region *x = regions_find(r, start);
	uint64_t last = start + len - 1;

	if (!len)
		return true;
	if (!x || last < start)
		return false;
	while (x->kind == REGION_USABLE && x->end <= last) {
		if (x + 1 == end || x[1].start != x->end)
			return false;
		x++;
	}
	return x->kind == REGION_USABLE;
}

bool regions_overlap(const struct regions *r, uint64_t start, uint64_t len)
{
	uint64_t last = start + len - 1;
	size_t i;

	if (!len)
		return false;
	if (last < start)
		last = UINT64_MAX;
	for (i = 0; i < r->count && r->list[i].end <= start; i++)
		;
	return i < r->count && r->list[i].start <= last;
}

uint64_t regions_total(const struct regions *r, enum region_kind kind)
{
	uint64_t total = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].kind == kind)
			total += region_size(&r->list[i]);
	return total;
}

const char *region_kind_name(enum region_kind kind)
{
	switch (kind) {
	case REGION_USABLE: return "usable";
	case REGION_RECLAIMABLE: return "reclaimable";
	case REGION_RESERVED: return "reserved";
	case REGION_NVS: return "ACPI NVS";
	case REGION_BAD: return "bad";
	case REGION_PERSISTENT: return "persistent";
	case REGION_CLAIMED: return "claimed";
	}
	return "unknown";
}
