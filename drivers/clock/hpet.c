// SPDX-License-Identifier: MIT
/*
 * The high precision event timer, found through ACPI (IA-PC HPET 1.0a). Only
 * the lower 32 bits of the counter are read: they are there in every one, and
 * need no second look. Its first comparator is an event timer.
 */
#include <asm/io.h>

#include "drivers/acpi/acpi.h"
#include "drivers/clock/clocks.h"
#include "drivers/clock/hpet_regs.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/scale.h"
#include "kernel/time.h"
#include "kernel/timeline.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS clock
#include "kernel/log.h"

enum {
	RATING = 200,
	EVENT_RATING = 150,
	EVENT_MIN_NS = 10 * 1000,
	ARM_TRIES = 8,
	ROUTES = 32,
};

static struct mmio *hpet;

static uint64_t hpet_read(struct clock_source *c __unused)
{
	return mmio_read32(hpet, HPET_COUNTER);
}

static struct clock_source source = {
	.name = "HPET",
	.id = "hpet",
	.read = hpet_read,
	.bits = 32,
	.rating = RATING,
	.from = "its own register",
};

static uint32_t timer_read(unsigned at)
{
	return mmio_read32(hpet, HPET_TIMER + at);
}

static void timer_write(unsigned at, uint32_t v)
{
	mmio_write32(hpet, HPET_TIMER + at, v);
}

/* By a message where the timer can, else by the first line that it can have and nobody has. */
static int event_connect(struct event_timer *e, uint32_t config)
{
	uint32_t routes = timer_read(HPET_TIMER_ROUTES);
	struct irq_message message;
	int rc = -ENODEV;

	if (config & HPET_TIMER_HAS_FSB && !irq_connect_message(&e->irq, &message)) {
		timer_write(HPET_TIMER_FSB_DATA, message.data);
		timer_write(HPET_TIMER_FSB_ADDRESS, (uint32_t)message.address);
		timer_write(HPET_TIMER_CONFIG, hpet_timer_config(config, 0, true));
		return 0;
	}
	for (unsigned i = 0; i < ROUTES && rc; i++) {
		if (!(routes & BIT(i)))
			continue;
		rc = irq_connect_line(&e->irq, i, IRQ_EDGE, IRQ_ACTIVE_HIGH);
		if (!rc)
			timer_write(HPET_TIMER_CONFIG, hpet_timer_config(config, i, false));
	}
	return rc;
}

static int event_start(struct event_timer *e)
{
	return event_connect(e, timer_read(HPET_TIMER_CONFIG));
}

/* Fires when the counter equals the comparator, so it must not have passed it by then. */
static void event_arm(struct event_timer *e, uint64_t ns)
{
	uint32_t delta = (uint32_t)scale(ns, scale_make(e->hz, NS_PER_S)) + 1;

	for (unsigned i = 0; i < ARM_TRIES; i++, delta *= 2) {
		uint32_t due = mmio_read32(hpet, HPET_COUNTER) + delta;

		timer_write(HPET_TIMER_COMPARATOR, due);
		if ((int32_t)(due - mmio_read32(hpet, HPET_COUNTER)) > 0)
			return;
	}
}

static void event_stop(struct event_timer *e __unused)
{
	timer_write(HPET_TIMER_CONFIG,
		    timer_read(HPET_TIMER_CONFIG) & ~(uint32_t)HPET_TIMER_ENABLE);
}

static struct event_timer event = {
	.name = "HPET comparator",
	.id = "hpet",
	.rating = EVENT_RATING,
	.min_ns = EVENT_MIN_NS,
	.start = event_start,
	.arm = event_arm,
	.stop = event_stop,
	.irq = { .name = "HPET comparator 0", .handle = event_timer_interrupt },
};

/* Starts the counter, with the timers that firmware may have left silent. */
static void counter_start(uint32_t capabilities)
{
	unsigned last = FIELD_GET(HPET_CAPABILITIES_TIMERS, capabilities);
	uint32_t config = mmio_read32(hpet, HPET_CONFIG);

	for (unsigned i = 0; i <= last && HPET_TIMER + (i + 1) * HPET_TIMER_STEP <= HPET_SIZE;
	     i++) {
		unsigned at = i * HPET_TIMER_STEP + HPET_TIMER_CONFIG;

		timer_write(at, timer_read(at) & ~(uint32_t)HPET_TIMER_ENABLE);
	}
	mmio_write32(hpet, HPET_CONFIG,
		     (config & ~(uint32_t)HPET_CONFIG_LEGACY) | HPET_CONFIG_ENABLE);
}

static const char *bring_up(void)
{
	uint32_t capabilities;

	hpet = ioremap(acpi_info()->hpet.base, HPET_SIZE, IOREMAP_UNCACHED);
	if (!hpet)
		return "its registers cannot be mapped";
	source.hz = hpet_hz(mmio_read32(hpet, HPET_PERIOD));
	if (source.hz < TIMELINE_HZ_MIN || source.hz > TIMELINE_HZ_MAX)
		return "its period is out of bounds";
	capabilities = mmio_read32(hpet, HPET_CAPABILITIES);
	counter_start(capabilities);
	return clock_moves(&source) ? NULL : "it does not count";
}

void hpet_init(void)
{
	if (!acpi_info()->hpet.present)
		return;
	source.problem = bring_up();
	clock_source_register(&source);
	if (source.problem) {
		log_warn("HPET at %#llx: %s", (unsigned long long)acpi_info()->hpet.base,
			 source.problem);
		return;
	}
	event.hz = source.hz;
	event.max_ns = scale(INT32_MAX / 2, scale_make(NS_PER_S, event.hz));
	event_timer_register(&event);
}
