/* SPDX-License-Identifier: MIT */
/*
 * How the registers of the local APIC are encoded (Intel SDM vol. 3A, chapter
 * 10). Pure: what this emulator lacks is tested on the host.
 */
#pragma once

#include "kernel/irq.h"

/* Offsets of xAPIC's registers (table 10-1); x2APIC's MSRs follow from them. */
enum lapic_register {
	LAPIC_ID = 0x20,
	LAPIC_VERSION = 0x30,
	LAPIC_TPR = 0x80,
	LAPIC_EOI = 0xb0,
	LAPIC_SVR = 0xf0,
	LAPIC_ISR = 0x100,		/* 8 registers of 32 bits, 16 bytes apart */
	LAPIC_IRR = 0x200,		/* the same */
	LAPIC_ESR = 0x280,
	LAPIC_LVT_CMCI = 0x2f0,
	LAPIC_ICR = 0x300,
	LAPIC_ICR_HIGH = 0x310,		/* xAPIC only */
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERFORMANCE = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
	LAPIC_SIZE = 0x400,
};

enum lapic_bits {
	LAPIC_SVR_ENABLE = BIT(8),
	LAPIC_LVT_VECTOR = GENMASK(7, 0),
	LAPIC_LVT_DELIVERY = GENMASK(10, 8),
	LAPIC_LVT_MASKED = BIT(16),
	LAPIC_LVT_TIMER_MODE = GENMASK(18, 17),
	LAPIC_VERSION_VERSION = GENMASK(7, 0),
	LAPIC_VERSION_MAX_LVT = GENMASK(23, 16),
	LAPIC_DIVIDE_BY_1 = 0xb,	/* figure 10-10 */
	LAPIC_ICR_PENDING = BIT(12),	/* xAPIC only: delivery status */
	LAPIC_ICR_ASSERT = BIT(14),
};

enum lapic_delivery {			/* 10.5.1 */
	LAPIC_DELIVERY_FIXED = 0,
	LAPIC_DELIVERY_SMI = 2,
};

/* IA32_APIC_BASE (10.4.4, 10.12.1). */
enum lapic_base_bits {
	LAPIC_BASE_BOOT_CPU = BIT(8),
	LAPIC_BASE_X2APIC = BIT(10),
	LAPIC_BASE_ENABLE = BIT(11),
};
#define LAPIC_BASE_ADDRESS	GENMASK(51, 12)

/* The MSR that a register is in x2APIC mode (10.12.1.2). */
uint32_t lapic_msr(uint32_t offset);

/* The identity in the register LAPIC_ID: 8 bits at the top, or all 32 (10.12.5.1). */
uint32_t lapic_id_decode(bool x2apic, uint32_t value);

/* The interrupt command (10.6.1, 10.12.9): a fixed interrupt to one APIC by its identity. */
uint64_t lapic_icr(bool x2apic, uint32_t destination, uint8_t vector);

/* An entry of the local vector table (10.5.1), fixed, unmasked; mode is the timer's. */
uint32_t lapic_lvt(uint8_t vector, unsigned timer_mode);

/*
 * Where the n-th entry of the local vector table lies, in the order in which
 * models got them, so that `max_lvt` (10.4.8) says how many there are; 0
 * beyond the last that is known.
 */
uint32_t lapic_lvt_offset(unsigned n);

/*
 * Whether messages and lines can name an APIC: the field for it has 8 bits
 * (10.11.1), and 255 is everybody.
 */
bool lapic_can_be_named(uint32_t id);

/* Message address and data (10.11.1, 10.11.2): fixed, edge, to one APIC by its identity. */
struct irq_message lapic_message(uint32_t id, uint8_t vector);

/* What to do with IA32_APIC_BASE as found. */
enum lapic_access { LAPIC_BY_MEMORY, LAPIC_BY_MSR };

/*
 * The value for IA32_APIC_BASE that turns the APIC on: x2APIC where the
 * processor has it or firmware has turned it on already, as there is no way
 * back (10.12.5); tells how registers are then reached.
 */
uint64_t lapic_base_wanted(uint64_t found, bool has_x2apic, enum lapic_access *access);
