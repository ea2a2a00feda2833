// SPDX-License-Identifier: MIT
/* KVM's paravirtual clock: drivers/clock/pvclock.h says what the page means. */
#include <asm/cpu.h>

#include "drivers/clock/clocks.h"
#include "drivers/clock/pvclock.h"
#include "drivers/clock/tsc_cpuid.h"
#include "kernel/time.h"
#include "mm/dma.h"

enum {
	MSR_KVM_SYSTEM_TIME_NEW = 0x4b564d01,
	SYSTEM_TIME_ENABLE = BIT(0),
	KVM_FEATURES = 1,		/* after the first leaf: EAX */
	FEATURE_CLOCKSOURCE2 = 3,
	RATING = 400,
};

static struct pvclock page __aligned(64);	/* 64: it lies in one page of memory */
static uint64_t last;

static uint64_t kvmclock_read(struct clock_source *c __unused)
{
	uint64_t ns;

	if (pvclock_read(&page, cycles, &ns))
		last = ns;
	return last;
}

static struct clock_source kvmclock = {
	.name = "kvmclock",
	.id = "kvm",
	.read = kvmclock_read,
	.bits = 64,
	.rating = RATING,
	.hz = NS_PER_S,
	.from = "its definition",
};

static struct cpuid kvmclock_cpuid(struct cpuid_reader *r __unused, uint32_t leaf)
{
	return cpuid(leaf, 0);
}

uint64_t kvmclock_tsc_hz(void)
{
	return pvclock_tsc_hz(page.tsc_to_system_mul, page.tsc_shift);
}

void kvmclock_init(void)
{
	struct cpuid_reader reader = { kvmclock_cpuid };
	uint32_t base = cpuid_kvm_base(&reader);
	uint64_t ns;
	paddr_t pa;

	if (!base || !(cpuid(base + KVM_FEATURES, 0).eax & BIT(FEATURE_CLOCKSOURCE2)))
		return;
	if (dma_addr(&page, sizeof(page), &pa))
		return;
	wrmsr(MSR_KVM_SYSTEM_TIME_NEW, pa | SYSTEM_TIME_ENABLE);
	if (!pvclock_read(&page, cycles, &ns) || kvmclock_tsc_hz() == 0)
		kvmclock.problem = "its page is not filled";
	clock_source_register(&kvmclock);
}
