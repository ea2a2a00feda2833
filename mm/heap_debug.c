// SPDX-License-Identifier: MIT
/*
 * Each block of the core's holds a header, a red zone, the caller's bytes and
 * another red zone (heap_debug_internal.h). Live blocks are in one list by age,
 * those in quarantine in another, oldest first; both are the header's links.
 *
 * A pointer is looked up in the core, which answers for any number; only what
 * lies in a live block of the core's is read, and believed only if its checksum
 * is right. Links are not part of that sum, or each call would have to renew
 * its neighbours' too: they are believed where both sides agree.
 *
 * Costs: a call writes the block's bytes once, a free and the end of the
 * quarantine read them once; else they take constant time, but that a free may
 * end the quarantine of several blocks, on average of one.
 *
 * Shortcomings: a write that skips both red zones and hits another block's
 * bytes is not seen; nor is a byte that is overwritten by what it was.
 */
#include "mm/heap_debug.h"
#include "mm/heap_debug_internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

static const char unknown[] = "?";

/* Headers. */

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 29;
}

static uint64_t checksum(const struct debug_block *b)
{
	uint64_t sum = mix((uintptr_t)b, (uintptr_t)b->heap);

	sum = mix(sum, (uintptr_t)b->allocated_at);
	sum = mix(sum, (uintptr_t)b->freed_at);
	sum = mix(sum, b->size);
	sum = mix(sum, b->number);
	return mix(sum, b->lead);
}

enum debug_finding debug_find(const struct debug_heap *d, uintptr_t address,
			      struct debug_block **out)
{
	struct heap_block place;
	struct debug_block *b;

	if (!heap_block_find(d->core, (const void *)address, &place))
		return DEBUG_NOTHING;
	*out = b = (struct debug_block *)place.start;
	if (!place.live)
		return DEBUG_FREE;
	/* A right checksum vouches for lead and size; the bound is for the rest. */
	if (place.size < debug_extent(sizeof(*b), 0) || b->check != checksum(b) ||
	    debug_extent(b->lead, b->size) > place.size)
		return DEBUG_BROKEN;
	return DEBUG_BLOCK;
}

static void seal(struct debug_block *b)
{
	b->check = checksum(b);
}

/* Lists. */

static void list_append(struct debug_list *list, struct debug_block *b, size_t bytes)
{
	b->next = NULL;
	b->prev = list->last;
	if (b->prev)
		b->prev->next = b;
	else
		list->first = b;
	list->last = b;
	list->blocks++;
	list->bytes += bytes;
}

/* Only for what debug_listed() has found sound. */
static void list_remove(struct debug_list *list, struct debug_block *b, size_t bytes)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		list->first = b->next;
	if (b->next)
		b->next->prev = b->prev;
	else
		list->last = b->prev;
	list->blocks--;
	list->bytes -= bytes;
}

/* Quarantine. */

static void give_back(struct debug_heap *d, struct debug_block *b)
{
	b->check = 0;	/* no header any more, whoever gets the memory */
	heap_free(d->core, b);
}

static void release_oldest(struct debug_heap *d)
{
	struct debug_block *b = d->quarantine.first;
	char what[DEBUG_HEAP_TEXT];

	if (!debug_listed(d, &d->quarantine, b, what, sizeof(what))) {
		/* What comes after it cannot be found any more, and stays as it is. */
		d->quarantine = (struct debug_list){ 0 };
		d->found(what);
		return;
	}
	list_remove(&d->quarantine, b, debug_extent(b->lead, b->size));
	if (debug_intact(b, what, sizeof(what)))
		give_back(d, b);
	else
		d->found(what);
}

void debug_heap_drain(struct debug_heap *d)
{
	while (d->quarantine.blocks)
		release_oldest(d);
}

/* Ends the life of a block. One that would leave no room for others does without quarantine. */
static void retire(struct debug_heap *d, struct debug_block *b, const char *caller)
{
	size_t extent = debug_extent(b->lead, b->size);

	list_remove(&d->live, b, b->size);
	if (extent > d->quarantine_max / 4) {
		give_back(d, b);
		return;
	}
	b->freed_at = caller ? caller : unknown;
	seal(b);
	memset(debug_bytes(b), DEBUG_HEAP_FREED, b->size);
	list_append(&d->quarantine, b, extent);
	while (d->quarantine.bytes > d->quarantine_max ||
	       d->quarantine.blocks > DEBUG_HEAP_QUARANTINE_BLOCKS)
		release_oldest(d);
}

/* Blocks. */

/* Whether `address` is the start of a live, sound block; false with what it is. */
static bool may_go(const struct debug_heap *d, uintptr_t address, struct debug_block **out,
		   char *buf, size_t size)
{
	enum debug_finding finding = debug_find(d, address, out);
	char name[DEBUG_HEAP_TEXT];

	if (finding != DEBUG_BLOCK) {
		debug_describe_stray(d, address, finding, *out, buf, size);
		return false;
	}
	if ((*out)->heap != d) {
		format(buf, size, "wrong heap, that of '%s': %s", (*out)->heap->name,
		       debug_name(*out, name, sizeof(name)));
	} else if (address != (uintptr_t)debug_bytes(*out)) {
		debug_describe_place(*out, address, name, sizeof(name));
		format(buf, size, "interior pointer: %s", name);
	} else if ((*out)->freed_at) {
		format(buf, size, "double free: %s", debug_name(*out, name, sizeof(name)));
	} else {
		return debug_listed(d, &d->live, *out, buf, size) &&
		       debug_intact(*out, buf, size);
	}
	return false;
}

/* The block that `p` begins; NULL after a finding. */
static struct debug_block *claim(struct debug_heap *d, const char *operation, const void *p,
				 const char *caller)
{
	char what[DEBUG_HEAP_TEXT], text[DEBUG_HEAP_TEXT];
	struct debug_block *b = NULL;

	if (may_go(d, (uintptr_t)p, &b, what, sizeof(what)))
		return b;
	format(text, sizeof(text), "%s(%p) at %s: %s", operation, p, caller ? caller : unknown,
	       what);
	d->found(text);
	return NULL;
}

/* Sets the size and all that lies around the caller's bytes. */
static void enclose(struct debug_block *b, size_t size)
{
	size_t end = b->lead + size;

	b->size = size;
	seal(b);
	memset(b + 1, DEBUG_HEAP_RED_ZONE, b->lead - sizeof(*b));
	memset((uint8_t *)b + end, DEBUG_HEAP_RED_ZONE, debug_extent(b->lead, size) - end);
}

void debug_heap_init(struct debug_heap *d, struct heap *core, const char *name,
		     size_t quarantine, void (*found)(const char *what))
{
	*d = (struct debug_heap){
		.core = core, .name = name, .found = found, .quarantine_max = quarantine,
	};
}

void *debug_heap_alloc(struct debug_heap *d, size_t size, size_t align, const char *caller)
{
	struct debug_block *b;
	size_t lead;

	if (!is_pow2(align) || align > PAGE_SIZE || size > DEBUG_HEAP_SIZE_MAX)
		return NULL;
	size = max(size, (size_t)1);
	align = max(align, (size_t)DEBUG_RED_MIN);
	lead = align_up(sizeof(*b) + DEBUG_RED_MIN, align);
	b = heap_alloc(d->core, debug_extent(lead, size), align);
	if (!b && d->quarantine.blocks) {
		debug_heap_drain(d);
		b = heap_alloc(d->core, debug_extent(lead, size), align);
	}
	if (!b)
		return NULL;
	*b = (struct debug_block){
		.heap = d,
		.allocated_at = caller ? caller : unknown,
		.number = d->next_number++,
		.lead = lead,
	};
	enclose(b, size);
	memset(debug_bytes(b), DEBUG_HEAP_ALLOCATED, size);
	list_append(&d->live, b, size);
	return debug_bytes(b);
}

int debug_heap_free(struct debug_heap *d, void *block, const char *caller)
{
	struct debug_block *b;

	if (!block)
		return 0;
	b = claim(d, "free", block, caller);
	if (!b)
		return -EINVAL;
	retire(d, b, caller);
	return 0;
}

void *debug_heap_realloc(struct debug_heap *d, void *block, size_t size, const char *caller)
{
	struct debug_block *b;
	void *p;

	size = max(size, (size_t)1);
	if (!block)
		return debug_heap_alloc(d, size, DEBUG_RED_MIN, caller);
	b = claim(d, "realloc", block, caller);
	if (!b)
		return NULL;
	p = debug_heap_alloc(d, size, DEBUG_RED_MIN, caller);
	if (p) {
		memcpy(p, block, min(b->size, size));
		retire(d, b, caller);
	} else if (size <= b->size) {
		d->live.bytes -= b->size;
		enclose(b, size);
		d->live.bytes += b->size;
		p = block;
	}
	return p;
}

size_t debug_heap_usable_size(const struct debug_heap *d, const void *block)
{
	struct debug_block *b;
	bool ours = debug_find(d, (uintptr_t)block, &b) == DEBUG_BLOCK && b->heap == d;

	return ours && !b->freed_at && debug_bytes(b) == block ? b->size : 0;
}

void debug_heap_stats(const struct debug_heap *d, struct heap_stats *out)
{
	heap_stats(d->core, out);
	out->blocks = d->live.blocks;
	out->bytes = d->live.bytes;
}
