// SPDX-License-Identifier: MIT
#include "drivers/irq/ioapic_code.h"

#include "kernel/ktest.h"

KTEST(ioapic_entry_is_that_of_the_data_sheet)
{
	static const struct {
		struct irq_line line;
		uint32_t destination;
		uint64_t entry;
	} cases[] = {
		{ { 0x31, IRQ_EDGE, IRQ_ACTIVE_HIGH, false }, 0, 0x31 },
		{ { 0x31, IRQ_EDGE, IRQ_ACTIVE_HIGH, true }, 0, 0x10031 },
		{ { 0xef, IRQ_LEVEL, IRQ_ACTIVE_LOW, false }, 0, 0xa0ef },
		{ { 0x40, IRQ_LEVEL, IRQ_ACTIVE_HIGH, false }, 1, 0x0100000000008040 },
		{ { 0x40, IRQ_EDGE, IRQ_ACTIVE_LOW, true }, 0xfe, 0xfe00000000012040 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		expect_eq(t, ioapic_entry_encode(&cases[i].line, cases[i].destination),
			  cases[i].entry);
}

KTEST(ioapic_entry_reads_back_as_it_was_written)
{
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t r = ktest_random(t);
		struct irq_line line = {
			.vector = (uint8_t)r,
			.trigger = r & BIT(8) ? IRQ_LEVEL : IRQ_EDGE,
			.polarity = r & BIT(9) ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH,
			.masked = r & BIT(10),
		}, back;
		uint32_t destination = r >> 16 & 0xff, to;
		uint64_t entry = ioapic_entry_encode(&line, destination);

		/* Fixed delivery, physical destination; bits that are read only do not matter. */
		require(t, (entry & (IOAPIC_ENTRY_DELIVERY | IOAPIC_ENTRY_LOGICAL)) == 0);
		ioapic_entry_decode(entry | IOAPIC_ENTRY_PENDING | IOAPIC_ENTRY_REMOTE_IRR,
				    &back, &to);
		expect_eq(t, to, destination);
		expect_eq(t, back.vector, line.vector);
		expect_eq(t, back.trigger, line.trigger);
		expect_eq(t, back.polarity, line.polarity);
		expect_eq(t, back.masked, line.masked);
	}
}

KTEST(ioapic_pins_are_counted_or_nothing_answers)
{
	expect_eq(t, ioapic_pins(0x00170011), 24);
	expect_eq(t, ioapic_pins(0x00170020), 24);
	expect_eq(t, ioapic_pins(0x000f0011), 16);
	expect_eq(t, ioapic_pins(0x80770021), 120);	/* other bits are other things */
	expect_eq(t, ioapic_pins(0x00ef0020), 240);
	expect_eq(t, ioapic_pins(0x00f00020), 0);
	expect_eq(t, ioapic_pins(0x00ff0020), 0);
	expect_eq(t, ioapic_pins(0), 0);
	expect_eq(t, ioapic_pins(UINT32_MAX), 0);
}
