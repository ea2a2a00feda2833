// SPDX-License-Identifier: MIT
/* CPUID as processors and hypervisors answer it, and as they should not. */
#include "drivers/clock/tsc_cpuid.h"

#include "kernel/ktest.h"

enum { LEAVES = 12 };

struct fake_cpuid {
	struct cpuid_reader reader;
	struct {
		uint32_t leaf;
		struct cpuid value;
	} leaves[LEAVES];
	unsigned count;
	unsigned asked_beyond;
};

static struct cpuid fake_read(struct cpuid_reader *r, uint32_t leaf)
{
	struct fake_cpuid *f = container_of(r, struct fake_cpuid, reader);

	for (unsigned i = 0; i < f->count; i++) {
		if (f->leaves[i].leaf == leaf)
			return f->leaves[i].value;
	}
	f->asked_beyond += leaf > 1 && leaf < 0x40000000;
	return (struct cpuid){ 0x340, 0x340, 0x340, 0 };
}

static void leaf(struct fake_cpuid *f, uint32_t number, uint32_t a, uint32_t b, uint32_t c,
		 uint32_t d)
{
	f->leaves[f->count].leaf = number;
	f->leaves[f->count++].value = (struct cpuid){ a, b, c, d };
}

static struct fake_cpuid processor(uint32_t highest, bool hypervisor)
{
	struct fake_cpuid f = { .reader.read = fake_read };

	leaf(&f, 0, highest, 0, 0, 0);
	leaf(&f, 1, 0, 0, hypervisor ? UINT32_C(1) << 31 : 0, 0);
	return f;
}

static void kvm(struct fake_cpuid *f, uint32_t base, uint32_t highest)
{
	leaf(f, base, highest, 0x4b4d564b, 0x564b4d56, 0x4d);
}

static void expect_claim(struct ktest_run *t, struct fake_cpuid *f, uint64_t hz,
			 const char *from, bool exact)
{
	struct tsc_claim c = tsc_cpuid_claim(&f->reader);

	expect_eq(t, c.hz, hz);
	expect_str(t, c.from, from);
	expect_eq(t, c.exact, exact);
	expect_eq(t, f->asked_beyond, 0);
}

KTEST(tsc_cpuid_takes_the_crystals_ratio)
{
	struct fake_cpuid f = processor(0x16, false);

	leaf(&f, 0x15, 2, 208, 24000000, 0);
	leaf(&f, 0x16, 2500, 4000, 100, 0);
	expect_claim(t, &f, 2496000000u, "CPUID 0x15", true);
	f = processor(0x15, false);
	leaf(&f, 0x15, 1, UINT32_MAX, UINT32_MAX, 0);
	expect_claim(t, &f, 0, NULL, false);
}

KTEST(tsc_cpuid_takes_the_nominal_frequency_where_the_crystal_is_missing)
{
	struct fake_cpuid f = processor(0x16, false);

	leaf(&f, 0x15, 2, 208, 0, 0);
	leaf(&f, 0x16, 0xffff0000 | 2500, 4000, 100, 0);
	expect_claim(t, &f, 2500000000u, "CPUID 0x16", false);
	f = processor(0x16, false);
	leaf(&f, 0x15, 0, 208, 24000000, 0);
	leaf(&f, 0x16, 0, 0, 0, 0);
	expect_claim(t, &f, 0, NULL, false);
	f = processor(0x15, false);
	leaf(&f, 0x15, 2, 0, 24000000, 0);
	expect_claim(t, &f, 0, NULL, false);
}

/* QEMU's highest is 0xd, and what it answers beyond looks like a frequency. */
KTEST(tsc_cpuid_asks_for_no_leaf_that_is_not_there)
{
	struct fake_cpuid f = processor(0xd, false);

	expect_claim(t, &f, 0, NULL, false);
	f = processor(0x14, true);
	kvm(&f, 0x40000000, 0x40000001);
	expect_claim(t, &f, 0, NULL, false);
}

KTEST(tsc_cpuid_takes_the_hypervisors_leaf_of_those_that_have_it)
{
	struct fake_cpuid f = processor(0x16, true);

	leaf(&f, 0x15, 0, 0, 0, 0);
	leaf(&f, 0x16, 2500, 0, 0, 0);
	kvm(&f, 0x40000000, 0x40000010);
	leaf(&f, 0x40000010, 2496001, 1000000, 0, 0);
	expect_claim(t, &f, 2496001000u, "hypervisor leaf 0x40000010", true);
	/* Another's leaf of that number means something else. */
	f = processor(0xd, true);
	leaf(&f, 0x40000000, 0x40000010, 0x7263694d, 0x666f736f, 0x76482074);
	leaf(&f, 0x40000010, 2496001, 1000000, 0, 0);
	expect_claim(t, &f, 0, NULL, false);
	/* Nor is it believed without a hypervisor, or out of bounds. */
	f = processor(0xd, false);
	kvm(&f, 0x40000000, 0x40000010);
	leaf(&f, 0x40000010, 2496001, 1000000, 0, 0);
	expect_claim(t, &f, 0, NULL, false);
	f = processor(0xd, true);
	kvm(&f, 0x40000000, 0x40000010);
	leaf(&f, 0x40000010, UINT32_MAX, 0, 0, 0);
	expect_claim(t, &f, 0, NULL, false);
	f = processor(0xd, true);
	kvm(&f, 0x40000000, UINT32_MAX);
	leaf(&f, 0x40000010, 2496001, 0, 0, 0);
	expect_claim(t, &f, 0, NULL, false);
}

KTEST(tsc_cpuid_finds_kvm_also_behind_another)
{
	struct fake_cpuid f = processor(0xd, true);

	expect_eq(t, cpuid_kvm_base(&f.reader), 0);
	kvm(&f, 0x40000000, 0);
	expect_eq(t, cpuid_kvm_base(&f.reader), 0x40000000);
	f = processor(0xd, true);
	leaf(&f, 0x40000000, 0x40000006, 0x7263694d, 0x666f736f, 0x76482074);
	kvm(&f, 0x40000100, 0x40000101);
	expect_eq(t, cpuid_kvm_base(&f.reader), 0x40000100);
	f = processor(0xd, false);
	kvm(&f, 0x40000000, 0x40000001);
	expect_eq(t, cpuid_kvm_base(&f.reader), 0);
}

KTEST(tsc_cpuid_tells_an_invariant_counter)
{
	struct fake_cpuid f = processor(0xd, false);

	leaf(&f, 0x80000000, 0x80000006, 0, 0, 0);
	leaf(&f, 0x80000007, 0, 0, 0, 0x100);
	expect(t, !tsc_cpuid_invariant(&f.reader));
	f.leaves[2].value.eax = 0x80000008;
	expect(t, tsc_cpuid_invariant(&f.reader));
	f.leaves[3].value.edx = 0xff;
	expect(t, !tsc_cpuid_invariant(&f.reader));
}
