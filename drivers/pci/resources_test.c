/* SPDX-License-Identifier: MIT */
/*
 * The placement of BARs on generated machines, judged by a checker that knows
 * the rules and not the algorithm: all pairs, all ranges, every hole.
 */
#include "drivers/pci/resources.h"

#include <stdlib.h>

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

enum { BARS = 48, BRIDGES = 12, WINDOWS = 10, OCCUPIED = 24 };

struct machine {
	struct pci_window windows[WINDOWS];
	struct pci_occupied occupied[OCCUPIED];
	struct pci_res_bridge bridges[BRIDGES];
	struct pci_res_bar bars[BARS];
	struct pci_resources r;
};

static void machine_init(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->r.physical_bits = 40;
	m->r.windows = m->windows;
	m->r.occupied = m->occupied;
	m->r.bridges = m->bridges;
	m->r.bars = m->bars;
}

/* A copy whose lists are its own. */
static void machine_copy(struct machine *to, const struct machine *from)
{
	*to = *from;
	to->r.windows = to->windows;
	to->r.occupied = to->occupied;
	to->r.bridges = to->bridges;
	to->r.bars = to->bars;
}

static void solve(struct machine *m)
{
	size_t bytes = pci_resources_work(&m->r);

	m->r.work = malloc(bytes ? bytes : 1);
	pci_resources_solve(&m->r);
	free(m->r.work);
	m->r.work = NULL;
}

static struct pci_window *window(struct machine *m, uint64_t start, uint64_t end,
				 enum pci_space space, enum pci_window_from from)
{
	struct pci_window *w = &m->windows[m->r.window_count++];

	*w = (struct pci_window){ { start, end }, space, from, 0 };
	return w;
}

static void occupied(struct machine *m, uint64_t start, uint64_t end, enum pci_occupancy how,
		     const char *name)
{
	m->occupied[m->r.occupied_count++] =
		(struct pci_occupied){ { start, end }, name, how, false };
}

static struct pci_res_bar *bar(struct machine *m, int16_t bridge, uint64_t size, uint64_t now)
{
	struct pci_res_bar *b = &m->bars[m->r.bar_count];

	*b = (struct pci_res_bar){ .key = m->r.bar_count++, .bridge = bridge, .size = size,
				   .now = now };
	if (bridge >= 0)
		b->root = m->bridges[bridge].root;
	return b;
}

static struct pci_res_bar *wide(struct pci_res_bar *b)
{
	b->wide = true;
	b->prefetchable = true;
	return b;
}

static int16_t bridge(struct machine *m, int16_t parent)
{
	struct pci_res_bridge *b = &m->bridges[m->r.bridge_count];

	*b = (struct pci_res_bridge){ .key = m->r.bridge_count, .parent = parent,
				      .can = { true, true, true } };
	if (parent >= 0)
		b->root = m->bridges[parent].root;
	return (int16_t)m->r.bridge_count++;
}

/* QEMU's microvm with pcie=on: 2 GiB of RAM, nothing assigned. */
static void machine_microvm(struct machine *m)
{
	machine_init(m);
	occupied(m, 0, MIB, PCI_OCCUPIED, "low 1 MiB");
	occupied(m, MIB, 2 * GIB, PCI_OCCUPIED, "lies over memory");
	occupied(m, 0xe0000000, 0xf0000000, PCI_OCCUPIED, "in the ECAM");
	window(m, 0xc0000000, 0xe0000000, PCI_SPACE_MEMORY, PCI_FROM_CRS);
	window(m, 0xc000000000, 0xff00000000, PCI_SPACE_MEMORY, PCI_FROM_CRS);
}

/* The checker. */

static bool io_of(unsigned space)
{
	return space == PCI_SPACE_IO;
}

static bool empty(struct pci_span s)
{
	return s.start >= s.end;
}

static bool overlap(struct pci_span a, struct pci_span b)
{
	return !empty(a) && !empty(b) && a.start < b.end && b.start < a.end;
}

static bool inside(struct pci_span a, struct pci_span o)
{
	return a.start >= o.start && a.end <= o.end;
}

static struct pci_span at(const struct pci_res_bar *b, uint64_t address)
{
	return (struct pci_span){ address, address + b->size };
}

static bool placed(const struct pci_res_bar *b)
{
	return b->state == PCI_BAR_KEPT || b->state == PCI_BAR_ASSIGNED;
}

static bool is_occupied(const struct machine *m, bool io, struct pci_span s,
			enum pci_occupancy most)
{
	for (unsigned i = 0; i < m->r.occupied_count; i++)
		if (m->occupied[i].io == io && m->occupied[i].how <= most &&
		    overlap(m->occupied[i].span, s))
			return true;
	return false;
}

static bool has_root_window(const struct machine *m, uint8_t root, bool io, struct pci_span s,
			    bool crs, bool prefetchable)
{
	for (unsigned i = 0; i < m->r.window_count; i++) {
		const struct pci_window *w = &m->windows[i];

		if (w->root == root && io_of(w->space) == io && inside(s, w->span) &&
		    (!crs || w->from == PCI_FROM_CRS) &&
		    (w->space != PCI_SPACE_PREFETCHABLE || prefetchable))
			return true;
	}
	return false;
}

/* Nothing new may be there: occupied, avoided, or reserved and no _CRS says otherwise. */
static bool is_shut(const struct machine *m, uint8_t root, bool io, struct pci_span s)
{
	return is_occupied(m, io, s, PCI_AVOIDED) ||
	       (is_occupied(m, io, s, PCI_RESERVED) &&
		!has_root_window(m, root, io, s, true, true));
}

/* Whether a BAR, or a window of a bridge, is where none may be beside `s` on that bus. */
static bool is_taken(const struct machine *m, int16_t on, bool io, struct pci_span s,
		     const void *self)
{
	for (unsigned i = 0; i < m->r.bar_count; i++)
		if (&m->bars[i] != self && placed(&m->bars[i]) && m->bars[i].io == io &&
		    overlap(at(&m->bars[i], m->bars[i].address), s))
			return true;
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++)
			if (&m->bridges[i].window[k] != self && m->bridges[i].parent == on &&
			    io_of(k) == io && overlap(m->bridges[i].window[k], s))
				return true;
	return false;
}

static void check_bar(struct ktest_run *t, const struct machine *m, const struct pci_res_bar *b)
{
	struct pci_span s = at(b, b->address);

	if (b->state == PCI_BAR_DISABLED) {
		expect(t, b->why != NULL && b->address == 0);
		return;
	}
	require(t, placed(b));
	expect(t, b->address != 0 && is_aligned(b->address, b->size));
	expect(t, s.end <= (b->io ? 0x10000 : b->wide ? BIT(m->r.physical_bits) : 4 * GIB));
	expect(t, !is_occupied(m, b->io, s, PCI_OCCUPIED));
	expect(t, !is_taken(m, b->bridge, b->io, s, b));
	for (int16_t p = b->bridge; p >= 0; p = m->bridges[p].parent) {
		const struct pci_span *w = m->bridges[p].window;

		if (m->bridges[p].subtractive && b->state == PCI_BAR_KEPT)
			continue;
		if (b->io)
			expect(t, inside(s, w[PCI_SPACE_IO]));
		else
			expect(t, inside(s, w[PCI_SPACE_MEMORY]) ||
			       (inside(s, w[PCI_SPACE_PREFETCHABLE]) &&
				(b->prefetchable || b->state == PCI_BAR_KEPT)));
	}
	if (b->state == PCI_BAR_KEPT) {
		expect(t, b->address == b->now && !b->why);
		return;
	}
	expect(t, !b->rom && b->why != NULL);
	expect(t, !is_shut(m, b->root, b->io, s));
	if (b->bridge < 0)
		expect(t, has_root_window(m, b->root, b->io, s, false, b->prefetchable));
}

static void check_window(struct ktest_run *t, const struct machine *m,
			 const struct pci_res_bridge *b, enum pci_space space)
{
	struct pci_span s = b->window[space];

	if (b->kept[space])
		expect(t, s.start == b->now[space].start && s.end == b->now[space].end);
	if (empty(s))
		return;
	expect(t, space == PCI_SPACE_PREFETCHABLE || s.end <= (io_of(space) ? 0x10000 : 4 * GIB));
	expect(t, !is_occupied(m, io_of(space), s, PCI_OCCUPIED));
	for (unsigned k = 0; k < m->r.bar_count; k++)
		if (m->bars[k].bridge == b->parent && m->bars[k].io == io_of(space) &&
		    placed(&m->bars[k]))
			expect(t, !overlap(at(&m->bars[k], m->bars[k].address), s));
	for (unsigned k = 0; k < m->r.bridge_count; k++)
		for (unsigned o = 0; o < PCI_SPACES; o++)
			if (m->bridges[k].parent == b->parent && io_of(o) == io_of(space) &&
			    &m->bridges[k].window[o] != &b->window[space])
				expect(t, !overlap(m->bridges[k].window[o], s));
	if (b->parent >= 0) {
		const struct pci_span *w = m->bridges[b->parent].window;

		expect(t, io_of(space) ? inside(s, w[0]) : inside(s, w[1]) || inside(s, w[2]));
	}
	if (b->kept[space])
		return;
	expect(t, b->can[space]);
	expect(t, is_aligned(s.start, io_of(space) ? 0x1000 : MIB));
	expect(t, is_aligned(s.end, io_of(space) ? 0x1000 : MIB));
	expect(t, !is_shut(m, b->root, io_of(space), s));
	if (b->parent < 0)
		expect(t, has_root_window(m, b->root, io_of(space), s, false,
					  space == PCI_SPACE_PREFETCHABLE));
}

/* New things at a root whose windows are all inferred lie around something kept there. */
static bool is_beside(const struct machine *m, uint8_t root, bool io, struct pci_span s)
{
	uint64_t granule = io ? 0x1000 : MIB;

	for (unsigned i = 0; i < m->r.bar_count; i++) {
		const struct pci_res_bar *b = &m->bars[i];

		if (b->state == PCI_BAR_KEPT && b->bridge < 0 && b->root == root && b->io == io &&
		    s.start >= align_down(b->now, granule) &&
		    s.end <= align_up(b->now + b->size, granule))
			return true;
	}
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++)
			if (m->bridges[i].parent < 0 && m->bridges[i].root == root &&
			    m->bridges[i].kept[k] && io_of(k) == io &&
			    s.start >= align_down(m->bridges[i].now[k].start, granule) &&
			    s.end <= align_up(m->bridges[i].now[k].end, granule))
				return true;
	return false;
}

static bool is_inferred(const struct machine *m, uint8_t root, bool io)
{
	for (unsigned i = 0; i < m->r.window_count; i++)
		if (m->windows[i].root == root && io_of(m->windows[i].space) == io &&
		    m->windows[i].from != PCI_FROM_MAP)
			return false;
	return true;
}

static void check_beside(struct ktest_run *t, const struct machine *m)
{
	for (unsigned i = 0; i < m->r.bar_count; i++) {
		const struct pci_res_bar *b = &m->bars[i];

		if (b->state == PCI_BAR_ASSIGNED && b->bridge < 0 &&
		    is_inferred(m, b->root, b->io))
			expect(t, is_beside(m, b->root, b->io, at(b, b->address)));
	}
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++) {
			const struct pci_res_bridge *b = &m->bridges[i];

			if (b->parent < 0 && !b->kept[k] && !empty(b->window[k]) &&
			    is_inferred(m, b->root, io_of(k)))
				expect(t, is_beside(m, b->root, io_of(k), b->window[k]));
		}
}

/* No doubt about it: disjoint from all that anything says it has, whatever of that is sane. */
static bool window_undoubted(const struct machine *m, const struct pci_res_bridge *b,
			     enum pci_space space)
{
	struct pci_span s = b->now[space];
	bool io = io_of(space);

	if (empty(s) || s.start < (io ? 0x1000 : MIB) || is_occupied(m, io, s, PCI_OCCUPIED) ||
	    s.end > (io ? 0x10000 : space == PCI_SPACE_MEMORY ? 4 * GIB : BIT(40)))
		return false;
	for (unsigned k = 0; k < m->r.bridge_count; k++)
		for (unsigned o = 0; o < PCI_SPACES; o++)
			if (m->bridges[k].parent == b->parent && io_of(o) == io &&
			    &m->bridges[k].now[o] != &b->now[space] &&
			    overlap(m->bridges[k].now[o], s))
				return false;
	if (b->parent < 0)
		return true;
	for (unsigned o = 0; o < PCI_SPACES; o++)
		if (io_of(o) == io && inside(s, m->bridges[b->parent].now[o]) &&
		    window_undoubted(m, &m->bridges[b->parent], o))
			return true;
	return false;
}

static bool bar_undoubted(const struct machine *m, const struct pci_res_bar *b)
{
	struct pci_span s = at(b, b->now);
	bool through = b->bridge < 0;

	if (!b->now || !is_aligned(b->now, b->size) || is_occupied(m, b->io, s, PCI_OCCUPIED) ||
	    s.end > (b->io ? 0x10000 : b->wide ? BIT(40) : 4 * GIB - 1))
		return false;
	for (unsigned i = 0; i < m->r.bar_count; i++)
		if (&m->bars[i] != b && m->bars[i].now && m->bars[i].io == b->io &&
		    overlap(at(&m->bars[i], m->bars[i].now), s))
			return false;
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++) {
			const struct pci_res_bridge *o = &m->bridges[i];

			if (io_of(k) != b->io)
				continue;
			if (o->parent == b->bridge && overlap(o->now[k], s))
				return false;
			if (b->bridge == (int16_t)i && inside(s, o->now[k]) &&
			    window_undoubted(m, o, k))
				through = true;
		}
	return through;
}

static void check_nothing_sane_moved(struct ktest_run *t, const struct machine *m)
{
	if (m->r.assign_all)
		return;
	for (unsigned i = 0; i < m->r.bar_count; i++)
		if (bar_undoubted(m, &m->bars[i]))
			expect_eq(t, m->bars[i].state, PCI_BAR_KEPT);
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++)
			if (window_undoubted(m, &m->bridges[i], k))
				expect(t, m->bridges[i].kept[k]);
}

/* Whether a BAR without a place could lie in `range` on its bus. */
static bool has_room(const struct machine *m, const struct pci_res_bar *b, struct pci_span range)
{
	uint64_t align = b->io ? b->size : max(b->size, PAGE_SIZE);
	struct pci_span ends[BARS + BRIDGES * PCI_SPACES + OCCUPIED + 1];
	unsigned count = 0;

	ends[count++].end = range.start;
	for (unsigned i = 0; i < m->r.bar_count; i++)
		ends[count++] = at(&m->bars[i], m->bars[i].address);
	for (unsigned i = 0; i < m->r.bridge_count * PCI_SPACES; i++)
		ends[count++] = m->bridges[i / PCI_SPACES].window[i % PCI_SPACES];
	for (unsigned i = 0; i < m->r.occupied_count; i++)
		ends[count++] = m->occupied[i].span;
	for (unsigned i = 0; i < count; i++) {
		struct pci_span s = at(b, align_up(ends[i].end, align));

		if (s.start && s.start >= range.start && inside(s, range) && s.end != 4 * GIB &&
		    !is_shut(m, b->root, b->io, s) && !is_taken(m, b->bridge, b->io, s, b))
			return true;
	}
	return false;
}

/* Whether no other window of the root is of that space. */
static bool is_alone(const struct machine *m, const struct pci_window *w)
{
	for (unsigned i = 0; i < m->r.window_count; i++)
		if (&m->windows[i] != w && m->windows[i].root == w->root &&
		    io_of(m->windows[i].space) == io_of(w->space))
			return false;
	return true;
}

static void check_disabled(struct ktest_run *t, const struct machine *m,
			   const struct pci_res_bar *b)
{
	uint64_t limit = b->io ? 0x10000 : b->wide ? BIT(40) : 4 * GIB;

	if (b->bridge >= 0) {
		const struct pci_span *w = m->bridges[b->bridge].window;

		expect(t, !has_room(m, b, w[b->io ? PCI_SPACE_IO : PCI_SPACE_MEMORY]));
		if (!b->io && b->prefetchable && (b->wide || w[2].end <= 4 * GIB))
			expect(t, !has_room(m, b, w[PCI_SPACE_PREFETCHABLE]));
		return;
	}
	for (unsigned i = 0; i < m->r.window_count; i++) {
		struct pci_window w = m->windows[i];
		struct pci_span halves[2];

		if (w.root != b->root || io_of(w.space) != b->io || w.from == PCI_FROM_MAP ||
		    (w.from == PCI_FROM_CONFIGURED && !is_alone(m, &m->windows[i])) ||
		    (w.space == PCI_SPACE_PREFETCHABLE && !b->prefetchable))
			continue;
		w.span.start = max(w.span.start, b->io ? 0x1000 : MIB);
		w.span.end = min(w.span.end, limit);
		halves[0] = (struct pci_span){ w.span.start, min(w.span.end, 4 * GIB) };
		halves[1] = (struct pci_span){ max(w.span.start, 4 * GIB), w.span.end };
		expect(t, !has_room(m, b, halves[0]) && !has_room(m, b, halves[1]));
	}
}

static void check(struct ktest_run *t, const struct machine *m)
{
	for (unsigned i = 0; i < m->r.bar_count; i++) {
		check_bar(t, m, &m->bars[i]);
		if (m->bars[i].state == PCI_BAR_DISABLED && !m->bars[i].rom)
			check_disabled(t, m, &m->bars[i]);
	}
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++)
			check_window(t, m, &m->bridges[i], k);
	if (!m->r.assign_all)
		check_beside(t, m);
	check_nothing_sane_moved(t, m);
}

/* The registers as they are once a result was applied. */
static void apply(struct machine *m)
{
	for (unsigned i = 0; i < m->r.bar_count; i++)
		m->bars[i].now = m->bars[i].address;
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		memcpy(m->bridges[i].now, m->bridges[i].window, sizeof(m->bridges[i].now));
	m->r.assign_all = false;
}

static void swap(void *a, void *b, size_t size)
{
	unsigned char rest[256];

	memcpy(rest, a, size);
	memcpy(a, b, size);
	memcpy(b, rest, size);
}

static void shuffle(struct ktest_run *t, void *list, unsigned count, size_t size)
{
	for (unsigned i = count; i > 1; i--)
		swap((char *)list + (i - 1) * size,
		     (char *)list + ktest_random_below(t, i) * size, size);
}

/* The same machine with everything listed in another order. */
static void machine_shuffle(struct ktest_run *t, struct machine *m)
{
	int16_t where[BRIDGES];

	shuffle(t, m->windows, m->r.window_count, sizeof(m->windows[0]));
	shuffle(t, m->occupied, m->r.occupied_count, sizeof(m->occupied[0]));
	shuffle(t, m->bars, m->r.bar_count, sizeof(m->bars[0]));
	shuffle(t, m->bridges, m->r.bridge_count, sizeof(m->bridges[0]));
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		where[m->bridges[i].key] = (int16_t)i;
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		if (m->bridges[i].parent >= 0)
			m->bridges[i].parent = where[m->bridges[i].parent];
	for (unsigned i = 0; i < m->r.bar_count; i++)
		if (m->bars[i].bridge >= 0)
			m->bars[i].bridge = where[m->bars[i].bridge];
}

static void expect_same(struct ktest_run *t, const struct machine *a, const struct machine *b)
{
	for (unsigned i = 0; i < a->r.bar_count; i++)
		for (unsigned k = 0; k < b->r.bar_count; k++)
			if (a->bars[i].key == b->bars[k].key)
				expect(t, a->bars[i].state == b->bars[k].state &&
				       a->bars[i].address == b->bars[k].address &&
				       a->bars[i].why == b->bars[k].why);
	for (unsigned i = 0; i < a->r.bridge_count; i++)
		for (unsigned k = 0; k < b->r.bridge_count; k++)
			if (a->bridges[i].key == b->bridges[k].key)
				expect(t, memcmp(a->bridges[i].window, b->bridges[k].window,
						 sizeof(a->bridges[i].window)) == 0);
}

static void expect_settled(struct ktest_run *t, const struct machine *m)
{
	static struct machine again;

	machine_copy(&again, m);
	apply(&again);
	solve(&again);
	for (unsigned i = 0; i < m->r.bar_count; i++) {
		expect_eq(t, again.bars[i].address, m->bars[i].address);
		expect(t, again.bars[i].state == (placed(&m->bars[i]) ? PCI_BAR_KEPT :
						 PCI_BAR_DISABLED));
	}
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		expect(t, memcmp(again.bridges[i].window, m->bridges[i].window,
				 sizeof(m->bridges[i].window)) == 0);
}

static void judge(struct ktest_run *t, const struct machine *start)
{
	static struct machine m, other;

	machine_copy(&m, start);
	solve(&m);
	check(t, &m);
	expect_settled(t, &m);
	machine_copy(&other, start);
	machine_shuffle(t, &other);
	solve(&other);
	expect_same(t, &m, &other);
}

/* Generated machines. */

static bool one_in(struct ktest_run *t, unsigned n)
{
	return ktest_random_below(t, n) == 0;
}

static void random_windows(struct ktest_run *t, struct machine *m, uint8_t root)
{
	uint64_t low = 0xc0000000 + root * UINT64_C(0x10000000);
	uint64_t high = UINT64_C(0x8000000000) + root * UINT64_C(0x1000000000);
	enum pci_window_from from = (enum pci_window_from)ktest_random_below(t, 3);

	if (!one_in(t, 8))
		window(m, low, low + (MIB << ktest_random_below(t, 9)), PCI_SPACE_MEMORY,
		       from)->root = root;
	if (!one_in(t, 3))
		window(m, high, high + (MIB << ktest_random_below(t, 17)),
		       one_in(t, 4) ? PCI_SPACE_PREFETCHABLE : PCI_SPACE_MEMORY, from)->root = root;
	if (!one_in(t, 3))
		window(m, one_in(t, 2) ? 0 : 0xc000, 0x10000, PCI_SPACE_IO, from)->root = root;
	if (one_in(t, 6))		/* wild */
		window(m, ktest_random(t) >> ktest_random_below(t, 40), ktest_random(t) >> 24,
		       (enum pci_space)ktest_random_below(t, 3), from)->root = root;
}

static void random_occupied(struct ktest_run *t, struct machine *m)
{
	static const char *const names[] = { "lies over memory", "in the ECAM", "an IOAPIC" };

	occupied(m, 0, MIB, PCI_OCCUPIED, "low 1 MiB");
	occupied(m, MIB, GIB << ktest_random_below(t, 2), PCI_OCCUPIED, names[0]);
	if (one_in(t, 3))		/* all of it, as firmware likes to say */
		occupied(m, 0xc0000000, 4 * GIB, PCI_RESERVED, "reserved");
	if (one_in(t, 3))
		occupied(m, 4 * GIB, 8 * GIB, PCI_OCCUPIED, names[0]);
	for (uint64_t n = ktest_random_below(t, 12); n; n--) {
		uint64_t start = (one_in(t, 4) ? UINT64_C(0x8000000000) : 0xc0000000) +
				 ktest_random_below(t, GIB);

		occupied(m, start, start + (1 << ktest_random_below(t, 22)),
			 (enum pci_occupancy)ktest_random_below(t, 3), names[n % 3]);
	}
	if (one_in(t, 2)) {
		occupied(m, 0xc000 + ktest_random_below(t, 0x4000), 0, PCI_OCCUPIED, "PM timer");
		m->occupied[m->r.occupied_count - 1].io = true;
		m->occupied[m->r.occupied_count - 1].span.end =
			m->occupied[m->r.occupied_count - 1].span.start + 4;
	}
}

static void random_tree(struct ktest_run *t, struct machine *m, unsigned roots)
{
	for (uint64_t n = ktest_random_below(t, BRIDGES + 1); n; n--) {
		int16_t parent = (int16_t)((int)ktest_random_below(t, m->r.bridge_count + 1) - 1);
		int16_t b = bridge(m, parent);

		if (parent < 0)
			m->bridges[b].root = (uint8_t)ktest_random_below(t, roots);
		for (unsigned k = 0; k < PCI_SPACES; k++)
			m->bridges[b].can[k] = k == PCI_SPACE_MEMORY || !one_in(t, 5);
		m->bridges[b].subtractive = one_in(t, 12);
	}
	for (uint64_t n = ktest_random_below(t, BARS + 1); n; n--) {
		int16_t on = (int16_t)((int)ktest_random_below(t, m->r.bridge_count + 1) - 1);
		struct pci_res_bar *b = bar(m, on, 16, 0);

		b->io = one_in(t, 4);
		b->wide = !b->io && one_in(t, 2);
		b->prefetchable = !b->io && one_in(t, 2);
		b->rom = !b->io && one_in(t, 12);
		b->fixed = !b->rom && one_in(t, 12);
		b->size = b->io ? UINT64_C(4) << ktest_random_below(t, 8) :
			  UINT64_C(16) << ktest_random_below(t, one_in(t, 8) ? 34 : 20);
		if (on < 0)
			b->root = (uint8_t)ktest_random_below(t, roots);
	}
}

static void random_machine(struct ktest_run *t, struct machine *m)
{
	unsigned roots = 1 + (unsigned)ktest_random_below(t, 2);

	machine_init(m);
	for (unsigned root = 0; root < roots; root++)
		random_windows(t, m, (uint8_t)root);
	random_occupied(t, m);
	random_tree(t, m, roots);
}

/* What firmware did: all of it well, then some of it lost or spoilt. */
static void random_firmware(struct ktest_run *t, struct machine *m)
{
	static struct machine as_firmware;

	machine_copy(&as_firmware, m);
	for (unsigned i = 0; i < m->r.window_count; i++)
		as_firmware.windows[i].from = PCI_FROM_CRS;
	solve(&as_firmware);
	for (unsigned i = 0; i < m->r.bar_count; i++) {
		struct pci_res_bar *b = &m->bars[i];

		b->now = as_firmware.bars[i].address;
		if (one_in(t, 6))
			b->now = 0;
		else if (one_in(t, 8))
			b->now = align_down(ktest_random(t) >> 24, b->size);
		else if (one_in(t, 8) && m->bars[0].now)
			b->now = align_down(m->bars[0].now, b->size);
		if (!b->wide)
			b->now &= b->io ? 0xffff : 0xffffffff;
	}
	for (unsigned i = 0; i < m->r.bridge_count; i++)
		for (unsigned k = 0; k < PCI_SPACES; k++) {
			struct pci_span *now = &m->bridges[i].now[k];

			*now = as_firmware.bridges[i].window[k];
			if (one_in(t, 8))
				*now = (struct pci_span){ 0, io_of(k) ? 0x1000 : MIB };
			else if (one_in(t, 10))
				now->end = align_down(now->end + 8 * MIB, MIB);
		}
}

KTEST(pci_resources_keep_the_rules_on_any_machine)
{
	static struct machine m;

	for (uint64_t n = ktest_operations() / 250; n; n--) {
		unsigned before = t->failures;

		random_machine(t, &m);
		if (!one_in(t, 4))
			random_firmware(t, &m);
		m.r.assign_all = one_in(t, 6);
		judge(t, &m);
		require(t, t->failures == before);
	}
}

KTEST(pci_resources_assign_a_machine_that_nobody_assigned)
{
	static struct machine m;

	machine_microvm(&m);
	for (unsigned i = 0; i < 3; i++) {
		bar(&m, -1, 0x80, 0)->io = true;
		bar(&m, -1, 0x1000, 0);
		wide(bar(&m, -1, 0x4000, 0));
		bar(&m, -1, 0x40000, 0)->rom = true;
	}
	judge(t, &m);
	solve(&m);
	for (unsigned i = 0; i < 3; i++) {
		expect_eq(t, m.bars[4 * i].state, PCI_BAR_DISABLED);
		expect_str(t, m.bars[4 * i].why, "its root has no such window");
		expect_eq(t, m.bars[4 * i + 1].address, 0xc0000000 + i * 0x1000);
		expect_eq(t, m.bars[4 * i + 2].address, 0xc000000000 + i * 0x4000);
		expect_eq(t, m.bars[4 * i + 3].state, PCI_BAR_DISABLED);
	}
}

KTEST(pci_resources_keep_what_firmware_put_above_4_gib)
{
	static struct machine m;

	machine_init(&m);
	occupied(&m, 0, 2 * GIB, PCI_OCCUPIED, "lies over memory");
	occupied(&m, 0xb0000000, 0xc0000000, PCI_RESERVED, "reserved");
	occupied(&m, 0xc0000000, 4 * GIB, PCI_RESERVED, "reserved");
	window(&m, 0xc0000000, 0xfec00000, PCI_SPACE_MEMORY, PCI_FROM_MAP);
	wide(bar(&m, -1, 0x4000, 0xe000000000));
	bar(&m, -1, 0x1000, 0xc0042000);
	bar(&m, -1, 0x1000, 0);
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[0].state, PCI_BAR_KEPT);
	expect_eq(t, m.bars[1].state, PCI_BAR_KEPT);
	/* All is reserved, and no _CRS says that it is for new ones. */
	expect_eq(t, m.bars[2].state, PCI_BAR_DISABLED);
	m.r.occupied_count = 1;
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[2].address, 0xc0000000);
	m.windows[0].from = PCI_FROM_CRS;
	judge(t, &m);
}

/* What the kernel's predecessor did: a constant, whatever was there. */
KTEST(pci_resources_refuse_bars_that_a_constant_put_over_memory)
{
	static struct machine m;

	machine_microvm(&m);
	bar(&m, -1, 0x1000, 0x10000000);
	wide(bar(&m, -1, 0x4000, 0x10004000));
	bar(&m, -1, 0x1000, 0xe0000000);
	judge(t, &m);
	solve(&m);
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, m.bars[i].state, PCI_BAR_ASSIGNED);
	expect_str(t, m.bars[0].why, "lies over memory");
	expect_str(t, m.bars[2].why, "in the ECAM");
	m.r.window_count = 0;
	judge(t, &m);
	solve(&m);
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, m.bars[i].state, PCI_BAR_DISABLED);
}

KTEST(pci_resources_let_a_giant_go_and_serve_its_neighbours)
{
	static struct machine m;
	int16_t port;

	machine_microvm(&m);
	m.r.window_count = 1;
	port = bridge(&m, bridge(&m, -1));
	wide(bar(&m, port, 64 * GIB, 0));
	bar(&m, port, GIB, 0);
	bar(&m, port, 0x1000, 0);
	wide(bar(&m, port, 0x4000, 0));
	wide(bar(&m, -1, 64 * GIB, 0));
	bar(&m, -1, 0x2000, 0);
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[0].state, PCI_BAR_DISABLED);
	expect_eq(t, m.bars[1].state, PCI_BAR_DISABLED);
	expect_eq(t, m.bars[2].state, PCI_BAR_ASSIGNED);
	expect_eq(t, m.bars[3].state, PCI_BAR_ASSIGNED);
	expect_eq(t, m.bars[4].state, PCI_BAR_DISABLED);
	expect_str(t, m.bars[4].why, "no room in its root's windows");
	expect_eq(t, m.bars[5].state, PCI_BAR_ASSIGNED);
}

KTEST(pci_resources_fill_a_window_to_the_last_byte)
{
	static struct machine m;

	machine_microvm(&m);
	m.r.window_count = 0;
	window(&m, 0xc0000000, 0xc0400000, PCI_SPACE_MEMORY, PCI_FROM_CRS);
	bar(&m, bridge(&m, -1), MIB, 0);
	bar(&m, bridge(&m, -1), 0x1000, 0);
	bar(&m, -1, 2 * MIB, 0);
	judge(t, &m);
	solve(&m);
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, m.bars[i].state, PCI_BAR_ASSIGNED);
	bar(&m, -1, 0x1000, 0);
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[3].state, PCI_BAR_DISABLED);
}

KTEST(pci_resources_open_windows_for_every_space)
{
	static struct machine m;
	int16_t port;

	machine_microvm(&m);
	window(&m, 0xc000, 0x10000, PCI_SPACE_IO, PCI_FROM_CRS);
	port = bridge(&m, bridge(&m, -1));
	/* As after reset: both begin at 0. */
	m.bridges[0].now[PCI_SPACE_IO] = (struct pci_span){ 0, 0x1000 };
	m.bridges[0].now[PCI_SPACE_MEMORY] = (struct pci_span){ 0, MIB };
	bar(&m, port, 0x20, 0)->io = true;
	bar(&m, port, 0x1000, 0);
	wide(bar(&m, port, 8 * GIB, 0));
	judge(t, &m);
	solve(&m);
	for (unsigned i = 0; i < 2; i++) {
		expect_eq(t, m.bridges[i].window[PCI_SPACE_IO].start, 0xc000);
		expect_eq(t, m.bridges[i].window[PCI_SPACE_IO].end, 0xd000);
		expect_eq(t, m.bridges[i].window[PCI_SPACE_MEMORY].start, 0xc0000000);
		expect_eq(t, m.bridges[i].window[PCI_SPACE_MEMORY].end, 0xc0100000);
		expect_eq(t, m.bridges[i].window[PCI_SPACE_PREFETCHABLE].start, 0xc000000000);
		expect_eq(t, m.bridges[i].window[PCI_SPACE_PREFETCHABLE].end, 0xc200000000);
	}
}

KTEST(pci_resources_of_two_bars_at_one_place_the_first_stays)
{
	static struct machine m;

	machine_microvm(&m);
	bar(&m, -1, 0x1000, 0xc0002000);
	bar(&m, -1, 0x4000, 0xc0000000);
	bar(&m, -1, 0x1000, 0xc0000000)->fixed = true;
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[2].state, PCI_BAR_KEPT);
	expect_eq(t, m.bars[0].state, PCI_BAR_KEPT);
	expect_eq(t, m.bars[1].state, PCI_BAR_ASSIGNED);
	expect_str(t, m.bars[1].why, "overlaps another BAR");
}

KTEST(pci_resources_assign_all_but_what_is_fixed)
{
	static struct machine m;
	int16_t port;

	machine_microvm(&m);
	port = bridge(&m, -1);
	m.bridges[port].now[PCI_SPACE_MEMORY] = (struct pci_span){ 0xd0000000, 0xd2000000 };
	bar(&m, port, 0x1000000, 0xd0000000)->fixed = true;
	bar(&m, port, 0x1000, 0xd1000000);
	bar(&m, -1, 0x1000, 0xd8000000);
	m.r.assign_all = true;
	judge(t, &m);
	solve(&m);
	expect_eq(t, m.bars[0].state, PCI_BAR_KEPT);
	expect(t, m.bridges[port].kept[PCI_SPACE_MEMORY]);
	expect_eq(t, m.bars[1].state, PCI_BAR_ASSIGNED);
	expect_str(t, m.bars[1].why, "pci=assign");
	expect_eq(t, m.bars[2].address, 0xc0000000);
}

/* Inferred windows: what was kept at first still shows where BARs may be. */
KTEST(pci_resources_assign_all_within_inferred_windows)
{
	static struct machine m;

	machine_microvm(&m);
	m.windows[0].from = PCI_FROM_MAP;
	m.windows[1].from = PCI_FROM_MAP;
	bar(&m, -1, 0x1000, 0xd8000000);
	bar(&m, -1, 0x1000, 0xd8001000);
	m.r.assign_all = true;
	solve(&m);
	expect_eq(t, m.bars[0].state, PCI_BAR_ASSIGNED);
	expect_eq(t, m.bars[1].state, PCI_BAR_ASSIGNED);
	check(t, &m);
}
