// SPDX-License-Identifier: MIT
/*
 * Interrupts in the machine. They are made by commands of the local APIC to
 * itself, which is what a device's message comes to.
 */
#include <asm/cpu.h>

#include "drivers/acpi/acpi.h"
#include "drivers/irq/ioapic_code.h"
#include "drivers/irq/lapic.h"
#include "drivers/irq/lapic_code.h"
#include "kernel/irq_chip.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/loop.h"

#define LOG_SUBSYS irq
#include "kernel/log.h"

enum { OPENINGS = 1000 };

static bool claim(struct irq *irq __unused)
{
	return true;
}

static bool refuse(struct irq *irq __unused)
{
	return false;
}

static bool no_apic(struct ktest_run *t)
{
	if (!irq_ready())
		ktest_skip(t, "no local APIC");
	return !irq_ready();
}

/* A vector that is nobody's now. */
static uint8_t free_vector(void)
{
	uint8_t vector = IRQ_VECTOR_LOCAL - 1;

	while (vector > IRQ_VECTOR_DEVICES && irq_slot(vector)->first)
		vector--;
	return vector;
}

static uint64_t all_strays(void)
{
	return irq_stray().unexpected + irq_stray().spurious;
}

/* Sends, then opens until something was taken that has *counter go on, or a bound. */
static void fire(struct ktest_run *t, uint8_t vector)
{
	expect_eq(t, lapic_send_self(vector), 0);
	irq_open();
}

KTEST(irq_interrupts_are_shut_outside_the_loop)
{
	expect_eq(t, read_flags() & RFLAGS_IF, 0);
	irq_open();
	expect_eq(t, read_flags() & RFLAGS_IF, 0);
}

KTEST(irq_on_a_vector_of_nobody_is_counted_and_not_fatal)
{
	uint8_t vector = free_vector();
	uint64_t before;

	if (no_apic(t))
		return;
	before = irq_stray().unexpected;
	fire(t, vector);
	for (unsigned i = 0; i < OPENINGS && irq_stray().unexpected == before; i++)
		irq_open();
	expect(t, irq_stray().unexpected > before);
	expect(t, !irq_local()->in_service(vector));
}

KTEST(irq_that_is_spurious_is_counted)
{
	uint64_t before = irq_stray().spurious;

	/* As the processor takes it: nothing is in service, nothing is ended. */
	__asm__ volatile("int %0" : : "i"(IRQ_VECTOR_SPURIOUS) : "memory");
	__asm__ volatile("int %0" : : "i"(IRQ_VECTOR_PIC + 7) : "memory");
	__asm__ volatile("int %0" : : "i"(IRQ_VECTOR_PIC + 15) : "memory");
	expect_eq(t, irq_stray().spurious, before + 3);
	expect_eq(t, read_flags() & RFLAGS_IF, 0);
}

KTEST(irq_sent_to_the_spurious_vector_blocks_nothing)
{
	struct irq irq = { .name = "test", .handle = claim };
	struct irq_message message;
	uint64_t before = irq_stray().spurious;

	if (no_apic(t))
		return;
	fire(t, IRQ_VECTOR_SPURIOUS);
	for (unsigned i = 0; i < OPENINGS && irq_stray().spurious == before; i++)
		irq_open();
	expect_eq(t, irq_stray().spurious, before + 1);
	require(t, irq_connect_message(&irq, &message) == 0);
	fire(t, irq.vector);
	expect(t, irq_prove(&irq, 0));
	irq_disconnect(&irq);
}

KTEST(irq_vector_is_taken_fired_and_given_back)
{
	struct irq irq = { .name = "test", .handle = claim };
	struct irq_message message = { 0 };
	uint8_t vector;

	if (no_apic(t))
		return;
	require(t, irq_connect_message(&irq, &message) == 0);
	vector = irq.vector;
	expect_eq(t, message.data, vector);
	expect_eq(t, message.address & 0xfff00000, 0xfee00000);
	expect_eq(t, lapic_send_self(vector), 0);
	expect_eq(t, irq.count, 0);		/* interrupts are shut */
	expect(t, irq_prove(&irq, 0));
	expect_eq(t, irq.count, 1);
	expect(t, !irq_local()->in_service(vector));
	irq_disconnect(&irq);
	expect(t, irq_slot(vector)->first == NULL);
	expect(t, !irq_prove(&irq, irq.count));
}

static void take_one_at_a_time(struct ktest_run *t, void (*open)(void))
{
	struct irq a = { .name = "test a", .handle = claim };
	struct irq b = { .name = "test b", .handle = claim };
	struct irq_message message;
	uint64_t strays, taken = 0;

	require(t, irq_connect_message(&a, &message) == 0);
	require(t, irq_connect_message(&b, &message) == 0);
	expect_eq(t, lapic_send_self(a.vector), 0);
	expect_eq(t, lapic_send_self(b.vector), 0);
	strays = all_strays();
	for (unsigned i = 0; i < OPENINGS && a.count + b.count < 2; i++) {
		open();
		expect_eq(t, read_flags() & RFLAGS_IF, 0);
		expect(t, a.count + b.count + all_strays() - strays <= taken + 1);
		taken = a.count + b.count + all_strays() - strays;
	}
	expect_eq(t, a.count, 1);
	expect_eq(t, b.count, 1);
	irq_disconnect(&a);
	irq_disconnect(&b);
}

KTEST(irq_opening_takes_one_interrupt)
{
	if (!no_apic(t))
		take_one_at_a_time(t, irq_open);
}

KTEST(irq_pause_takes_one_interrupt)
{
	if (!no_apic(t))
		take_one_at_a_time(t, irq_pause);
}

KTEST(irq_that_is_pending_ends_a_halt)
{
	struct irq irq = { .name = "test", .handle = claim };
	struct irq_message message;

	if (no_apic(t))
		return;
	require(t, irq_connect_message(&irq, &message) == 0);
	expect_eq(t, lapic_send_self(irq.vector), 0);
	irq_halt();		/* does not return without */
	expect_eq(t, read_flags() & RFLAGS_IF, 0);
	expect(t, irq_prove(&irq, 0));
	irq_disconnect(&irq);
}

static struct work again;
static struct irq endless;

static bool send_again(struct irq *irq)
{
	return lapic_send_self(irq->vector) == 0;
}

static void count_work(struct work *w __unused)
{
}

KTEST(irq_that_fires_without_end_does_not_stop_the_loop)
{
	struct irq_message message;

	if (no_apic(t))
		return;
	endless = (struct irq){ .name = "test", .handle = send_again };
	again = (struct work){ .run = count_work };
	require(t, irq_connect_message(&endless, &message) == 0);
	expect_eq(t, lapic_send_self(endless.vector), 0);
	for (unsigned i = 0; i < OPENINGS; i++) {
		work_post(&again);
		loop_turn();
		require(t, !again.pending);
	}
	expect(t, endless.count > 0 && endless.count <= OPENINGS);
	endless.handle = claim;
	irq_prove(&endless, endless.count);
	irq_disconnect(&endless);
}

/* A pin that nobody has connected, or count. */
static uint32_t free_pin(const struct irq_lines *c)
{
	for (uint32_t pin = c->count; pin-- > 0;) {
		bool taken = false;

		for (unsigned v = IRQ_VECTOR_DEVICES; v < IRQ_VECTOR_LOCAL; v++)
			taken |= irq_slot(v)->first && irq_slot(v)->lines == c &&
				 irq_slot(v)->pin == pin;
		if (!taken)
			return pin;
	}
	return c->count;
}

static void expect_line(struct ktest_run *t, struct irq_lines *c, uint32_t pin,
			const struct irq_line *wanted)
{
	struct irq_line found;

	c->get(c, pin, &found);
	expect_eq(t, found.vector, wanted->vector);
	expect_eq(t, found.trigger, wanted->trigger);
	expect_eq(t, found.polarity, wanted->polarity);
	expect_eq(t, found.masked, wanted->masked);
}

static bool no_lines(struct ktest_run *t)
{
	if (!irq_lines_first())
		ktest_skip(t, "no I/O APIC");
	return !irq_lines_first();
}

KTEST(irq_routes_read_back_as_they_were_asked_for)
{
	if (no_lines(t))
		return;
	for (unsigned v = IRQ_VECTOR_DEVICES; v < IRQ_VECTOR_LOCAL; v++) {
		const struct irq_slot *slot = irq_slot(v);

		if (slot->first && slot->lines)
			expect_line(t, slot->lines, slot->pin, &(struct irq_line){
				.vector = (uint8_t)v, .trigger = slot->first->trigger,
				.polarity = slot->first->polarity,
				.masked = slot->first->storming,
			});
	}
}

KTEST(irq_pins_of_every_controller_keep_what_is_written)
{
	if (no_lines(t))
		return;
	for (struct irq_lines *c = irq_lines_first(); c; c = c->next) {
		uint32_t pin = free_pin(c);

		for (unsigned i = 0; i < 4 && pin < c->count; i++) {
			struct irq_line line = {
				(uint8_t)(free_vector() - i), i & 1 ? IRQ_LEVEL : IRQ_EDGE,
				i & 2 ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH, true,
			};

			c->set(c, pin, &line);
			expect_line(t, c, pin, &line);
		}
	}
}

KTEST(irq_pins_that_nobody_connected_are_masked)
{
	if (no_lines(t))
		return;
	for (struct irq_lines *c = irq_lines_first(); c; c = c->next) {
		struct irq_line line;
		unsigned open = 0, connected = 0;

		for (uint32_t pin = 0; pin < c->count; pin++) {
			c->get(c, pin, &line);
			open += !line.masked;
		}
		for (unsigned v = IRQ_VECTOR_DEVICES; v < IRQ_VECTOR_LOCAL; v++)
			connected += irq_slot(v)->first && irq_slot(v)->lines == c &&
				     !irq_slot(v)->first->storming;
		expect_eq(t, open, connected);
	}
}

KTEST(irq_level_line_in_a_storm_is_masked_in_its_controller)
{
	struct irq irq = { .name = "test", .handle = refuse };
	struct irq_lines *c = irq_lines_first();
	struct irq_line line;
	uint64_t before = irq_stray().unexpected;
	uint32_t pin;

	if (no_lines(t))
		return;
	pin = free_pin(c);
	require(t, irq_connect_line(&irq, c->gsi_base + pin, IRQ_LEVEL, IRQ_ACTIVE_HIGH) == 0);
	print("# the error below is meant\n");
	for (unsigned i = 0; i < 2 * IRQ_STORM && !irq.storming; i++) {
		fire(t, irq.vector);
		loop_turn();
	}
	loop_turn();
	expect(t, irq.storming);
	expect(t, irq_stray().unexpected - before >= IRQ_STORM);
	c->get(c, pin, &line);
	expect(t, line.masked);
	irq_disconnect(&irq);
}

KTEST(lapic_is_on_where_its_register_says)
{
	uint64_t base;

	if (no_apic(t))
		return;
	base = rdmsr(MSR_APIC_BASE);
	expect(t, base & LAPIC_BASE_ENABLE);
	expect(t, lapic_is_present());
	if (irq_local()->address)
		expect_eq(t, base & LAPIC_BASE_ADDRESS, irq_local()->address);
	else
		expect(t, base & LAPIC_BASE_X2APIC);
}

KTEST(lapic_by_msrs_ends_what_it_sends)
{
	struct irq irq = { .name = "test", .handle = claim };
	struct irq_message message;

	if (no_apic(t))
		return;
	if (!(rdmsr(MSR_APIC_BASE) & LAPIC_BASE_X2APIC)) {
		ktest_skip(t, "no x2APIC");
		return;
	}
	expect(t, irq_local()->address == 0);
	expect_eq(t, lapic_id(), rdmsr(lapic_msr(LAPIC_ID)));
	require(t, irq_connect_message(&irq, &message) == 0);
	fire(t, irq.vector);
	expect(t, irq_prove(&irq, 0));
	expect(t, !irq_local()->in_service(irq.vector));
	irq_disconnect(&irq);
}

KTEST(irq_controllers_are_those_that_firmware_told_of)
{
	unsigned found = 0;

	if (no_apic(t))
		return;
	for (struct irq_lines *c = irq_lines_first(); c; c = c->next) {
		bool told = false;

		for (unsigned i = 0; i < acpi_info()->ioapic_count; i++)
			told |= acpi_info()->ioapics[i].base == c->address &&
				acpi_info()->ioapics[i].gsi_base == c->gsi_base;
		expect(t, told);
		found++;
	}
	expect(t, found <= acpi_info()->ioapic_count);
	expect_str(t, irq_origin()->from, acpi_info()->interrupts_from);
}
