/* SPDX-License-Identifier: MIT */
/*
 * The host's side of <asm/io.h>: registers are what a test says. Memory that
 * no registers lie in is memory; a port that is nobody's reads as all ones.
 */
#pragma once

#include "kernel/lib/types.h"

struct host_registers {
	/* The owner sets these. */
	bool ports;		/* else memory-mapped */
	uintptr_t base;
	size_t len;		/* bytes; an access that leaves them is not theirs */
	uint32_t (*read)(struct host_registers *r, size_t offset, unsigned width);
	void (*write)(struct host_registers *r, size_t offset, unsigned width, uint32_t v);

	struct host_registers *next;
};

/* From here on accesses go to them; the latest of those that overlap is asked. */
void host_registers_add(struct host_registers *r);
void host_registers_remove(struct host_registers *r);
