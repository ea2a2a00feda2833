/* SPDX-License-Identifier: MIT */
#include "kernel/host_io.h"

#include <asm/io.h>

#include "kernel/lib/string.h"

static struct host_registers *first;

void host_registers_add(struct host_registers *r)
{
	host_registers_remove(r);
	r->next = first;
	first = r;
}

void host_registers_remove(struct host_registers *r)
{
	struct host_registers **at = &first;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
}

static struct host_registers *find(bool port, uintptr_t address, unsigned width)
{
	struct host_registers *r = first;

	while (r && (r->ports != port || address < r->base ||
		     address - r->base + width > r->len))
		r = r->next;
	return r;
}

uint32_t host_io_read(bool port, uintptr_t address, unsigned width)
{
	struct host_registers *r = find(port, address, width);
	uint32_t v = UINT32_MAX;

	if (r)
		return r->read(r, address - r->base, width);
	if (!port) {
		v = 0;
		memcpy(&v, (const void *)address, width);
	}
	return v;
}

void host_io_write(bool port, uintptr_t address, unsigned width, uint32_t v)
{
	struct host_registers *r = find(port, address, width);

	if (r)
		r->write(r, address - r->base, width, v);
	else if (!port)
		memcpy((void *)address, &v, width);
}
