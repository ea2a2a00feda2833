// SPDX-License-Identifier: MIT
#include "drivers/clock/tsc_cpuid.h"

#include "kernel/lib/string.h"
#include "kernel/timeline.h"

enum {
	LEAF_CRYSTAL = 0x15,	/* EBX/EAX ticks per tick of the crystal, of ECX Hz */
	LEAF_FREQUENCY = 0x16,	/* EAX[15:0]: base frequency in MHz */
	FEATURE_HYPERVISOR = 31,	/* CPUID.1:ECX */
	HYPERVISOR_STEP = 0x100,	/* where a second one would be, under Hyper-V's */
	HYPERVISOR_TIMING = 0x10,	/* after its first: EAX is the counter's kHz */
	HYPERVISOR_SPAN = 0xff,
};

#define HYPERVISOR_BASE	UINT32_C(0x40000000)

static uint64_t if_plausible(uint64_t hz)
{
	return hz >= TIMELINE_HZ_MIN && hz <= TIMELINE_HZ_MAX ? hz : 0;
}

static uint64_t crystal_hz(struct cpuid_reader *r, uint32_t highest)
{
	struct cpuid c;

	if (highest < LEAF_CRYSTAL)
		return 0;
	c = r->read(r, LEAF_CRYSTAL);
	if (c.eax == 0 || c.ebx == 0 || c.ecx == 0)
		return 0;
	return if_plausible((uint64_t)c.ecx * c.ebx / c.eax);
}

static uint64_t nominal_hz(struct cpuid_reader *r, uint32_t highest)
{
	if (highest < LEAF_FREQUENCY)
		return 0;
	return if_plausible((uint64_t)(r->read(r, LEAF_FREQUENCY).eax & 0xffff) * 1000 * 1000);
}

/* Whether `base` is the first leaf of one that signs so; *highest is its last leaf. */
static bool hypervisor_is(struct cpuid_reader *r, uint32_t base, const char *signature,
			  uint32_t *highest)
{
	struct cpuid c = r->read(r, base);
	uint32_t found[] = { c.ebx, c.ecx, c.edx };

	/* The first KVM left EAX at 0 and meant one leaf more. */
	*highest = c.eax ? c.eax : base + 1;
	return memcmp(found, signature, sizeof(found)) == 0 && *highest >= base &&
	       *highest <= base + HYPERVISOR_SPAN;
}

static bool has_hypervisor(struct cpuid_reader *r)
{
	return r->read(r, 1).ecx & BIT(FEATURE_HYPERVISOR);
}

static uint64_t hypervisor_hz(struct cpuid_reader *r)
{
	static const char *const signatures[] = { "VMwareVMware", "KVMKVMKVM\0\0\0" };
	uint32_t highest;

	if (!has_hypervisor(r))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		if (hypervisor_is(r, HYPERVISOR_BASE, signatures[i], &highest) &&
		    highest >= HYPERVISOR_BASE + HYPERVISOR_TIMING)
			return if_plausible(
				(uint64_t)r->read(r, HYPERVISOR_BASE + HYPERVISOR_TIMING).eax *
				1000);
	}
	return 0;
}

struct tsc_claim tsc_cpuid_claim(struct cpuid_reader *r)
{
	uint32_t highest = r->read(r, 0).eax;
	uint64_t hz;

	if ((hz = crystal_hz(r, highest)))
		return (struct tsc_claim){ hz, "CPUID 0x15", true };
	if ((hz = hypervisor_hz(r)))
		return (struct tsc_claim){ hz, "hypervisor leaf 0x40000010", true };
	if ((hz = nominal_hz(r, highest)))
		return (struct tsc_claim){ hz, "CPUID 0x16", false };
	return (struct tsc_claim){ 0 };
}

bool tsc_cpuid_invariant(struct cpuid_reader *r)
{
	return r->read(r, 0x80000000).eax >= 0x80000007 &&
	       r->read(r, 0x80000007).edx & BIT(8);
}

uint32_t cpuid_kvm_base(struct cpuid_reader *r)
{
	uint32_t highest;

	if (!has_hypervisor(r))
		return 0;
	for (uint32_t base = HYPERVISOR_BASE; base <= HYPERVISOR_BASE + HYPERVISOR_STEP;
	     base += HYPERVISOR_STEP) {
		if (hypervisor_is(r, base, "KVMKVMKVM\0\0\0", &highest) && highest > base)
			return base;
	}
	return 0;
}
