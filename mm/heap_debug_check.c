// SPDX-License-Identifier: MIT
/* Full checking: what is sound, what lies where, what is left; in words. */
#include "mm/heap_debug.h"
#include "mm/heap_debug_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

const char *debug_name(const struct debug_block *b, char *buf, size_t size)
{
	format(buf, size, "a %zu-byte block allocated at %s%s%s", b->size, b->allocated_at,
	       b->freed_at ? ", freed at " : "", b->freed_at ? b->freed_at : "");
	return buf;
}

void debug_describe_place(const struct debug_block *b, uintptr_t address, char *buf, size_t size)
{
	uintptr_t start = (uintptr_t)debug_bytes(b), end = start + b->size;
	const char *where = address < start ? "before" : address < end ? "inside" : "past";
	size_t distance = address < start ? start - address :
			  address < end ? address - start : address - end;
	char name[DEBUG_HEAP_TEXT];

	format(buf, size, "%zu byte%s %s %s", distance, distance == 1 ? "" : "s", where,
	       debug_name(b, name, sizeof(name)));
}

/* A header that is none: most often something ran over the end of the block before. */
static void describe_broken(const struct debug_heap *d, const struct debug_block *b, char *buf,
			    size_t size)
{
	struct debug_block *before;
	char name[DEBUG_HEAP_TEXT];

	if (debug_find(d, (uintptr_t)b - 1, &before) == DEBUG_BLOCK)
		format(buf, size, "header overwritten: the block at %p, which follows %s",
		       (void *)b, debug_name(before, name, sizeof(name)));
	else
		format(buf, size, "header overwritten: the block at %p", (void *)b);
}

void debug_describe_stray(const struct debug_heap *d, uintptr_t address,
			  enum debug_finding finding, const struct debug_block *b, char *buf,
			  size_t size)
{
	struct page_allocator *pages = d->core->pages;
	struct page_block found;

	if (finding == DEBUG_BROKEN)
		describe_broken(d, b, buf, size);
	else if (finding == DEBUG_FREE)
		str_copy(buf, size, "double free of long ago, or a foreign pointer: "
				    "free memory of the heap");
	else if (!page_block_find(pages, address - pages->offset, &found))
		str_copy(buf, size, "foreign pointer: no memory that is allocated");
	else if (found.use == PAGE_USE_HEAP_SPAN || found.use == PAGE_USE_HEAP_RUN)
		str_copy(buf, size, "wrong heap: memory of another one");
	else
		str_copy(buf, size, "foreign pointer: allocated pages, but no heap's");
}

bool debug_heap_describe(const struct debug_heap *d, uintptr_t address, char *buf, size_t size)
{
	struct debug_block *b;

	switch (debug_find(d, address, &b)) {
	case DEBUG_NOTHING:
		buf[0] = '\0';
		return false;
	case DEBUG_FREE:
		str_copy(buf, size, "free memory of the heap");
		break;
	case DEBUG_BROKEN:
		describe_broken(d, b, buf, size);
		break;
	case DEBUG_BLOCK:
		debug_describe_place(b, address, buf, size);
	}
	return true;
}

static bool is_in(const struct debug_heap *d, const struct debug_list *list,
		  const struct debug_block *b)
{
	struct debug_block *found;

	return debug_find(d, (uintptr_t)b, &found) == DEBUG_BLOCK && found == b && b->heap == d &&
	       (b->freed_at != NULL) == (list == &d->quarantine);
}

/* Whether the older or the younger neighbour of `b`, or the list itself, agrees. */
static bool is_linked(const struct debug_heap *d, const struct debug_list *list,
		      const struct debug_block *b, bool older, char *buf, size_t size)
{
	const struct debug_block *to = older ? b->prev : b->next;
	struct debug_block *found;
	char name[DEBUG_HEAP_TEXT];

	if (to && debug_find(d, (uintptr_t)to, &found) == DEBUG_BROKEN && found == to) {
		describe_broken(d, to, buf, size);
		return false;
	}
	if (to ? is_in(d, list, to) && (older ? to->next : to->prev) == b :
		 (older ? list->first : list->last) == b)
		return true;
	format(buf, size, "header overwritten: the links of %s", debug_name(b, name, sizeof(name)));
	return false;
}

bool debug_listed(const struct debug_heap *d, const struct debug_list *list,
		  const struct debug_block *b, char *buf, size_t size)
{
	if (is_in(d, list, b))
		return is_linked(d, list, b, true, buf, size) &&
		       is_linked(d, list, b, false, buf, size);
	describe_broken(d, b, buf, size);
	return false;
}

/* The first of bytes[from] to bytes[end - 1] that is not `value`; end if all are. */
static ptrdiff_t first_other(const uint8_t *bytes, ptrdiff_t from, ptrdiff_t end, uint8_t value)
{
	const uint64_t want = value * (UINT64_MAX / UINT8_MAX);
	uint64_t have;

	for (; end - from >= (ptrdiff_t)sizeof(have); from += sizeof(have)) {
		__builtin_memcpy(&have, bytes + from, sizeof(have));
		if (have != want)
			break;
	}
	while (from < end && bytes[from] == value)
		from++;
	return from;
}

bool debug_intact(const struct debug_block *b, char *buf, size_t size)
{
	const uint8_t *bytes = debug_bytes(b);
	const ptrdiff_t first = (ptrdiff_t)(sizeof(*b) - b->lead), last = (ptrdiff_t)b->size;
	const ptrdiff_t end = (ptrdiff_t)(debug_extent(b->lead, b->size) - b->lead);
	char name[DEBUG_HEAP_TEXT];
	const char *wrong;
	ptrdiff_t at;

	if (first_other(bytes, first, 0, DEBUG_HEAP_RED_ZONE) < 0) {
		wrong = "underrun of";
		for (at = -1; bytes[at] == DEBUG_HEAP_RED_ZONE; at--)
			;	/* the one nearest to the block */
	} else if ((at = first_other(bytes, last, end, DEBUG_HEAP_RED_ZONE)) < end) {
		wrong = "overrun of";
	} else if (b->freed_at && (at = first_other(bytes, 0, last, DEBUG_HEAP_FREED)) < last) {
		wrong = "write after free to";
	} else {
		return true;
	}
	format(buf, size, "%s %s: byte %td is %#x", wrong, debug_name(b, name, sizeof(name)), at,
	       bytes[at]);
	return false;
}

static bool check_list(const struct debug_heap *d, const struct debug_list *list, char *buf,
		       size_t size)
{
	bool freed = list == &d->quarantine;
	uint64_t blocks = 0, bytes = 0;

	/* Ends, for no two of them have one `next`, and the first has no `prev`. */
	for (const struct debug_block *b = list->first; b; b = b->next) {
		if (!debug_listed(d, list, b, buf, size) || !debug_intact(b, buf, size))
			return false;
		blocks++;
		bytes += freed ? debug_extent(b->lead, b->size) : b->size;
	}
	if (blocks == list->blocks && bytes == list->bytes)
		return true;
	format(buf, size, "the counts of %s blocks are wrong", freed ? "freed" : "live");
	return false;
}

bool debug_heap_check(const struct debug_heap *d, char *buf, size_t size)
{
	return check_list(d, &d->live, buf, size) && check_list(d, &d->quarantine, buf, size);
}

uint64_t debug_heap_mark(const struct debug_heap *d)
{
	return d->next_number;
}

/* The group of `caller`, a new one if there is room, else the last. */
static struct debug_group *find_group(struct debug_group *groups, size_t *count, size_t max,
				      const char *caller)
{
	for (size_t i = 0; i < *count; i++)
		if (groups[i].caller && strcmp(groups[i].caller, caller) == 0)
			return &groups[i];
	if (*count < max) {
		groups[*count] = (struct debug_group){ .caller = caller };
		return &groups[(*count)++];
	}
	groups[max - 1].caller = NULL;
	return &groups[max - 1];
}

size_t debug_heap_diff(const struct debug_heap *d, uint64_t mark, struct debug_group *groups,
		       size_t max)
{
	char what[DEBUG_HEAP_TEXT];
	size_t count = 0;

	for (const struct debug_block *b = d->live.last; b; b = b->prev) {
		struct debug_group *g;

		if (!debug_listed(d, &d->live, b, what, sizeof(what))) {
			d->found(what);
			break;
		}
		if (b->number < mark)
			break;
		g = find_group(groups, &count, max, b->allocated_at);
		g->blocks++;
		g->bytes += b->size;
	}
	return count;
}
