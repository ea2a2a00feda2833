// SPDX-License-Identifier: MIT
/* The machine's own clocks, whichever it has. */
#include <asm/cpu.h>

#include "drivers/clock/clocks.h"
#include "drivers/irq/lapic.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"
#include "kernel/time.h"
#include "kernel/timeline.h"

static struct clock_source *find(const char *id)
{
	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		if (strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

KTEST(clock_sources_go_on)
{
	unsigned used = 0;

	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		used += c == clock_source_current();
		if (c->problem)
			continue;
		expect(t, clock_moves(c));
		expect_eq(t, c->read(c) & ~GENMASK(c->bits - 1, 0), 0);
		expect(t, c->hz == 0 || c->from);
	}
	expect_eq(t, used, 1);
	expect(t, !clock_source_current()->problem);
}

KTEST(clock_frequency_is_known_or_said_not_to_be)
{
	const struct clock_source *c = clock_source_current();

	expect_eq(t, time_is_known(), c->hz != 0);
	expect(t, time_tsc_hz() == 0 || (time_tsc_hz() >= TIMELINE_HZ_MIN &&
					 time_tsc_hz() <= TIMELINE_HZ_MAX));
}

static bool has_fired(void *context)
{
	return READ_ONCE(event_timer_current()->irq.count) != *(uint64_t *)context;
}

KTEST(clock_event_timer_fires_again_and_again)
{
	struct event_timer *e = event_timer_current();

	if (!e) {
		ktest_skip(t, "no event timer");
		return;
	}
	expect_eq(t, e->irq.proof, IRQ_SEEN);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t before = e->irq.count;

		e->arm(e, e->min_ns);
		expect_eq(t, loop_until(has_fired, &before, NS_PER_S), 0);
	}
}

/* The source is changed to each that there is, and time goes on. */
KTEST(clock_source_changes_without_a_step_back)
{
	struct clock_source *before = clock_source_current();
	uint64_t last = time_now();
	unsigned back = 0;

	for (unsigned i = 0; i < 3; i++) {
		for (struct clock_source *c = clock_source_first(); c; c = c->next) {
			if (c->problem || c->rating == 0)
				continue;
			clock_source_use(c);
			for (unsigned j = 0; j < 100; j++) {
				uint64_t now = time_now();

				back += now < last;
				last = now;
			}
		}
	}
	clock_source_use(before);
	expect(t, time_now() >= last);
	expect_eq(t, back, 0);
}

KTEST(clock_kvmclock_tells_a_frequency)
{
	struct clock_source *c = find("kvm");

	if (!c) {
		ktest_skip(t, "no kvmclock");
		return;
	}
	expect(t, !c->problem);
	expect(t, !IS_ENABLED(CONFIG_CLOCK_KVMCLOCK) || kvmclock_tsc_hz() >= TIMELINE_HZ_MIN);
}

KTEST(clock_deadline_is_offered_where_the_processor_has_it)
{
	struct event_timer *e = event_timer_first();

	if (!lapic_has_deadline()) {
		ktest_skip(t, "the processor has no TSC deadline");
		return;
	}
	while (e && strcmp(e->id, "deadline") != 0)
		e = e->next;
	expect(t, e);
}

KTEST(clock_takes_what_cpuid_tells)
{
	struct cpuid c = { 0 };

	if (cpuid(0, 0).eax >= 0x15)
		c = cpuid(0x15, 0);
	if (!c.eax || !c.ebx || !c.ecx) {
		ktest_skip(t, "CPUID 0x15 tells no frequency");
		return;
	}
	expect_eq(t, time_tsc_hz(), (uint64_t)c.ecx * c.ebx / c.eax);
}
