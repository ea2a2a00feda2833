// SPDX-License-Identifier: MIT
/* The commands `uptime` and `clock`: every clock and event timer, and what the loop did. */
#include "kernel/clock.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell.h"
#include "kernel/time.h"

static void show_source(struct clock_source *c)
{
	print("%c %-8s  %-16s", c == clock_source_current() ? '*' : ' ', c->id, c->name);
	if (c->problem) {
		print("  not used: %s\n", c->problem);
		return;
	}
	print("  %11llu Hz  %2u bits  at %#llx, %s", (unsigned long long)c->hz, c->bits,
	      (unsigned long long)c->read(c), c->hz ? c->from : "frequency unknown");
	if (c->compared)
		print(", %+lld ppm", (long long)c->deviation);
	print("%s%s\n", c->note ? ", " : "", c->note ? c->note : "");
}

static void show_event_timer(struct event_timer *e)
{
	print("%c %-8s  %-16s", e == event_timer_current() ? '*' : ' ', e->id, e->name);
	if (e->problem)
		print("  not used: %s\n", e->problem);
	else if (e == event_timer_current())
		print("  %11llu Hz, %llu interrupts\n", (unsigned long long)e->hz,
		      (unsigned long long)e->irq.count);
	else
		print("  not tried\n");
}

static int clock_run(int argc, char **argv __unused)
{
	struct loop_stats s = loop_stats();
	uint64_t now = time_now();

	if (argc != 1)
		return -EINVAL;
	for (struct clock_source *c = clock_source_first(); c; c = c->next)
		show_source(c);
	for (struct event_timer *e = event_timer_first(); e; e = e->next)
		show_event_timer(e);
	print("%llu %s since entry\n",
	      (unsigned long long)(time_is_known() ? now / NS_PER_US : now),
	      time_is_known() ? "us" : "ticks, frequency unknown,");
	print("loop: %llu turns, %llu halts, %llu works, %llu timers, %llu polls\n",
	      (unsigned long long)s.turns, (unsigned long long)s.halts,
	      (unsigned long long)s.works, (unsigned long long)s.timers,
	      (unsigned long long)s.polls);
	return 0;
}

static int uptime_run(int argc, char **argv __unused)
{
	uint64_t s = time_now() / NS_PER_S;

	if (argc != 1)
		return -EINVAL;
	if (!time_is_known()) {
		print("nobody knows: no clock has a known frequency\n");
		return -ENODEV;
	}
	print("%llu days, %llu:%02llu:%02llu since entry\n", (unsigned long long)s / 86400,
	      (unsigned long long)s / 3600 % 24, (unsigned long long)s / 60 % 60,
	      (unsigned long long)s % 60);
	return 0;
}

SHELL_COMMAND(uptime, "", "how long the kernel has been running", uptime_run);
SHELL_COMMAND(clock, "", "show clocks, event timers and the event loop", clock_run);
