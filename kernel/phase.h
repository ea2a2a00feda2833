/* SPDX-License-Identifier: MIT */
/* The phases of boot as kernel/main.c ran them, for the report and bench=boot. */
#pragma once

#include "kernel/lib/types.h"

struct phase_record {
	const char *name;	/* NULL: not built */
	uint64_t ticks;		/* from its call to its return, waits included */
	uint64_t waited;	/* of these, spent waiting for devices, halts included */
	uint64_t halted;	/* of these, spent in halts: nothing was executed */
};

/* The record of phase `i`, or NULL past the last. */
const struct phase_record *phase_record(size_t i);

/* Ticks from the kernel's first instruction to the last phase's return. */
uint64_t phase_total(void);
