// SPDX-License-Identifier: MIT
/*
 * Three steps.
 *
 * Keep: from the roots downwards, windows of bridges and then BARs that are
 * sane stay. Of two that overlap the one at the lower address stays.
 *
 * Need: from the leaves upwards, what each bridge that has no window of a
 * space must forward: BARs and windows packed by falling alignment.
 *
 * Place: from the roots downwards, each at the lowest address where nothing
 * is, by falling alignment. If a window does not fit, the largest BAR behind
 * its bridge gives way, and so on until it fits or nothing is left, so one
 * giant does not take its neighbours down.
 *
 * 64-bit prefetchable BARs come first and go above 4 GiB; one that has no
 * place there is tried below, with the rest.
 */
#include "drivers/pci/resources.h"

#include "kernel/lib/string.h"

#define LIMIT_32	(4 * GIB)
#define LIMIT_IO	UINT64_C(0x10000)

/* Sorted, disjoint; neighbours that touch are joined. */
struct span_set {
	struct pci_span *list;
	unsigned count;
};

/* Where new things of a root may go. */
struct piece {
	struct pci_span span;
	uint8_t root;
	bool io;
	bool prefetchable;	/* only such */
};

/* A BAR, or the window that a bridge needs, while a bus is packed. */
struct item {
	uint64_t size, align;
	uint32_t key;
	int16_t bar, bridge;	/* one of them is -1 */
};

struct solver {
	struct pci_resources *r;
	struct span_set taken[2];	/* by `io` */
	struct span_set reserved[2];
	struct piece *pieces;
	unsigned piece_count;
	uint16_t *order;
	unsigned roots;			/* one past the highest */
};

static bool is_io(enum pci_space space)
{
	return space == PCI_SPACE_IO;
}

/* Windows of bridges are made of these; what lies below the first is not PCI's. */
static uint64_t granule_of(enum pci_space space)
{
	return is_io(space) ? PCI_IO_GRANULE : PCI_MEMORY_GRANULE;
}

static bool span_empty(struct pci_span s)
{
	return s.start >= s.end;
}

static bool span_overlap(struct pci_span a, struct pci_span b)
{
	return a.start < b.end && b.start < a.end;
}

static bool span_inside(struct pci_span a, struct pci_span outer)
{
	return a.start >= outer.start && a.end <= outer.end;
}

static struct pci_span span_cut(struct pci_span a, struct pci_span by)
{
	return (struct pci_span){ max(a.start, by.start), min(a.end, by.end) };
}

/* The first span that ends after `start`. */
static unsigned set_seek(const struct span_set *set, uint64_t start)
{
	unsigned low = 0, high = set->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (set->list[middle].end > start)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The end of a span that overlaps `s`, or 0. */
static uint64_t set_blocks(const struct span_set *set, struct pci_span s)
{
	unsigned i = set_seek(set, s.start);

	return i < set->count && set->list[i].start < s.end ? set->list[i].end : 0;
}

static void set_add(struct span_set *set, struct pci_span s)
{
	unsigned first, last;

	if (span_empty(s))
		return;
	first = s.start ? set_seek(set, s.start - 1) : 0;
	for (last = first; last < set->count && set->list[last].start <= s.end; last++) {
		s.start = min(s.start, set->list[last].start);
		s.end = max(s.end, set->list[last].end);
	}
	if (last == first) {
		for (unsigned i = set->count++; i > first; i--)
			set->list[i] = set->list[i - 1];
	} else {
		for (unsigned i = last; i < set->count; i++)
			set->list[first + 1 + i - last] = set->list[i];
		set->count -= last - first - 1;
	}
	set->list[first] = s;
}

static unsigned pairs(const struct pci_resources *r)
{
	return r->bridge_count * PCI_SPACES;
}

static unsigned pieces_max(const struct pci_resources *r)
{
	return 2 * (r->window_count + r->bar_count + pairs(r));
}

size_t pci_resources_work(const struct pci_resources *r)
{
	return 2 * (size_t)(2 * r->occupied_count + r->bar_count) * sizeof(struct pci_span) +
	       pieces_max(r) * sizeof(struct piece) +
	       (r->bar_count + pairs(r)) * sizeof(uint16_t);
}

static void solver_init(struct solver *s, struct pci_resources *r)
{
	struct pci_span *spans = r->work;

	s->r = r;
	for (unsigned io = 0; io < 2; io++) {
		s->taken[io] = (struct span_set){ spans, 0 };
		spans += r->occupied_count + r->bar_count;
		s->reserved[io] = (struct span_set){ spans, 0 };
		spans += r->occupied_count;
	}
	s->pieces = (struct piece *)spans;
	s->piece_count = 0;
	s->order = (uint16_t *)(s->pieces + pieces_max(r));
	s->roots = 0;
}

static void occupied_add(struct solver *s, enum pci_occupancy how)
{
	for (unsigned i = 0; i < s->r->occupied_count; i++) {
		const struct pci_occupied *o = &s->r->occupied[i];

		if (o->how == how)
			set_add(how == PCI_RESERVED ? &s->reserved[o->io] : &s->taken[o->io],
				o->span);
	}
}

/* Order in which assignments are looked at. */

static bool window_before(const struct solver *s, uint16_t x, uint16_t y)
{
	const struct pci_res_bridge *a = &s->r->bridges[x / PCI_SPACES];
	const struct pci_res_bridge *b = &s->r->bridges[y / PCI_SPACES];
	uint64_t start_a = a->now[x % PCI_SPACES].start, start_b = b->now[y % PCI_SPACES].start;

	if (a->depth != b->depth)
		return a->depth < b->depth;
	if (a->pinned != b->pinned)
		return a->pinned;
	if (start_a != start_b)
		return start_a < start_b;
	return a != b ? a->key < b->key : x < y;
}

static bool bar_before(const struct solver *s, uint16_t x, uint16_t y)
{
	const struct pci_res_bar *a = &s->r->bars[x], *b = &s->r->bars[y];

	if (a->fixed != b->fixed)
		return a->fixed;
	if (a->rom != b->rom)
		return b->rom;
	if (a->now != b->now)
		return a->now < b->now;
	return a->key < b->key;
}

/* Puts 0 to count - 1 into `order`, sorted. */
static void sort(const struct solver *s, uint16_t *order, unsigned count,
		 bool (*before)(const struct solver *s, uint16_t x, uint16_t y))
{
	for (unsigned i = 0; i < count; i++) {
		unsigned k = i;

		for (; k > 0 && before(s, (uint16_t)i, order[k - 1]); k--)
			order[k] = order[k - 1];
		order[k] = (uint16_t)i;
	}
}

/* Keep. */

static void tree_learn(struct solver *s)
{
	struct pci_resources *r = s->r;

	for (unsigned i = 0; i < r->bridge_count; i++) {
		s->roots = max(s->roots, r->bridges[i].root + 1u);
		r->bridges[i].depth = 0;
		r->bridges[i].pinned = false;
		for (int16_t p = r->bridges[i].parent; p >= 0; p = r->bridges[p].parent)
			r->bridges[i].depth++;
	}
	for (unsigned i = 0; i < r->bar_count; i++) {
		s->roots = max(s->roots, r->bars[i].root + 1u);
		if (!r->bars[i].fixed || !r->bars[i].now)
			continue;
		for (int16_t b = r->bars[i].bridge; b >= 0; b = r->bridges[b].parent)
			r->bridges[b].pinned = true;
	}
}

static bool in_windows(const struct pci_res_bridge *b, bool io, struct pci_span span)
{
	if (io)
		return span_inside(span, b->window[PCI_SPACE_IO]);
	return span_inside(span, b->window[PCI_SPACE_MEMORY]) ||
	       span_inside(span, b->window[PCI_SPACE_PREFETCHABLE]);
}

/*
 * The end of a window that overlaps `span`, of a bridge on that bus, or 0. The
 * roots' buses are one: their windows share the machine's addresses.
 */
static uint64_t windows_block(const struct solver *s, int16_t bridge, bool io,
			      struct pci_span span)
{
	for (unsigned i = 0; i < pairs(s->r); i++) {
		const struct pci_res_bridge *b = &s->r->bridges[i / PCI_SPACES];
		struct pci_span window = b->window[i % PCI_SPACES];

		if (b->parent == bridge && is_io(i % PCI_SPACES) == io && !span_empty(window) &&
		    span_overlap(window, span))
			return window.end;
	}
	return 0;
}

/*
 * Whether the bridge forwards all of `span`; the roots are taken at their
 * word. A BAR may be reached by subtraction, a window behind may not.
 */
static bool bridge_forwards(const struct solver *s, int16_t bridge, bool io, struct pci_span span)
{
	for (; bridge >= 0; bridge = s->r->bridges[bridge].parent) {
		const struct pci_res_bridge *b = &s->r->bridges[bridge];

		if (in_windows(b, io, span))
			return true;
		if (!b->subtractive || windows_block(s, b->parent, io, span))
			return false;
	}
	return true;
}

static uint64_t limit_of(const struct solver *s, enum pci_space space, bool wide)
{
	uint64_t width = BIT(min(s->r->physical_bits, 52u));

	return is_io(space) ? LIMIT_IO : wide ? width : min(width, LIMIT_32);
}

static bool window_sane(const struct solver *s, const struct pci_res_bridge *b,
			enum pci_space space)
{
	struct pci_span now = b->now[space];

	return !span_empty(now) &&
	       now.start >= granule_of(space) &&
	       now.end <= limit_of(s, space, space == PCI_SPACE_PREFETCHABLE) &&
	       !set_blocks(&s->taken[is_io(space)], now) &&
	       (b->parent < 0 ||
		in_windows(&s->r->bridges[b->parent], is_io(space), now)) &&
	       !windows_block(s, b->parent, is_io(space), now);
}

static void windows_keep(struct solver *s, bool assign)
{
	struct pci_resources *r = s->r;

	for (unsigned i = 0; i < pairs(r); i++) {
		r->bridges[i / PCI_SPACES].window[i % PCI_SPACES] = (struct pci_span){ 0, 0 };
		r->bridges[i / PCI_SPACES].kept[i % PCI_SPACES] = false;
	}
	sort(s, s->order, pairs(r), window_before);
	for (unsigned i = 0; i < pairs(r); i++) {
		struct pci_res_bridge *b = &r->bridges[s->order[i] / PCI_SPACES];
		enum pci_space space = s->order[i] % PCI_SPACES;

		if ((assign && !b->pinned) || !window_sane(s, b, space))
			continue;
		b->window[space] = b->now[space];
		b->kept[space] = true;
	}
}

static struct pci_span bar_span(const struct pci_res_bar *bar, uint64_t at)
{
	return (struct pci_span){ at, at + bar->size };
}

static bool occupied_before(const struct pci_occupied *a, const struct pci_occupied *b)
{
	if (a->span.start != b->span.start)
		return a->span.start < b->span.start;
	if (a->span.end != b->span.end)
		return a->span.end < b->span.end;
	return strcmp(a->name, b->name) < 0;
}

static const char *occupied_name(const struct solver *s, bool io, struct pci_span span)
{
	const struct pci_occupied *first = NULL;

	for (unsigned i = 0; i < s->r->occupied_count; i++) {
		const struct pci_occupied *o = &s->r->occupied[i];

		if (o->how == PCI_OCCUPIED && o->io == io && span_overlap(o->span, span) &&
		    (!first || occupied_before(o, first)))
			first = o;
	}
	return first ? first->name : NULL;
}

/* Why a BAR cannot stay where it is, or NULL. */
static const char *bar_problem(const struct solver *s, const struct pci_res_bar *bar)
{
	uint64_t limit = limit_of(s, bar->io ? PCI_SPACE_IO : PCI_SPACE_MEMORY, bar->wide);
	struct pci_span span = bar_span(bar, bar->now);
	const char *name;

	if (bar->now == 0)
		return "not assigned";
	if (bar->size > limit || bar->now > limit - bar->size ||
	    (!bar->io && !bar->wide && span.end == LIMIT_32))
		return "beyond the width of an address";
	if (!is_aligned(bar->now, bar->size))
		return "not aligned";
	if (set_blocks(&s->taken[bar->io], span)) {
		name = occupied_name(s, bar->io, span);
		return name ? name : "overlaps another BAR";
	}
	if (!bridge_forwards(s, bar->bridge, bar->io, span))
		return "outside what the bridge above it forwards";
	if (windows_block(s, bar->bridge, bar->io, span))
		return "in the window of a bridge beside it";
	return NULL;
}

static void bars_keep(struct solver *s, bool assign)
{
	struct pci_resources *r = s->r;

	sort(s, s->order, r->bar_count, bar_before);
	for (unsigned i = 0; i < r->bar_count; i++) {
		struct pci_res_bar *bar = &r->bars[s->order[i]];

		bar->address = 0;
		bar->state = PCI_BAR_UNKNOWN;
		bar->why = bar_problem(s, bar);
		if (!bar->why && assign && !bar->fixed)
			bar->why = "pci=assign";
		if (!bar->why) {
			bar->state = PCI_BAR_KEPT;
			bar->address = bar->now;
			set_add(&s->taken[bar->io], bar_span(bar, bar->now));
		} else if (bar->rom) {
			bar->state = PCI_BAR_DISABLED;
			bar->why = "a ROM is not assigned";
		}
	}
}

static void keep(struct solver *s, bool assign)
{
	s->taken[0].count = 0;
	s->taken[1].count = 0;
	occupied_add(s, PCI_OCCUPIED);
	windows_keep(s, assign);
	bars_keep(s, assign);
}

/* Where new things may go at the roots. */

static void piece_add(struct solver *s, const struct pci_window *w, struct pci_span span)
{
	bool io = is_io(w->space);
	struct pci_span halves[2] = {
		{ granule_of(w->space), LIMIT_32 },
		{ LIMIT_32, limit_of(s, PCI_SPACE_PREFETCHABLE, true) },
	};

	if (io)
		halves[0].end = LIMIT_IO;
	for (unsigned i = 0; i < (io ? 1 : 2); i++) {
		struct pci_span half = span_cut(span_cut(span, w->span), halves[i]);

		if (!span_empty(half) && s->piece_count < pieces_max(s->r))
			s->pieces[s->piece_count++] = (struct piece){
				.span = half,
				.root = w->root,
				.io = io,
				.prefetchable = w->space == PCI_SPACE_PREFETCHABLE,
			};
	}
}

static struct pci_span surroundings(struct pci_span span, enum pci_space space)
{
	uint64_t granule = granule_of(space);

	return (struct pci_span){ align_down(span.start, granule), align_up(span.end, granule) };
}

/* The part of an inferred window that lies around what is kept on the root's bus. */
static void pieces_beside(struct solver *s, const struct pci_window *w)
{
	const struct pci_resources *r = s->r;
	bool io = is_io(w->space);

	for (unsigned i = 0; i < r->bar_count; i++) {
		const struct pci_res_bar *bar = &r->bars[i];

		if (bar->state == PCI_BAR_KEPT && bar->bridge < 0 && bar->root == w->root &&
		    bar->io == io)
			piece_add(s, w, surroundings(bar_span(bar, bar->now), w->space));
	}
	for (unsigned i = 0; i < pairs(r); i++) {
		const struct pci_res_bridge *b = &r->bridges[i / PCI_SPACES];

		if (b->kept[i % PCI_SPACES] && b->parent < 0 && b->root == w->root &&
		    is_io(i % PCI_SPACES) == io)
			piece_add(s, w, surroundings(b->window[i % PCI_SPACES], w->space));
	}
}

static bool piece_before(const struct piece *a, const struct piece *b)
{
	if (a->span.start != b->span.start)
		return a->span.start < b->span.start;
	return a->span.end > b->span.end;
}

/* Configured windows, for roots of which nobody else says anything. */
static void pieces_guess(struct solver *s)
{
	unsigned told = s->piece_count;

	for (unsigned i = 0; i < s->r->window_count; i++) {
		const struct pci_window *w = &s->r->windows[i];
		bool known = w->from != PCI_FROM_CONFIGURED;

		for (unsigned k = 0; k < told; k++)
			known |= s->pieces[k].root == w->root &&
				 s->pieces[k].io == is_io(w->space);
		if (!known)
			piece_add(s, w, w->span);
	}
}

static void pieces_find(struct solver *s)
{
	for (unsigned i = 0; i < s->r->window_count; i++) {
		const struct pci_window *w = &s->r->windows[i];

		if (w->from == PCI_FROM_MAP)
			pieces_beside(s, w);
		else if (w->from == PCI_FROM_CRS)
			piece_add(s, w, w->span);
	}
	pieces_guess(s);
	for (unsigned i = 1; i < s->piece_count; i++) {
		struct piece p = s->pieces[i];
		unsigned k = i;

		for (; k > 0 && piece_before(&p, &s->pieces[k - 1]); k--)
			s->pieces[k] = s->pieces[k - 1];
		s->pieces[k] = p;
	}
}

/* Need. */

static bool item_before(const struct item *a, const struct item *b)
{
	if (a->align != b->align)
		return a->align > b->align;
	if (a->size != b->size)
		return a->size > b->size;
	if ((a->bridge < 0) != (b->bridge < 0))
		return a->bridge >= 0;
	return a->key < b->key;
}

/* Makes *best the item, if it is the first of those after `after` (NULL: of all). */
static void item_consider(struct item item, const struct item *after, struct item *best)
{
	if ((!after || item_before(after, &item)) && (!best->size || item_before(&item, best)))
		*best = item;
}

/* What is to be placed next on a bus. False if nothing is. */
static bool item_next(const struct solver *s, int16_t bridge, uint8_t root, enum pci_space space,
		      const struct item *after, struct item *out)
{
	const struct pci_resources *r = s->r;
	struct item best = { .size = 0 };

	for (unsigned i = 0; i < r->bar_count; i++) {
		const struct pci_res_bar *bar = &r->bars[i];
		uint64_t align = bar->io ? bar->size : max(bar->size, PAGE_SIZE);

		if (bar->state == PCI_BAR_UNKNOWN && bar->space == space &&
		    bar->bridge == bridge && bar->root == root)
			item_consider((struct item){ bar->size, align, bar->key, (int16_t)i, -1 },
				      after, &best);
	}
	for (unsigned i = 0; i < r->bridge_count; i++) {
		const struct pci_res_bridge *b = &r->bridges[i];

		if (b->need.end && b->parent == bridge && b->root == root)
			item_consider((struct item){ b->need.end, b->need.start, b->key, -1,
						     (int16_t)i }, after, &best);
	}
	*out = best;
	return best.size != 0;
}

static bool window_missing(const struct pci_res_bridge *b, enum pci_space space)
{
	return b->can[space] && !b->kept[space] && span_empty(b->window[space]);
}

/* Sums of sizes stay far from 64 bits: a BAR beyond the width is no item. */
static void need_of(struct solver *s, unsigned bridge, enum pci_space space)
{
	struct pci_res_bridge *b = &s->r->bridges[bridge];
	uint64_t end = 0, align = granule_of(space);
	const struct item *after = NULL;
	struct item item;

	b->need = (struct pci_span){ align, 0 };
	if (!window_missing(b, space))
		return;
	for (; item_next(s, (int16_t)bridge, b->root, space, after, &item); after = &item) {
		align = max(align, item.align);
		end = align_up(end, item.align) + item.size;
	}
	b->need = (struct pci_span){ align, align_up(end, granule_of(space)) };
}

static bool is_behind(const struct solver *s, int16_t bridge, int16_t top)
{
	while (bridge >= 0 && bridge != top)
		bridge = s->r->bridges[bridge].parent;
	return bridge == top;
}

/* The needs of every bridge behind `top`, itself included (-1: of all). */
static void needs_find(struct solver *s, int16_t top, enum pci_space space)
{
	unsigned deepest = 0;

	for (unsigned i = 0; i < s->r->bridge_count; i++)
		deepest = max(deepest, s->r->bridges[i].depth);
	for (unsigned depth = deepest + 1; depth-- > 0;)
		for (unsigned i = 0; i < s->r->bridge_count; i++)
			if (s->r->bridges[i].depth == depth && is_behind(s, (int16_t)i, top))
				need_of(s, i, space);
}

/* Place. */

/* Whether _CRS of the root says that it forwards all of `span`. */
static bool is_vouched(const struct solver *s, uint8_t root, bool io, struct pci_span span)
{
	for (unsigned i = 0; i < s->r->window_count; i++) {
		const struct pci_window *w = &s->r->windows[i];

		if (w->from == PCI_FROM_CRS && w->root == root && is_io(w->space) == io &&
		    span_inside(span, w->span))
			return true;
	}
	return false;
}

/*
 * The lowest place in `span` where nothing is; 0 if there is none. Nothing ends
 * at 4 GiB: a BAR of all ones is one that nobody assigned.
 */
static uint64_t fit(const struct solver *s, const struct item *item, int16_t bridge, uint8_t root,
		    bool io, struct pci_span span)
{
	uint64_t at = align_up(span.start, item->align);

	if (span.end == LIMIT_32)
		span.end--;
	while (at >= span.start && at <= span.end && item->size <= span.end - at) {
		struct pci_span here = { at, at + item->size };
		uint64_t end = set_blocks(&s->taken[io], here);

		if (!end && !is_vouched(s, root, io, here))
			end = set_blocks(&s->reserved[io], here);
		if (!end)
			end = windows_block(s, bridge, io, here);
		if (!end)
			return at;
		at = align_up(end, item->align);
	}
	return 0;
}

/* A place at a root, above or below 4 GiB. */
static uint64_t fit_root(const struct solver *s, const struct item *item, uint8_t root, bool io,
			 bool high, bool prefetchable)
{
	for (unsigned i = 0; i < s->piece_count; i++) {
		const struct piece *p = &s->pieces[i];
		uint64_t at;

		if (p->root != root || p->io != io || (p->span.start >= LIMIT_32) != high ||
		    (p->prefetchable && !prefetchable))
			continue;
		at = fit(s, item, -1, root, io, p->span);
		if (at)
			return at;
	}
	return 0;
}

static uint64_t fit_bridge(const struct solver *s, const struct item *item, int16_t bridge,
			   enum pci_space space)
{
	const struct pci_res_bridge *b = &s->r->bridges[bridge];

	return fit(s, item, bridge, b->root, is_io(space), b->window[space]);
}

static uint64_t fit_window(const struct solver *s, const struct item *item, int16_t bridge,
			   uint8_t root, enum pci_space space)
{
	bool prefetchable = space == PCI_SPACE_PREFETCHABLE;

	return bridge >= 0 ? fit_bridge(s, item, bridge, space) :
	       fit_root(s, item, root, is_io(space), prefetchable, prefetchable);
}

static uint64_t fit_bar(const struct solver *s, const struct item *item)
{
	const struct pci_res_bar *bar = &s->r->bars[item->bar];
	uint64_t at = 0;

	if (bar->bridge < 0) {
		at = fit_root(s, item, bar->root, bar->io, bar->space == PCI_SPACE_PREFETCHABLE,
			      bar->prefetchable);
		if (!at && bar->wide && bar->space == PCI_SPACE_MEMORY)
			at = fit_root(s, item, bar->root, false, true, bar->prefetchable);
		return at;
	}
	at = fit_bridge(s, item, bar->bridge, bar->space);
	if (!at && bar->space == PCI_SPACE_MEMORY && bar->prefetchable &&
	    (bar->wide ||
	     s->r->bridges[bar->bridge].window[PCI_SPACE_PREFETCHABLE].end <= LIMIT_32))
		at = fit_bridge(s, item, bar->bridge, PCI_SPACE_PREFETCHABLE);
	return at;
}

static const char *no_place(const struct solver *s, const struct pci_res_bar *bar)
{
	bool any = false;

	if (bar->bridge >= 0)
		return span_empty(s->r->bridges[bar->bridge].window[bar->space]) ?
		       "its bridge has no such window" : "no room in its bridge's window";
	for (unsigned i = 0; i < s->r->window_count; i++) {
		const struct pci_window *w = &s->r->windows[i];

		if (w->root != bar->root || is_io(w->space) != bar->io)
			continue;
		if (w->from != PCI_FROM_MAP)
			return "no room in its root's windows";
		any = true;
	}
	return any ? "its root's windows are inferred, and no room beside what is kept" :
	       "its root has no such window";
}

/* It has no place where it was to go: the next best, or none. */
static void bar_give_up(struct solver *s, struct pci_res_bar *bar)
{
	if (bar->space == PCI_SPACE_PREFETCHABLE) {
		bar->space = PCI_SPACE_MEMORY;
		return;
	}
	bar->state = PCI_BAR_DISABLED;
	bar->why = no_place(s, bar);
}

static void bar_place(struct solver *s, struct pci_res_bar *bar, uint64_t at)
{
	bar->state = PCI_BAR_ASSIGNED;
	bar->address = at;
	set_add(&s->taken[bar->io], bar_span(bar, at));
}

/* The largest BAR behind a bridge gives way. False if there is none. */
static bool window_shrink(struct solver *s, int16_t bridge, enum pci_space space)
{
	struct pci_res_bar *largest = NULL;

	for (unsigned i = 0; i < s->r->bar_count; i++) {
		struct pci_res_bar *bar = &s->r->bars[i];

		if (bar->state != PCI_BAR_UNKNOWN || bar->space != space || bar->bridge < 0 ||
		    !is_behind(s, bar->bridge, bridge))
			continue;
		if (!largest || bar->size > largest->size ||
		    (bar->size == largest->size && bar->key > largest->key))
			largest = bar;
	}
	if (!largest)
		return false;
	bar_give_up(s, largest);
	needs_find(s, bridge, space);
	return true;
}

static void window_place(struct solver *s, struct item item, int16_t on, uint8_t root,
			 enum pci_space space)
{
	struct pci_res_bridge *b = &s->r->bridges[item.bridge];
	uint64_t at;

	while (b->need.end) {
		item.align = b->need.start;
		item.size = b->need.end;
		at = fit_window(s, &item, on, root, space);
		if (at) {
			b->window[space] = (struct pci_span){ at, at + item.size };
			b->need.end = 0;
		} else if (!window_shrink(s, item.bridge, space)) {
			return;
		}
	}
}

static void bus_place(struct solver *s, int16_t bridge, uint8_t root, enum pci_space space)
{
	struct item item;
	uint64_t at;

	/* Each turn places or gives up a BAR, or settles a window. */
	while (item_next(s, bridge, root, space, NULL, &item)) {
		if (item.bar < 0) {
			window_place(s, item, bridge, root, space);
			s->r->bridges[item.bridge].need.end = 0;
			continue;
		}
		at = fit_bar(s, &item);
		if (at)
			bar_place(s, &s->r->bars[item.bar], at);
		else
			bar_give_up(s, &s->r->bars[item.bar]);
	}
}

static void space_place(struct solver *s, enum pci_space space)
{
	unsigned placed = 0;

	needs_find(s, -1, space);
	for (unsigned root = 0; root < s->roots; root++)
		bus_place(s, -1, (uint8_t)root, space);
	for (unsigned depth = 0; placed < s->r->bridge_count; depth++)
		for (unsigned i = 0; i < s->r->bridge_count; i++)
			if (s->r->bridges[i].depth == depth) {
				bus_place(s, (int16_t)i, s->r->bridges[i].root, space);
				placed++;
			}
}

/* Whether every bridge above can forward the BAR in a 64-bit prefetchable window. */
static bool high_possible(const struct solver *s, const struct pci_res_bar *bar)
{
	for (int16_t b = bar->bridge; b >= 0; b = s->r->bridges[b].parent)
		if (!s->r->bridges[b].kept[PCI_SPACE_PREFETCHABLE] &&
		    !s->r->bridges[b].can[PCI_SPACE_PREFETCHABLE])
			return false;
	return bar->wide && bar->prefetchable;
}

/* Returns whether there is anything to place. */
static bool spaces_choose(struct solver *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->r->bar_count; i++) {
		struct pci_res_bar *bar = &s->r->bars[i];

		bar->space = bar->io ? PCI_SPACE_IO :
			     high_possible(s, bar) ? PCI_SPACE_PREFETCHABLE : PCI_SPACE_MEMORY;
		if (bar->state != PCI_BAR_UNKNOWN)
			continue;
		if (bar->size > BIT(min(s->r->physical_bits, 52u)) / 2) {
			bar->state = PCI_BAR_DISABLED;
			bar->why = "larger than any window";
			continue;
		}
		any = true;
	}
	return any;
}

/* What gave way to make a window fit may fit into it after all, or somewhere else. */
static void second_chance(struct solver *s)
{
	for (unsigned i = 0; i < s->r->bar_count; i++)
		if (s->r->bars[i].state == PCI_BAR_DISABLED && !s->r->bars[i].rom &&
		    s->r->bars[i].size <= BIT(min(s->r->physical_bits, 52u)) / 2)
			s->r->bars[i].state = PCI_BAR_UNKNOWN;
	for (unsigned i = 0; i < s->r->bridge_count; i++)
		s->r->bridges[i].need.end = 0;
	for (unsigned root = 0; root < s->roots; root++)
		for (enum pci_space space = 0; space < PCI_SPACE_PREFETCHABLE; space++)
			bus_place(s, -1, (uint8_t)root, space);
	for (unsigned i = 0; i < s->r->bridge_count; i++)
		for (enum pci_space space = 0; space < PCI_SPACE_PREFETCHABLE; space++)
			bus_place(s, (int16_t)i, s->r->bridges[i].root, space);
}

void pci_resources_solve(struct pci_resources *r)
{
	struct solver s;

	solver_init(&s, r);
	tree_learn(&s);
	occupied_add(&s, PCI_RESERVED);
	keep(&s, false);
	pieces_find(&s);
	if (r->assign_all)
		keep(&s, true);
	if (!spaces_choose(&s))
		return;
	occupied_add(&s, PCI_AVOIDED);
	space_place(&s, PCI_SPACE_PREFETCHABLE);
	space_place(&s, PCI_SPACE_IO);
	space_place(&s, PCI_SPACE_MEMORY);
	second_chance(&s);
}
