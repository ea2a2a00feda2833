/* SPDX-License-Identifier: MIT */
/* Instructions that have no C: control registers, MSRs, CPUID, counters. */
#pragma once

#include "kernel/lib/types.h"

/* Intel SDM vol. 3A, 2.5. */
enum cr0_bits {
	CR0_WP = BIT(16),
};

enum cr4_bits {
	CR4_PAE = BIT(5),
	CR4_MCE = BIT(6),
	CR4_UMIP = BIT(11),
	CR4_LA57 = BIT(12),
	CR4_SMEP = BIT(20),
	CR4_SMAP = BIT(21),
};

enum rflags_bits {
	RFLAGS_IF = BIT(9),
};

enum msr {
	MSR_APIC_BASE = 0x1b,
	MSR_PAT = 0x277,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_EFER = 0xc0000080,
};

enum efer_bits {
	EFER_LME = BIT(8),
	EFER_NXE = BIT(11),
};

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* The time-stamp counter, in ticks of a frequency that is not known here. */
static inline uint64_t cycles(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}

static inline void __attribute__((noreturn)) cpu_halt_for_ever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static inline uint64_t read_flags(void)
{
	uint64_t flags;
	__asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

#define CONTROL_REGISTER(name) \
static inline uint64_t read_##name(void) \
{ \
	uint64_t v; \
	__asm__ volatile("mov %%" #name ", %0" : "=r"(v)); \
	return v; \
} \
static inline void write_##name(uint64_t v) \
{ \
	__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory"); \
}

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

static inline void invlpg(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
