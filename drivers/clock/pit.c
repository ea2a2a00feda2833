// SPDX-License-Identifier: MIT
/*
 * The 8254 interval timer. Its channel 0 counts down from 65536 and stops at
 * nothing, which measures other clocks, or down from what is asked for, which
 * interrupts. Channel 2 would do the former beside the latter, but needs the
 * gate in port 0x61, which a machine may leave out.
 */
#include <asm/io.h>

#include "drivers/clock/clocks.h"
#include "kernel/lib/scale.h"
#include "kernel/time.h"

enum pit_ports {
	PIT_CHANNEL_0 = 0x40,
	PIT_CONTROL = 0x43,
};

/* Control words (Intel 82C54 data sheet, "Programming the 82C54"). */
enum pit_control {
	PIT_ONE_SHOT = 0x30,		/* channel 0, low then high byte, mode 0, binary */
	PIT_LATCH_COUNT = 0x00,		/* of channel 0 */
	PIT_LATCH_STATUS = 0xe2,	/* read-back of channel 0: status only */
	PIT_STATUS_MODE = 0x3f,
};

enum {
	PIT_HZ = 1193182,
	PIT_INTERRUPT = 0,		/* ISA */
	COUNT_MAX = 0xffff,
	EVENT_RATING = 100,
	EVENT_MIN_NS = 10 * 1000,
};

static void count_from(uint16_t count)
{
	outb(PIT_CONTROL, PIT_ONE_SHOT);
	outb(PIT_CHANNEL_0, (uint8_t)count);
	outb(PIT_CHANNEL_0, (uint8_t)(count >> 8));
}

/* As one that counts up. */
static uint64_t pit_read(struct clock_source *c __unused)
{
	uint8_t low, high;

	outb(PIT_CONTROL, PIT_LATCH_COUNT);
	low = inb(PIT_CHANNEL_0);
	high = inb(PIT_CHANNEL_0);
	return COUNT_MAX - (uint64_t)(low | high << 8);
}

static struct clock_source source = {
	.name = "PIT",
	.id = "pit",
	.read = pit_read,
	.bits = 16,
	.hz = PIT_HZ,
	.from = "its definition",
};

static int event_start(struct event_timer *e)
{
	int rc = irq_connect_isa(&e->irq, PIT_INTERRUPT);

	if (!rc)
		source.problem = "it is the event timer";
	return rc;
}

static void event_arm(struct event_timer *e __unused, uint64_t ns)
{
	count_from((uint16_t)(scale(ns, scale_make(PIT_HZ, NS_PER_S)) + 1));
}

/* It does not measure any more: between the looks at it it was started anew. */
static void event_stop(struct event_timer *e __unused)
{
	source.problem = "it was tried as event timer";
	count_from(COUNT_MAX);
}

static struct event_timer event = {
	.name = "PIT channel 0",
	.id = "pit",
	.rating = EVENT_RATING,
	.hz = PIT_HZ,
	.min_ns = EVENT_MIN_NS,
	.max_ns = (COUNT_MAX - 1) * NS_PER_S / PIT_HZ - 1000,
	.start = event_start,
	.arm = event_arm,
	.stop = event_stop,
	.irq = { .name = "PIT", .handle = event_timer_interrupt },
};

/* It is there if it remembers the mode that it was given. */
static bool is_present(void)
{
	count_from(COUNT_MAX);
	outb(PIT_CONTROL, PIT_LATCH_STATUS);
	return (inb(PIT_CHANNEL_0) & PIT_STATUS_MODE) == PIT_ONE_SHOT;
}

void pit_init(void)
{
	if (!is_present())
		return;
	if (!clock_moves(&source))
		source.problem = "it does not count";
	clock_source_register(&source);
	if (!source.problem)
		event_timer_register(&event);
}
