// SPDX-License-Identifier: MIT
#include "arch/x86/cpu.h"

#include <asm/cpu.h>

#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"

/* 64-bit task state segment (Intel SDM vol. 3A, 8.7). */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_base;
} __packed;
static_assert(sizeof(struct tss) == 104, "SDM 3A figure 8-11");

struct descriptor_pointer {
	uint16_t limit;
	uint64_t base;
} __packed;

/* What a processor has that does not say (SDM vol. 3A, 4.1.4). */
enum { PHYSICAL_BITS_LEAST = 36 };

static struct tss tss;

static uint64_t gdt[] = {
	[SELECTOR_CODE / 8] = 0x00af9a000000ffff,	/* 64-bit code, ring 0 */
	[SELECTOR_DATA / 8] = 0x00cf92000000ffff,	/* data, ring 0 */
	[SELECTOR_TSS / 8] = 0,				/* two entries, below */
	[SELECTOR_TSS / 8 + 1] = 0,
};

static struct {
	bool nx, gib_pages, machine_check, pat;
	uint8_t physical_bits;
} features;

bool cpu_has_nx(void)
{
	return features.nx;
}

bool cpu_has_1gib_pages(void)
{
	return features.gib_pages;
}

bool cpu_has_pat(void)
{
	return features.pat;
}

unsigned cpu_physical_bits(void)
{
	return features.physical_bits;
}

static void load_gdt(void)
{
	enum { TSS_AVAILABLE = 0x89 };
	const struct descriptor_pointer pointer = { sizeof(gdt) - 1, (uintptr_t)gdt };
	uintptr_t base = (uintptr_t)&tss;

	tss.ist[IST_DOUBLE_FAULT - 1] = (uintptr_t)stack_double_fault_top;
	tss.ist[IST_NMI - 1] = (uintptr_t)stack_nmi_top;
	tss.ist[IST_MACHINE_CHECK - 1] = (uintptr_t)stack_machine_check_top;
	tss.io_map_base = sizeof(tss);

	gdt[SELECTOR_TSS / 8] = (sizeof(tss) - 1) | FIELD_PREP(GENMASK(39, 16), base) |
				FIELD_PREP(GENMASK(47, 40), TSS_AVAILABLE) |
				FIELD_PREP(GENMASK(63, 56), base >> 24);
	gdt[SELECTOR_TSS / 8 + 1] = base >> 32;

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tltr %w2"
			 : : "m"(pointer), "i"(SELECTOR_CODE), "r"(SELECTOR_TSS)
			 : "rax", "memory");
}

static void read_features(void)
{
	struct cpuid extended = cpuid(0x80000000, 0);
	struct cpuid r = cpuid(0x80000001, 0);

	features.nx = r.edx & BIT(20);
	features.gib_pages = r.edx & BIT(26);
	r = cpuid(1, 0);
	features.machine_check = r.edx & BIT(7);
	features.pat = r.edx & BIT(16);
	features.physical_bits = PHYSICAL_BITS_LEAST;
	if (extended.eax >= 0x80000008) {
		uint32_t bits = cpuid(0x80000008, 0).eax & 0xff;

		if (bits >= 32)
			features.physical_bits = min(bits, 52u);
	}
}

static void protect(void)
{
	uint64_t cr4 = CR4_PAE;

	if (features.machine_check)
		cr4 |= CR4_MCE;
	if (cpuid(0, 0).eax >= 7) {
		struct cpuid r = cpuid(7, 0);

		if (r.ebx & BIT(7))
			cr4 |= CR4_SMEP;
		if (r.ebx & BIT(20))
			cr4 |= CR4_SMAP;
		if (r.ecx & BIT(2))
			cr4 |= CR4_UMIP;
	}
	write_cr4(cr4);
	if (features.nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
}

void cpu_init(void)
{
	read_features();
	load_gdt();
	exception_init();
	protect();
	paging_protect_image();
}
