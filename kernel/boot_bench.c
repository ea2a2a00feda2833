// SPDX-License-Identifier: MIT
/*
 * bench=boot: guest instructions from the first of ours to the return of the
 * last initialisation phase, waits for devices apart.
 */
#include "kernel/bench.h"
#include "kernel/lib/format.h"
#include "kernel/phase.h"

BENCH(boot)
{
	const struct phase_record *p;
	uint64_t accounted = 0;
	uint64_t waited = 0, halted = 0;
	char name[64];

	for (size_t i = 0; (p = phase_record(i)); i++) {
		if (!p->name)
			continue;
		format(name, sizeof(name), "boot.%s", p->name);
		for (char *c = name; *c; c++) {
			if (*c == ' ')
				*c = '_';
		}
		bench_figure(name, p->ticks - p->waited, "ticks");
		accounted += p->ticks;
		waited += p->waited;
		halted += p->halted;
	}
	bench_figure("boot.entry", phase_total() - accounted, "ticks");
	bench_figure("boot.waited", waited, "ticks");
	bench_figure("boot.total", phase_total() - waited, "ticks");
	/* What was executed in waits counts; a halt executes nothing. */
	bench_figure("boot.with_waits", phase_total() - halted, "ticks");
}
