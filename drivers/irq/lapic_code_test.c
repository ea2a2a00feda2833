// SPDX-License-Identifier: MIT
/* Encodings of both modes; the emulator has only one of them. */
#include "drivers/irq/lapic_code.h"

#include "kernel/ktest.h"

KTEST(lapic_msrs_are_those_of_the_manual)
{
	static const struct {
		uint32_t offset, msr;	/* table 10-6 */
	} table[] = {
		{ LAPIC_ID, 0x802 }, { LAPIC_VERSION, 0x803 }, { LAPIC_TPR, 0x808 },
		{ LAPIC_EOI, 0x80b }, { LAPIC_SVR, 0x80f }, { LAPIC_ISR, 0x810 },
		{ LAPIC_ISR + 7 * 16, 0x817 }, { LAPIC_IRR, 0x820 }, { LAPIC_ESR, 0x828 },
		{ LAPIC_LVT_CMCI, 0x82f }, { LAPIC_ICR, 0x830 }, { LAPIC_LVT_TIMER, 0x832 },
		{ LAPIC_LVT_THERMAL, 0x833 }, { LAPIC_LVT_PERFORMANCE, 0x834 },
		{ LAPIC_LVT_LINT0, 0x835 }, { LAPIC_LVT_LINT1, 0x836 },
		{ LAPIC_LVT_ERROR, 0x837 }, { LAPIC_TIMER_INITIAL, 0x838 },
		{ LAPIC_TIMER_CURRENT, 0x839 }, { LAPIC_TIMER_DIVIDE, 0x83e },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		expect_eq(t, lapic_msr(table[i].offset), table[i].msr);
}

KTEST(lapic_command_names_its_destination_as_the_mode_does)
{
	expect_eq(t, lapic_icr(false, 0, 0x80), 0x4080);
	expect_eq(t, lapic_icr(false, 5, 0x31), 0x0500000000004031);
	expect_eq(t, lapic_icr(false, 0xfe, 0xff), 0xfe000000000040ff);
	expect_eq(t, lapic_icr(true, 5, 0x31), 0x0000000500004031);
	expect_eq(t, lapic_icr(true, 0x12345678, 0x31), 0x1234567800004031);
}

KTEST(lapic_identity_has_8_bits_or_32)
{
	expect_eq(t, lapic_id_decode(false, 0x07000000), 7);
	expect_eq(t, lapic_id_decode(false, 0xff123456), 0xff);
	expect_eq(t, lapic_id_decode(true, 0x00010007), 0x10007);
}

KTEST(lapic_timer_entry_has_its_mode)
{
	expect_eq(t, lapic_lvt(0xf1, 0), 0xf1);
	expect_eq(t, lapic_lvt(0xf1, 1), 0x200f1);
	expect_eq(t, lapic_lvt(0xf1, 2), 0x400f1);
	expect_eq(t, lapic_lvt(0xf1, 2) & LAPIC_LVT_MASKED, 0);
}

KTEST(lapic_vector_table_has_known_entries_in_the_order_of_models)
{
	static const uint32_t wanted[] = { 0x320, 0x350, 0x360, 0x370, 0x340, 0x330, 0x2f0 };

	for (unsigned n = 0; n < ARRAY_SIZE(wanted); n++)
		expect_eq(t, lapic_lvt_offset(n), wanted[n]);
	for (unsigned n = ARRAY_SIZE(wanted); n <= 256; n++)
		expect_eq(t, lapic_lvt_offset(n), 0);
}

KTEST(lapic_message_is_an_address_and_a_vector)
{
	struct irq_message m = lapic_message(0, 0x31);

	expect_eq(t, m.address, 0xfee00000);
	expect_eq(t, m.data, 0x31);
	m = lapic_message(0xfe, 0xef);
	expect_eq(t, m.address, 0xfeefe000);
	expect_eq(t, m.data, 0xef);
	expect(t, lapic_can_be_named(0) && lapic_can_be_named(0xfe));
	expect(t, !lapic_can_be_named(0xff) && !lapic_can_be_named(0x100));
	expect(t, !lapic_can_be_named(UINT32_MAX));
}

KTEST(lapic_is_turned_on_in_the_mode_that_there_is)
{
	static const struct {
		uint64_t found;
		bool has_x2apic;
		uint64_t wanted;
		enum lapic_access access;
	} cases[] = {
		{ 0xfee00900, false, 0xfee00900, LAPIC_BY_MEMORY },
		{ 0xfee00100, false, 0xfee00900, LAPIC_BY_MEMORY },	/* was off */
		{ 0xfee00900, true, 0xfee00d00, LAPIC_BY_MSR },
		{ 0xfee00100, true, 0xfee00d00, LAPIC_BY_MSR },
		{ 0xfee00d00, true, 0xfee00d00, LAPIC_BY_MSR },
		{ 0xfee00d00, false, 0xfee00d00, LAPIC_BY_MSR },	/* no way back */
		{ 0x123450900, false, 0x123450900, LAPIC_BY_MEMORY },	/* moved */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		enum lapic_access access;

		expect_eq(t, lapic_base_wanted(cases[i].found, cases[i].has_x2apic, &access),
			  cases[i].wanted);
		expect_eq(t, access, cases[i].access);
	}
	expect_eq(t, 0x123450900 & LAPIC_BASE_ADDRESS, 0x123450000);
}
