// SPDX-License-Identifier: MIT
#include "mm/direct.h"

#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

static const struct regions *direct;

void direct_map_init(const struct regions *map)
{
	direct = map;
}

int direct_reach(paddr_t start, paddr_t end, paddr_t *usable)
{
	uint64_t kept = 0;
	int error;

	if (start >= end || !is_aligned(start | end, PAGE_SIZE))
		return -EINVAL;
	error = paging_map_hosted(DIRECT_BASE + start, start, end - start, PAGING_WRITE, &kept);
	if (error) {
		log_info("RAM at %#llx-%#llx is not used: %s",
			 (unsigned long long)start, (unsigned long long)end - 1,
			 error == -ENOSPC ? "its page tables would fill it" : errno_name(error));
		return error;
	}
	*usable = start + kept;
	return 0;
}

bool direct_map_has(paddr_t pa, size_t len)
{
	return regions_usable(direct, pa, len);
}

void direct_map_around(paddr_t pa, paddr_t *start, paddr_t *end)
{
	const struct region *r = regions_find(direct, pa);

	*start = r->start;
	*end = r->end;
}
