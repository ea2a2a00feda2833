// SPDX-License-Identifier: MIT
/*
 * The local APIC of the boot processor. It is taken over as firmware left it:
 * turned on if it was off, every source of its own masked, what is in service
 * ended, what is pending let in and thrown away.
 *
 * The task priority stays at 0x10: vectors 16 to 31 are exceptions, and a
 * device that sends one as a message is not to be taken for one of those.
 */
#include "drivers/irq/lapic.h"

#include <asm/cpu.h>
#include <asm/io.h>

#include "arch/x86/exception.h"
#include "drivers/acpi/acpi.h"
#include "drivers/irq/irq_init.h"
#include "drivers/irq/lapic_code.h"
#include "kernel/irq_chip.h"
#include "kernel/lib/errno.h"
#include "kernel/wait.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS irq
#include "kernel/log.h"

enum cpuid_bits {			/* CPUID.1 (SDM vol. 2A, tables 3-10, 3-11) */
	ECX_X2APIC = BIT(21),
	ECX_TSC_DEADLINE = BIT(24),
	EDX_MSR = BIT(5),
	EDX_APIC = BIT(9),
};

enum {
	VECTOR_REGISTERS = 8,		/* of 32 vectors each, in ISR and IRR */
	TASK_PRIORITY = 0x10,
	IPI_WAIT = 1 << 24,		/* ticks */
};

static struct {
	bool present;
	bool deadline;
	enum lapic_access access;
	struct mmio *registers;		/* LAPIC_BY_MEMORY */
	uint32_t id;
	unsigned lvt_count;
} lapic;

static uint32_t lapic_read(uint32_t offset)
{
	if (lapic.access == LAPIC_BY_MSR)
		return (uint32_t)rdmsr(lapic_msr(offset));
	return mmio_read32(lapic.registers, offset);
}

static void lapic_write(uint32_t offset, uint32_t value)
{
	if (lapic.access == LAPIC_BY_MSR)
		wrmsr(lapic_msr(offset), value);
	else
		mmio_write32(lapic.registers, offset, value);
}

static void lapic_end(void)
{
	lapic_write(LAPIC_EOI, 0);
}

static bool lapic_in_service(uint8_t vector)
{
	return lapic_read(LAPIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

static struct irq_message message_here(uint8_t vector)
{
	return lapic_message(lapic.id, vector);
}

static struct irq_local local = {
	.end = lapic_end,
	.in_service = lapic_in_service,
};

/* Errors of the APIC itself (10.5.3): counted as interrupts of this source. */
static bool error_interrupt(struct irq *irq __unused)
{
	lapic_write(LAPIC_ESR, 0);	/* latches what there is, to be read */
	lapic_read(LAPIC_ESR);
	return true;
}

static struct irq error_irq = { .name = "local APIC errors", .handle = error_interrupt };

bool lapic_is_present(void)
{
	return lapic.present;
}

bool lapic_has_deadline(void)
{
	return lapic.present && lapic.deadline;
}

uint32_t lapic_id(void)
{
	return lapic.id;
}

/*
 * Turns the APIC on in IA32_APIC_BASE. CPUID denies an APIC that is turned off
 * there, so it is asked afterwards (10.4.3).
 */
static int turn_on(uint64_t *base)
{
	uint64_t found, wanted;

	if (!(cpuid(1, 0).edx & EDX_MSR) || probe_rdmsr(MSR_APIC_BASE, &found))
		return -ENODEV;
	wanted = lapic_base_wanted(found, cpuid(1, 0).ecx & ECX_X2APIC, &lapic.access);
	if (!(found & LAPIC_BASE_ENABLE)) {
		/* From off, x2APIC is two steps away (10.12.5). */
		if (probe_wrmsr(MSR_APIC_BASE, found | LAPIC_BASE_ENABLE))
			return -ENODEV;
		log_info("firmware had turned the local APIC off");
	}
	if (wanted != (found | LAPIC_BASE_ENABLE) && probe_wrmsr(MSR_APIC_BASE, wanted))
		lapic.access = LAPIC_BY_MEMORY;
	if (!(cpuid(1, 0).edx & EDX_APIC) || probe_rdmsr(MSR_APIC_BASE, base))
		return -ENODEV;
	return *base & LAPIC_BASE_ENABLE ? 0 : -ENODEV;
}

static int map_registers(uint64_t base)
{
	paddr_t address = base & LAPIC_BASE_ADDRESS;
	paddr_t told = acpi_info()->lapic;

	if (told && told != address)
		log_warn("local APIC at %#llx, although the %s says %#llx",
			 (unsigned long long)address, acpi_info()->interrupts_from,
			 (unsigned long long)told);
	if (lapic.access == LAPIC_BY_MSR)
		return 0;
	lapic.registers = ioremap(address, LAPIC_SIZE, IOREMAP_UNCACHED);
	local.address = address;
	return lapic.registers ? 0 : -ENOMEM;
}

/* Entries that firmware has as system-management interrupts are its own (thermal control). */
static void mask_sources(void)
{
	lapic.lvt_count = FIELD_GET(LAPIC_VERSION_MAX_LVT, lapic_read(LAPIC_VERSION)) + 1;
	for (unsigned n = 0; n < lapic.lvt_count && lapic_lvt_offset(n); n++) {
		uint32_t entry = lapic_read(lapic_lvt_offset(n));

		if (FIELD_GET(LAPIC_LVT_DELIVERY, entry) != LAPIC_DELIVERY_SMI)
			lapic_write(lapic_lvt_offset(n), entry | LAPIC_LVT_MASKED);
	}
	lapic_write(LAPIC_TIMER_INITIAL, 0);
}

static bool any_vector(uint32_t registers, unsigned from)
{
	for (unsigned i = from; i < VECTOR_REGISTERS; i++) {
		if (lapic_read(registers + i * 16))
			return true;
	}
	return false;
}

/* At most as many as there are vectors, should the registers never become empty. */
static void end_what_is_in_service(void)
{
	unsigned n = 0;

	while (n < VECTOR_COUNT && any_vector(LAPIC_ISR, 0)) {
		lapic_end();
		n++;
	}
	if (n)
		log_info("firmware left %u interrupts in service", n);
}

static void let_in_what_is_pending(void)
{
	unsigned n = 0;

	while (n < VECTOR_COUNT && any_vector(LAPIC_IRR, 1)) {
		irq_open();
		n++;
	}
	if (n)
		log_info("firmware left %u interrupts pending", n);
}

static void connect_errors(void)
{
	if (irq_connect_local(&error_irq))
		return;
	lapic_write(LAPIC_ESR, 0);
	lapic_write(LAPIC_LVT_ERROR, lapic_lvt(error_irq.vector, 0));
}

void lapic_init(void)
{
	uint64_t base = 0;

	if (turn_on(&base)) {
		log_info("the processor has no local APIC");
		return;
	}
	if (map_registers(base))
		return;
	lapic.id = lapic_id_decode(lapic.access == LAPIC_BY_MSR, lapic_read(LAPIC_ID));
	lapic.deadline = cpuid(1, 0).ecx & ECX_TSC_DEADLINE;
	lapic.present = true;
	mask_sources();
	lapic_write(LAPIC_TPR, TASK_PRIORITY);
	lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | IRQ_VECTOR_SPURIOUS);
	lapic_write(LAPIC_ESR, 0);
	end_what_is_in_service();
	local.name = lapic.access == LAPIC_BY_MSR ? "x2APIC" : "xAPIC";
	if (lapic_can_be_named(lapic.id))
		local.message = message_here;
	else
		log_warn("local APIC %u cannot be named in messages: no MSI, no lines", lapic.id);
	irq_local_register(&local);
	log_info("%s %u, %u local sources, %s", local.name, lapic.id, lapic.lvt_count,
		 lapic.deadline ? "with TSC deadline" : "no TSC deadline");
}

void lapic_settle(void)
{
	if (!lapic.present)
		return;
	let_in_what_is_pending();
	connect_errors();
}

int lapic_send_self(uint8_t vector)
{
	uint64_t icr = lapic_icr(lapic.access == LAPIC_BY_MSR, lapic.id, vector);
	struct wait w;

	if (!lapic.present)
		return -ENODEV;
	if (lapic.access == LAPIC_BY_MSR) {
		wrmsr(lapic_msr(LAPIC_ICR), icr);
		return 0;
	}
	lapic_write(LAPIC_ICR_HIGH, icr >> 32);
	lapic_write(LAPIC_ICR, (uint32_t)icr);
	wait_begin(&w, IPI_WAIT);
	while ((lapic_read(LAPIC_ICR) & LAPIC_ICR_PENDING) && wait_turn(&w))
		;
	wait_end(&w);
	return lapic_read(LAPIC_ICR) & LAPIC_ICR_PENDING ? -ETIMEDOUT : 0;
}

int lapic_timer_setup(struct irq *irq, enum lapic_timer_mode mode)
{
	int rc;

	if (!lapic.present || (mode == LAPIC_TIMER_DEADLINE && !lapic.deadline))
		return -ENODEV;
	rc = irq_connect_local(irq);
	if (rc)
		return rc;
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, lapic_lvt(irq->vector, mode));
	/* In memory the entry must be there before the deadline's MSR is written (10.5.4.1). */
	__asm__ volatile("mfence" : : : "memory");
	return 0;
}

void lapic_timer_stop(struct irq *irq)
{
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | irq->vector);
	irq_disconnect(irq);
}

void lapic_timer_start(uint32_t count)
{
	lapic_write(LAPIC_TIMER_INITIAL, count);
}

uint32_t lapic_timer_read(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_deadline(uint64_t tsc)
{
	wrmsr(MSR_TSC_DEADLINE, tsc);
}
