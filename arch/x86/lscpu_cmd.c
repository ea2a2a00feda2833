// SPDX-License-Identifier: MIT
/* The command `lscpu`: what CPUID says (Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E). */
#include <asm/cpu.h>

#include "arch/x86/cpuid.h"
#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "kernel/time.h"

enum { LINE_COLUMNS = 70 };

enum { EAX, EBX, ECX, EDX };

static const struct {
	uint32_t leaf;
	uint8_t reg, bit;
	const char *name;
} features[] = {
	{ 1, EDX, 0, "fpu" }, { 1, EDX, 4, "tsc" }, { 1, EDX, 5, "msr" }, { 1, EDX, 6, "pae" },
	{ 1, EDX, 7, "mce" }, { 1, EDX, 9, "apic" }, { 1, EDX, 13, "pge" },
	{ 1, EDX, 16, "pat" }, { 1, EDX, 25, "sse" }, { 1, EDX, 26, "sse2" },
	{ 1, ECX, 0, "sse3" }, { 1, ECX, 9, "ssse3" }, { 1, ECX, 5, "vmx" },
	{ 1, ECX, 17, "pcid" }, { 1, ECX, 19, "sse4.1" }, { 1, ECX, 20, "sse4.2" },
	{ 1, ECX, 21, "x2apic" }, { 1, ECX, 23, "popcnt" }, { 1, ECX, 24, "tsc-deadline" },
	{ 1, ECX, 25, "aes" }, { 1, ECX, 26, "xsave" }, { 1, ECX, 28, "avx" },
	{ 1, ECX, 30, "rdrand" }, { 1, ECX, 31, "hypervisor" },
	{ 7, EBX, 0, "fsgsbase" }, { 7, EBX, 5, "avx2" }, { 7, EBX, 7, "smep" },
	{ 7, EBX, 9, "erms" }, { 7, EBX, 16, "avx512f" }, { 7, EBX, 18, "rdseed" },
	{ 7, EBX, 20, "smap" }, { 7, EBX, 29, "sha" }, { 7, ECX, 2, "umip" },
	{ 7, ECX, 3, "pku" }, { 7, ECX, 16, "la57" },
	{ 0x80000001, ECX, 2, "svm" }, { 0x80000001, EDX, 20, "nx" },
	{ 0x80000001, EDX, 26, "1gib-pages" }, { 0x80000001, EDX, 27, "rdtscp" },
	{ 0x80000007, EDX, 8, "invariant-tsc" },
};

/* The leaf, zeros where the processor has none of that number. */
static struct cpuid leaf(uint32_t number)
{
	uint32_t highest = cpuid(number & 0x80000000, 0).eax;

	return number <= highest && highest >> 31 == number >> 31 ? cpuid(number, 0)
								  : (struct cpuid){ 0 };
}

static bool has_feature(size_t i)
{
	struct cpuid c = leaf(features[i].leaf);
	const uint32_t registers[] = { [EAX] = c.eax, [EBX] = c.ebx, [ECX] = c.ecx, [EDX] = c.edx };

	return registers[features[i].reg] >> features[i].bit & 1;
}

static void print_features(void)
{
	size_t column = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (!has_feature(i))
			continue;
		if (column > LINE_COLUMNS)
			column = 0;
		print("%s%s", column ? " " : i ? "\n         " : "has      ", features[i].name);
		column += strlen(features[i].name) + 1;
	}
	print("\n");
}

static void print_name(void)
{
	char vendor[CPUID_VENDOR_LEN + 1], brand[CPUID_BRAND_LEN + 1];
	struct cpuid zero = cpuid(0, 0), parts[3];
	struct cpuid_model model = cpuid_model(leaf(1).eax);

	cpuid_vendor(&zero, vendor);
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = leaf(0x80000002 + i);
	cpuid_brand(parts, brand);
	print("name     %s\n", *brand ? brand : "none");
	print("vendor   %s, family %u, model %u, stepping %u\n", vendor, model.family, model.model,
	      model.stepping);
}

static void print_hypervisor(void)
{
	char name[CPUID_VENDOR_LEN + 1];
	struct cpuid c;

	if (!(leaf(1).ecx & BIT(31)))
		return;
	c = cpuid(0x40000000, 0);
	cpuid_hypervisor(&c, name);
	print("below    %s\n", *name ? name : "a hypervisor without a name");
}

static int lscpu_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	print_name();
	print_hypervisor();
	print("address  %u bits physical, %u virtual\n", cpu_physical_bits(),
	      leaf(0x80000008).eax >> 8 & 0xff);
	if (time_tsc_hz())
		print("tsc      %llu Hz\n", (unsigned long long)time_tsc_hz());
	print("leaves   to 0x%x and 0x%x\n", cpuid(0, 0).eax, cpuid(0x80000000, 0).eax);
	print_features();
	return 0;
}

SHELL_COMMAND(lscpu, "", "say what the processor is and has", lscpu_run);
