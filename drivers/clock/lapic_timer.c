// SPDX-License-Identifier: MIT
/*
 * The local APIC's timer (Intel SDM vol. 3A, 10.5.4) as event timer, in two
 * kinds: counting down at a rate that was measured, or by a deadline of the
 * time-stamp counter where the processor has that.
 */
#include <asm/cpu.h>

#include "drivers/clock/clocks.h"
#include "drivers/clock/deadline.h"
#include "drivers/irq/lapic.h"
#include "kernel/lib/scale.h"
#include "kernel/time.h"

enum {
	ONE_SHOT_RATING = 200,
	DEADLINE_RATING = 300,
	MIN_NS = 1000,
	HZ_MIN = 100 * 1000,
};

/* Ticks a nanosecond (kernel/lib/scale.h). */
static uint64_t one_shot_factor, deadline_factor;

static int one_shot_start(struct event_timer *e)
{
	return lapic_timer_setup(&e->irq, LAPIC_TIMER_ONE_SHOT);
}

static void one_shot_arm(struct event_timer *e __unused, uint64_t ns)
{
	uint64_t count = scale(ns, one_shot_factor) + 1;

	lapic_timer_start((uint32_t)min(count, (uint64_t)UINT32_MAX));
}

static void one_shot_stop(struct event_timer *e __unused)
{
	lapic_timer_start(0);
}

static struct event_timer one_shot = {
	.name = "local APIC timer",
	.id = "lapic",
	.rating = ONE_SHOT_RATING,
	.min_ns = MIN_NS,
	.start = one_shot_start,
	.arm = one_shot_arm,
	.stop = one_shot_stop,
	.irq = { .name = "local APIC timer", .handle = event_timer_interrupt },
};

static int deadline_start(struct event_timer *e)
{
	uint64_t hz = time_tsc_hz();

	e->hz = hz;
	deadline_factor = scale_make(hz ? hz : TICKS_ASSUMED_HZ, NS_PER_S);
	return lapic_timer_setup(&e->irq, LAPIC_TIMER_DEADLINE);
}

static void deadline_arm(struct event_timer *e __unused, uint64_t ns)
{
	lapic_timer_deadline(deadline_after(cycles(), ns, deadline_factor));
}

static void deadline_stop(struct event_timer *e __unused)
{
	lapic_timer_deadline(0);
}

static struct event_timer deadline = {
	.name = "TSC deadline",
	.id = "deadline",
	.rating = DEADLINE_RATING,
	.min_ns = MIN_NS,
	.max_ns = 3600 * NS_PER_S,
	.start = deadline_start,
	.arm = deadline_arm,
	.stop = deadline_stop,
	.irq = { .name = "TSC deadline", .handle = event_timer_interrupt },
};

void lapic_timer_init(void)
{
	if (!lapic_is_present())
		return;
	if (lapic_has_deadline())
		event_timer_register(&deadline);
	event_timer_register(&one_shot);
}

/* How far it got, to be measured; not a clock, as it ends. */
static uint64_t counted(struct clock_source *c __unused)
{
	return UINT32_MAX - lapic_timer_read();
}

static struct clock_source counter = { .name = "local APIC timer", .read = counted, .bits = 32 };

struct clock_source *lapic_timer_measure_begin(void)
{
	if (!lapic_is_present())
		return NULL;
	if (one_shot_start(&one_shot)) {
		one_shot.problem = "its interrupt cannot be connected";
		return NULL;
	}
	lapic_timer_start(UINT32_MAX);
	return &counter;
}

void lapic_timer_measure_end(void)
{
	one_shot_stop(&one_shot);
	irq_disconnect(&one_shot.irq);
}

void lapic_timer_set_hz(uint64_t hz)
{
	one_shot.hz = hz;
	if (hz < HZ_MIN) {
		one_shot.problem = "it does not count, or too slowly";
		return;
	}
	one_shot.max_ns = scale(UINT32_MAX / 2, scale_make(NS_PER_S, hz));
	one_shot_factor = scale_make(hz, NS_PER_S);
}
