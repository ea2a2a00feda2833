/* SPDX-License-Identifier: MIT */
/*
 * What CPUID says of the time-stamp counter: the processor's own leaves 0x15
 * and 0x16, and the hypervisor's leaf 0x40000010. A leaf beyond the highest
 * that there is returns another one's data, so each is asked for only where it
 * exists. Knows no processor but the one it is given.
 */
#pragma once

#include <asm/cpu.h>

struct cpuid_reader {
	struct cpuid (*read)(struct cpuid_reader *r, uint32_t leaf);
};

struct tsc_claim {
	uint64_t hz;		/* 0: nothing is said, or nothing that can be */
	const char *from;	/* "CPUID 0x15" */
	bool exact;		/* else nominal: the right one is near */
};

/*
 * The first that speaks: CPUID 0x15 (Intel SDM vol. 2A), the hypervisor, and
 * CPUID 0x16, which tells a nominal frequency only.
 */
struct tsc_claim tsc_cpuid_claim(struct cpuid_reader *r);

/* CPUID.80000007H:EDX[8]: one pace in all states of the processor. */
bool tsc_cpuid_invariant(struct cpuid_reader *r);

/* The first leaf of a hypervisor that is KVM (KVM-specific MSRs), 0 if there is none. */
uint32_t cpuid_kvm_base(struct cpuid_reader *r);
