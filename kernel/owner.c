// SPDX-License-Identifier: MIT
#include "kernel/owner.h"

#include "kernel/lib/string.h"

/* Adds a source's answer to the text of `len` bytes. Returns the new length. */
static size_t add_answer(const struct owner_source *source, uint64_t va, char *buf, size_t size,
			 size_t len)
{
	size_t start = len;

	if (len > 0)
		start += str_copy(buf + len, size - len, "; ");
	if (source->describe(va, buf + start, size - start))
		return start + strnlen(buf + start, size - start - 1);
	buf[len] = '\0';
	return len;
}

static size_t ask(enum owner_rank end, uint64_t va, char *buf, size_t size)
{
	const struct owner_source *const *source;
	size_t len = 0;

	buf[0] = '\0';
	for (enum owner_rank rank = 0; rank < end; rank++) {
		table_for_each(owner_sources, source) {
			if ((*source)->rank == rank)
				len = add_answer(*source, va, buf, size, len);
		}
	}
	return len;
}

size_t owner_describe(uint64_t va, char *buf, size_t size)
{
	size_t len = ask(OWNER_RANKS, va, buf, size);

	return len ? len : str_copy(buf, size, "nobody knows");
}

size_t owner_describe_block(uint64_t va, char *buf, size_t size)
{
	return ask(OWNER_PLACE, va, buf, size);
}
