/* SPDX-License-Identifier: MIT */
/*
 * How far long work has come:
 *
 *	struct progress p;
 *	progress_begin(&p, "memtest", bytes, PROGRESS_BYTES);
 *	while (...)
 *		progress_at(&p, done);
 *	progress_end(&p);
 *
 * Whoever typed something has a terminal, and sees a bar that is drawn over
 * and over and is gone at the end; the log ring has none of it. Where nobody
 * typed, or `progress=lines` is on the command line, a plain line is printed
 * for each quarter.
 */
#pragma once

#include "kernel/lib/types.h"

enum progress_unit { PROGRESS_BYTES, PROGRESS_PIECES };

struct progress {
	const char *what;
	enum progress_unit unit;
	uint64_t total, done;
	uint64_t elapsed;	/* ns; 0: nobody knows */
	/* progress.c's */
	uint64_t began, shown;	/* time_now() */
	unsigned quarter;
};

void progress_begin(struct progress *p, const char *what, uint64_t total,
		    enum progress_unit unit);
/* Shows it if it is time to. Cheap enough for every piece of work. */
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

/* Per cent that are done; all of no work is done. */
unsigned progress_percent(const struct progress *p);

/*
 * One line without its end: name, perhaps a bar, per cent, amounts, and where
 * the time is known rate and time left. As format(); below 80 characters if
 * `what` is below 12.
 */
int progress_format(char *buf, size_t size, const struct progress *p, bool bar);
