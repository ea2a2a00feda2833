/* SPDX-License-Identifier: MIT */
/* Texts and numbers packed into registers by CPUID (Intel SDM vol. 2A, CPUID). Pure. */
#pragma once

#include <asm/cpu.h>

enum { CPUID_VENDOR_LEN = 12, CPUID_BRAND_LEN = 48 };

struct cpuid_model {
	unsigned family, model, stepping;
};

/* From EAX of leaf 1, with the extensions where they count. */
struct cpuid_model cpuid_model(uint32_t eax);

/* Texts, terminated, what is not printable shown as ?, blanks at the ends left out. */
void cpuid_vendor(const struct cpuid *leaf0, char *buf);
/* Leaves 0x80000002 to 4. */
void cpuid_brand(const struct cpuid parts[3], char *buf);
/* Leaf 0x40000000. */
void cpuid_hypervisor(const struct cpuid *leaf, char *buf);
