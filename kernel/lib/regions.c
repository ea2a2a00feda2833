// SPDX-License-Identifier: MIT
/*
 * Adding a range goes in two steps. First it absorbs what is the same kind and
 * name within it or just after it, and takes its extent away from lower kinds;
 * then it fills whatever gaps are left in that extent, between the ranges that
 * it must respect. Each gap is one insertion, which joins what ends before it.
 *
 * Only an insertion can find the table full. Then two neighbours that withhold
 * memory become one, over the gap between them, which offers nothing anyway;
 * where there is no such pair, the smallest usable range goes. As a table of
 * four or more entries without a usable one has such pairs, what withholds
 * memory always finds room.
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

/* Joins entry i with what follows it, if they are one. */
static void join_next(struct regions *r, size_t i)
{
	if (i + 1 < r->count && r->list[i].end == r->list[i + 1].start &&
	    region_same(&r->list[i], &r->list[i + 1])) {
		r->list[i].end = r->list[i + 1].end;
		remove_entries(r, i + 1, 1);
	}
}

static bool withholds(const struct region *x)
{
	return x->kind != REGION_USABLE;
}

/*
 * The first of the two neighbours, both withholding, with the smallest gap,
 * or count. Not the pair around `place`, where something is to be inserted.
 */
static size_t closest_pair(const struct regions *r, size_t place)
{
	size_t best = r->count;
	uint64_t best_gap = UINT64_MAX;

	for (size_t i = 0; i + 1 < r->count; i++) {
		uint64_t gap = r->list[i + 1].start - r->list[i].end;

		if (i + 1 != place && withholds(&r->list[i]) && withholds(&r->list[i + 1]) &&
		    gap < best_gap) {
			best = i;
			best_gap = gap;
		}
	}
	return best;
}

/* Makes entries i and i + 1 one, of the stricter kind. */
static void merge_pair(struct regions *r, size_t i)
{
	struct region *x = &r->list[i], *y = &r->list[i + 1];

	if (y->kind > x->kind) {
		x->kind = y->kind;
		x->name = y->name;
	}
	x->end = y->end;
	remove_entries(r, i + 1, 1);
	r->merged++;
	join_next(r, i);
	if (i > 0)
		join_next(r, i - 1);
}

static size_t smallest_usable(const struct regions *r)
{
	size_t best = r->count;

	for (size_t i = 0; i < r->count; i++) {
		const struct region *y = &r->list[i];

		if (!withholds(y) &&
		    (best == r->count || region_size(y) < region_size(&r->list[best])))
			best = i;
	}
	return best;
}

static void lose(struct regions *r, const struct region *usable)
{
	r->lost_ranges++;
	r->lost_bytes += region_size(usable);
}

/* Frees an entry for `x`, to be inserted at `place`; false if `x` must yield. */
static bool make_room(struct regions *r, size_t place, const struct region *x)
{
	size_t i = closest_pair(r, place);

	if (i < r->count) {
		merge_pair(r, i);
		return true;
	}
	i = smallest_usable(r);
	if (i == r->count || (!withholds(x) && region_size(x) <= region_size(&r->list[i])))
		return false;
	lose(r, &r->list[i]);
	remove_entries(r, i, 1);
	return true;
}

/* Inserts what overlaps nothing; `hint` is near its place. */
static void insert(struct regions *r, size_t hint, struct region x)
{
	size_t i = seek(r, hint, x.start);

	if (i > 0 && r->list[i - 1].end == x.start && region_same(&r->list[i - 1], &x)) {
		r->list[i - 1].end = x.end;
		join_next(r, i - 1);
		return;
	}
	while (r->count == r->capacity) {
		if (!make_room(r, i, &x)) {
			lose(r, &x);
			return;
		}
		i = seek(r, i, x.start);
	}
	memmove(&r->list[i + 1], &r->list[i], (r->count - i) * sizeof(*r->list));
	r->list[i] = x;
	r->count++;
	join_next(r, i);
	if (i > 0)
		join_next(r, i - 1);
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
