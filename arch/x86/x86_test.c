// SPDX-License-Identifier: MIT
/* Rights of every part of the address space, tried by access and by walking. */
#include <asm/cpu.h>

#include "arch/x86/backtrace.h"
#include "arch/x86/cpu.h"
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

static const uint8_t rodata_byte = 0xc3;
static uint8_t data_byte = 0xc3;	/* ret */
static uint8_t bss_byte;

static void expect_fault(struct ktest_run *t, int result, const void *address,
			 const char *words)
{
	struct fault f = exception_last_fault();
	char text[96];

	expect_eq(t, result, -EFAULT);
	if (result != -EFAULT)
		return;
	expect_eq(t, f.vector, EXCEPTION_PAGE_FAULT);
	expect_eq(t, f.address, (uintptr_t)address);
	page_fault_describe(text, sizeof(text), f.error);
	expect_str(t, text, words);
}

KTEST(x86_probe_reads_what_is_there)
{
	uint8_t byte = 0;

	expect_eq(t, probe_read(&rodata_byte, &byte), 0);
	expect_eq(t, byte, 0xc3);
	expect_eq(t, probe_write(&data_byte, 0xc3), 0);
}

KTEST(x86_null_is_not_mapped)
{
	const void *const addresses[] = {
		NULL, (void *)0xfff, (void *)0x1000, (void *)0x200000,
		(void *)image_physical_start(), (void *)(CONFIG_LOAD_ADDRESS + 0x1000),
	};
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		expect_fault(t, probe_read(addresses[i], &byte), addresses[i],
			     "read of a page that is not mapped");
	expect_fault(t, probe_write(NULL, 1), NULL, "write to a page that is not mapped");
}

KTEST(x86_text_cannot_be_written)
{
	expect_fault(t, probe_write((void *)(uintptr_t)exception_init, 0),
		     (void *)(uintptr_t)exception_init, "write to a read-only page");
	expect_fault(t, probe_write(image_start, 0), image_start, "write to a read-only page");
}

KTEST(x86_rodata_cannot_be_written)
{
	expect_fault(t, probe_write((void *)(uintptr_t)&rodata_byte, 0), &rodata_byte,
		     "write to a read-only page");
}

KTEST(x86_init_data_cannot_be_written_after_init)
{
	char *last = (char *)((uintptr_t)ro_after_init_end - 1);

	expect_fault(t, probe_write(data_start, 0), data_start, "write to a read-only page");
	expect_fault(t, probe_write(last, 0), last, "write to a read-only page");
}

KTEST(x86_data_cannot_be_executed)
{
	if (!cpu_has_nx()) {
		ktest_skip(t, "the processor has no NX");
		return;
	}
	expect_fault(t, probe_execute(&data_byte), &data_byte,
		     "execution of a page without execute permission");
	expect_fault(t, probe_execute(&rodata_byte), &rodata_byte,
		     "execution of a page without execute permission");
}

KTEST(x86_memory_cannot_be_executed)
{
	uint8_t on_stack = 0xc3;
	uint8_t *places[] = { &on_stack, &bss_byte, kmalloc(16), page_alloc(0, PAGE_ANY) };

	require(t, places[2] && places[3]);
	bss_byte = 0xc3;
	places[2][0] = 0xc3;
	places[3][0] = 0xc3;
	if (!cpu_has_nx())
		ktest_skip(t, "the processor has no NX");
	for (size_t i = 0; i < ARRAY_SIZE(places) && cpu_has_nx(); i++)
		expect_fault(t, probe_execute(places[i]), places[i],
			     "execution of a page without execute permission");
	kfree(places[2]);
	page_free(places[3], 0);
}

KTEST(x86_holes_of_the_direct_map_are_not_mapped)
{
	uint8_t *const holes[] = {
		(uint8_t *)DIRECT_BASE, (uint8_t *)(DIRECT_BASE + 0xfffff),
		(uint8_t *)(DIRECT_BASE + image_physical_start()),
		(uint8_t *)(DIRECT_BASE + image_physical_end() - 1),
		(uint8_t *)(DIRECT_BASE + DIRECT_SIZE - 1),
	};
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		expect_fault(t, probe_read(holes[i], &byte), holes[i],
			     "read of a page that is not mapped");
		expect_fault(t, probe_write(holes[i], 0), holes[i],
			     "write to a page that is not mapped");
	}
}

KTEST(x86_addresses_that_are_not_canonical_are_refused)
{
	uint8_t *const addresses[] = {
		(uint8_t *)BIT(47), (uint8_t *)(DIRECT_BASE - 1), (uint8_t *)BIT(63),
	};
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		expect_eq(t, probe_read(addresses[i], &byte), -EFAULT);
		expect_eq(t, exception_last_fault().vector, EXCEPTION_GENERAL_PROTECTION);
		expect_eq(t, exception_last_fault().error, 0);
		expect_eq(t, probe_write(addresses[i], 0), -EFAULT);
		expect_eq(t, exception_last_fault().vector, EXCEPTION_GENERAL_PROTECTION);
	}
}

KTEST(x86_unmapped_memory_cannot_be_executed)
{
	const void *const addresses[] = { NULL, stack_guard, (void *)DIRECT_BASE };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		expect_fault(t, probe_execute(addresses[i]), addresses[i], cpu_has_nx() ?
			     "execution of a page that is not mapped" :
			     "read of a page that is not mapped");
}

KTEST(x86_stacks_have_guard_pages)
{
	char *const guards[] = {
		stack_guard, stack_double_fault_guard, stack_nmi_guard, stack_machine_check_guard,
	};
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		char *last = guards[i] + PAGE_SIZE - 1;

		expect_fault(t, probe_write(guards[i], 0), guards[i],
			     "write to a page that is not mapped");
		expect_fault(t, probe_write(last, 0), last, "write to a page that is not mapped");
		expect_eq(t, probe_read(guards[i] + PAGE_SIZE, &byte), 0);
	}
}

KTEST(x86_stack_is_the_guarded_one)
{
	uint8_t here;

	expect(t, (char *)&here > stack_bottom && (char *)&here < stack_top);
	expect_eq(t, stack_top - stack_bottom, CONFIG_STACK_SIZE_KB * 1024);
	expect(t, stack_guard + PAGE_SIZE == stack_bottom);
}

/* Bytes of the interrupt descriptor table and the task state segment. */
static const uint8_t *table_base(bool idt)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __packed pointer;

	if (idt)
		__asm__ volatile("sidt %0" : "=m"(pointer));
	else
		__asm__ volatile("sgdt %0" : "=m"(pointer));
	return (const uint8_t *)pointer.base;
}

static uint64_t read64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

KTEST(x86_exceptions_that_trust_no_stack_have_their_own)
{
	enum { GATE_SIZE = 16, GATE_IST = 4, TSS_IST1 = 36 };
	static const struct {
		unsigned vector;
		const char *top;
	} wanted[] = {
		{ EXCEPTION_DOUBLE_FAULT, stack_double_fault_top },
		{ EXCEPTION_NMI, stack_nmi_top },
		{ EXCEPTION_MACHINE_CHECK, stack_machine_check_top },
	};
	const uint8_t *idt = table_base(true);
	const uint8_t *descriptor = table_base(false) + SELECTOR_TSS;
	uint64_t low = read64(descriptor);
	const uint8_t *tss = (const uint8_t *)(FIELD_GET(GENMASK(39, 16), low) |
		FIELD_GET(GENMASK(63, 56), low) << 24 | read64(descriptor + 8) << 32);

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		unsigned ist = idt[wanted[i].vector * GATE_SIZE + GATE_IST];

		require(t, ist >= 1 && ist <= 7);
		expect_eq(t, read64(tss + TSS_IST1 + (ist - 1) * 8), (uintptr_t)wanted[i].top);
	}
	expect_eq(t, idt[EXCEPTION_PAGE_FAULT * GATE_SIZE + GATE_IST], 0);
}

KTEST(x86_write_combining_is_what_it_says)
{
	if (!cpu_has_pat()) {
		ktest_skip(t, "the processor has no PAT");
		return;
	}
	expect_eq(t, FIELD_GET(GENMASK(15, 8), rdmsr(MSR_PAT)), 1);
	expect_eq(t, FIELD_GET(GENMASK(31, 24), rdmsr(MSR_PAT)), 0);
}

KTEST(x86_protections_are_on)
{
	expect(t, read_cr0() & CR0_WP);
	/* Nothing that a loader set stays: neither five levels nor any other bit. */
	expect_eq(t, read_cr4() & ~(CR4_MCE | CR4_SMEP | CR4_SMAP | CR4_UMIP), CR4_PAE);
	if (cpu_has_nx())
		expect(t, rdmsr(MSR_EFER) & EFER_NXE);
	expect_eq(t, !!(read_cr4() & CR4_MCE), !!(cpuid(1, 0).edx & BIT(7)));
	if (cpuid(0, 0).eax >= 7) {
		struct cpuid r = cpuid(7, 0);

		expect_eq(t, !!(read_cr4() & CR4_SMEP), !!(r.ebx & BIT(7)));
		expect_eq(t, !!(read_cr4() & CR4_SMAP), !!(r.ebx & BIT(20)));
		expect_eq(t, !!(read_cr4() & CR4_UMIP), !!(r.ecx & BIT(2)));
	}
}

KTEST(x86_early_map_reads_and_refuses)
{
	const void *p = early_map(image_to_physical(&rodata_byte), 1);
	struct paging_entry e;

	require(t, p != NULL);
	expect_eq(t, *(const uint8_t *)p, 0xc3);
	expect_eq(t, paging_lookup((uintptr_t)p, &e), 0);
	expect_eq(t, e.flags & (PAGING_WRITE | PAGING_EXECUTE), cpu_has_nx() ? 0 : PAGING_EXECUTE);
	expect(t, early_map(0x1000, 1) == NULL);	/* in use */
	early_unmap();
	expect_eq(t, paging_lookup((uintptr_t)p, &e), -ENOENT);
	expect(t, early_map(0x1000, 0) == NULL);
	expect(t, early_map(0x1000, WINDOW_SIZE) != NULL);
	early_unmap();
	expect(t, early_map(0x1001, WINDOW_SIZE) == NULL);
	expect(t, early_map(UINT64_MAX - 10, 100) == NULL);
	expect(t, early_map(1ull << 53, 8) == NULL);
}

KTEST(x86_unusual_exceptions_have_names)
{
	expect_str(t, exception_name(EXCEPTION_PAGE_FAULT), "page fault");
	expect_str(t, exception_name(15), "reserved exception");
	expect_str(t, exception_name(200), "interrupt");
}

/* The names come from a first link: in the second nothing may have moved. */
KTEST(x86_backtrace_names_functions_where_they_lie)
{
	const struct {
		const void *address;
		const char *name;
	} known[] = {
		{ exception_init, "exception_init+0x0" },
		{ backtrace_name, "backtrace_name+0x0" },
		{ ktest_run_all, "ktest_run_all+0x0" },
		{ probe_read, "probe_read+0x0" },
	};
	char text[BACKTRACE_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		backtrace_name((uintptr_t)known[i].address, true, text, sizeof(text));
		expect_str(t, text, IS_ENABLED(CONFIG_SYMBOLS) ? known[i].name : "");
	}
}

KTEST(x86_backtrace_knows_no_name_outside_the_text)
{
	const uintptr_t strange[] = {
		0, (uintptr_t)image_start - 1, (uintptr_t)text_end, (uintptr_t)&data_byte,
		UINTPTR_MAX,
	};
	char text[BACKTRACE_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		backtrace_name(strange[i], true, text, sizeof(text));
		expect_str(t, text, "");
	}
}
