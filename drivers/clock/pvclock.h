/* SPDX-License-Identifier: MIT */
/*
 * The clock page that KVM writes (Linux Documentation/virt/kvm/x86/msr.rst,
 * MSR_KVM_SYSTEM_TIME_NEW): nanoseconds at some reading of the time-stamp
 * counter, and the factor to go on from there. The version is odd while it is
 * being written, and different afterwards.
 */
#pragma once

#include "kernel/lib/types.h"

struct pvclock {
	uint32_t version;
	uint32_t reserved;
	uint64_t tsc_timestamp;
	uint64_t system_time;		/* ns */
	uint32_t tsc_to_system_mul;	/* ns a tick, shifted; 32 bits behind the point */
	int8_t tsc_shift;		/* of the ticks, before they are multiplied */
	uint8_t flags;
	uint8_t reserved2[2];
};
static_assert(sizeof(struct pvclock) == 32, "struct pvclock_vcpu_time_info");
static_assert(offsetof(struct pvclock, tsc_to_system_mul) == 24, "and so are its members");

enum { PVCLOCK_TSC_STABLE = BIT(0) };	/* flags */

/*
 * The time in nanoseconds, from a page that changes while it is read; tsc()
 * reads the counter. False if it never stood still, or says what cannot be.
 */
bool pvclock_read(const struct pvclock *page, uint64_t (*tsc)(void), uint64_t *ns);

/* The frequency of the time-stamp counter that the factor means; 0 if it means none. */
uint64_t pvclock_tsc_hz(uint32_t mul, int8_t shift);
