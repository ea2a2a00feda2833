// SPDX-License-Identifier: MIT
#include "arch/x86/cpuid.h"
#include "kernel/ktest.h"
#include "kernel/lib/string.h"

KTEST(cpuid_knows_family_and_model_of_real_processors)
{
	struct cpuid_model m = cpuid_model(0x000906ea);	/* Intel Core i7-8700 */

	expect_eq(t, m.family, 6);
	expect_eq(t, m.model, 158);
	expect_eq(t, m.stepping, 10);
	m = cpuid_model(0x00800f12);	/* AMD Ryzen 7 1700 */
	expect_eq(t, m.family, 23);
	expect_eq(t, m.model, 1);
	m = cpuid_model(0x00000543);	/* Pentium MMX: no extensions */
	expect_eq(t, m.family, 5);
	expect_eq(t, m.model, 4);
}

KTEST(cpuid_reads_texts_out_of_registers)
{
	struct cpuid c = { 0, 0x756e6547, 0x6c65746e, 0x49656e69 };
	struct cpuid parts[3] = { { 0x20202020, 0x01424120, 0, 0x41414141 } };
	char buf[CPUID_BRAND_LEN + 1];

	cpuid_vendor(&c, buf);
	expect_str(t, buf, "GenuineIntel");
	cpuid_brand(parts, buf);
	expect_str(t, buf, "AB?");
	memset(parts, 'x', sizeof(parts));
	cpuid_brand(parts, buf);
	expect_eq(t, strlen(buf), CPUID_BRAND_LEN);
	cpuid_hypervisor(&(struct cpuid){ 0, 0x54474354, 0x43544743, 0x47435447 }, buf);
	expect_str(t, buf, "TCGTCGTCGTCG");
}
