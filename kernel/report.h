/* SPDX-License-Identifier: MIT */
/*
 * The boot report: which parts of it are wanted, and those that belong to no
 * subsystem. kernel/main.c:report_print() calls these and the subsystems' own
 * (mm_report(), virtio_report(), ...) in order. Documentation/machine.md says
 * how to read it.
 */
#pragma once

#include "kernel/lib/types.h"

enum report_parts {
	REPORT_SHORT = BIT(0),	/* a few lines for each subsystem */
	REPORT_FULL = BIT(1),	/* behind them the routes, BARs, mappings */
	REPORT_JSON = BIT(2),	/* the same for programs, between two marker lines */
};

/* What `report=` on the command line asks for; REPORT_SHORT without one. */
extern unsigned report_wanted;

/*
 * Reads `none`, or words of `short`, `full` and `json` with commas between
 * them, into *parts. `json` alone brings the short text before it.
 * Returns 0, or -EINVAL with *parts as it was.
 */
int __must_check report_parse(const char *text, unsigned *parts);

/* Prints these parts. In kernel/main.c, the only file that knows everybody. */
void report_print(unsigned parts);

/* Version, configuration and compiler; boot protocol, loader, command line. */
void report_boot(void);

/* Time since entry and of each phase, and what no phase accounts for. */
void report_time(void);

/* Write the values of "kernel", "boot" and "phases" (Documentation/machine.md). */
struct json;
void report_kernel_json(struct json *j);
void report_boot_json(struct json *j);
void report_phases_json(struct json *j);
