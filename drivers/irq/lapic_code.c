// SPDX-License-Identifier: MIT
#include "drivers/irq/lapic_code.h"

enum { MSR_X2APIC = 0x800 };

#define ICR_DESTINATION_XAPIC	GENMASK(63, 56)
#define ICR_DESTINATION_X2APIC	GENMASK(63, 32)
#define MESSAGE_BASE		UINT64_C(0xfee00000)
#define MESSAGE_DESTINATION	GENMASK(19, 12)

uint32_t lapic_msr(uint32_t offset)
{
	return MSR_X2APIC + (offset >> 4);
}

uint32_t lapic_id_decode(bool x2apic, uint32_t value)
{
	return x2apic ? value : value >> 24;
}

uint64_t lapic_icr(bool x2apic, uint32_t destination, uint8_t vector)
{
	uint64_t command = LAPIC_ICR_ASSERT | vector;

	return command | (x2apic ? FIELD_PREP(ICR_DESTINATION_X2APIC, destination) :
				   FIELD_PREP(ICR_DESTINATION_XAPIC, destination));
}

uint32_t lapic_lvt(uint8_t vector, unsigned timer_mode)
{
	return (uint32_t)(vector | FIELD_PREP(LAPIC_LVT_TIMER_MODE, timer_mode));
}

uint32_t lapic_lvt_offset(unsigned n)
{
	static const uint16_t offsets[] = {
		LAPIC_LVT_TIMER, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1, LAPIC_LVT_ERROR,
		LAPIC_LVT_PERFORMANCE, LAPIC_LVT_THERMAL, LAPIC_LVT_CMCI,
	};

	return n < ARRAY_SIZE(offsets) ? offsets[n] : 0;
}

bool lapic_can_be_named(uint32_t id)
{
	return id < 0xff;
}

struct irq_message lapic_message(uint32_t id, uint8_t vector)
{
	return (struct irq_message){
		.address = MESSAGE_BASE | FIELD_PREP(MESSAGE_DESTINATION, id),
		.data = vector,
	};
}

uint64_t lapic_base_wanted(uint64_t found, bool has_x2apic, enum lapic_access *access)
{
	uint64_t wanted = found | LAPIC_BASE_ENABLE;

	if (has_x2apic)
		wanted |= LAPIC_BASE_X2APIC;
	*access = wanted & LAPIC_BASE_X2APIC ? LAPIC_BY_MSR : LAPIC_BY_MEMORY;
	return wanted;
}
