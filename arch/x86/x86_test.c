// SPDX-License-Identifier: MIT
/* Rights of every part of the address space, tried by access and by walking. */
#include <asm/cpu.h>

#include "arch/x86/cpu.h"
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const uint8_t rodata_byte = 0xc3;
static uint8_t data_byte = 0xc3;	/* ret */

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
	expect_fault(t, probe_write(data_start, 0), data_start, "write to a read-only page");
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

/* Walks all four levels and calls `visit` for each page mapped. */
static void for_each_page(void (*visit)(uintptr_t va, const struct paging_entry *e, void *context),
			  void *context)
{
	static const struct { uintptr_t start, end; } parts[] = {
		{ 0, 1ull << 32 },
		{ DIRECT_BASE, DIRECT_BASE + (1ull << 36) },
		{ DEVICE_BASE, DEVICE_BASE + (1ull << 32) },
		{ KERNEL_BASE, KERNEL_BASE + (1ull << 30) - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uintptr_t va = parts[i].start;

		while (va < parts[i].end) {
			struct paging_entry e;

			if (paging_lookup(va, &e) == 0) {
				visit(va, &e, context);
				va = align_down(va, e.size) + e.size;
			} else {
				va += paging_hole(va);
			}
		}
	}
}

struct audit {
	unsigned low, writable_executable, image_aliases, executable_outside_text, pages;
};

static void audit_page(uintptr_t va, const struct paging_entry *e, void *context)
{
	struct audit *a = context;
	paddr_t image = image_physical_start();
	bool in_image = e->pa < image_physical_end() && e->pa + e->size > image;
	bool through_image = va >= (uintptr_t)image_start && va < (uintptr_t)image_end;
	bool in_text = va >= (uintptr_t)image_start && va < (uintptr_t)rodata_start;

	a->pages++;
	a->low += va < 1ull << 47;
	a->writable_executable += (e->flags & PAGING_WRITE) && (e->flags & PAGING_EXECUTE);
	a->image_aliases += in_image && !through_image;
	a->executable_outside_text += (e->flags & PAGING_EXECUTE) && !in_text;
}

KTEST(x86_no_page_is_writable_and_executable)
{
	struct audit a = { 0 };

	for_each_page(audit_page, &a);
	expect(t, a.pages > 10);
	expect_eq(t, a.low, 0);
	expect_eq(t, a.image_aliases, 0);
	if (!cpu_has_nx()) {
		ktest_skip(t, "the processor has no NX");
		return;
	}
	expect_eq(t, a.writable_executable, 0);
	expect_eq(t, a.executable_outside_text, 0);
}

KTEST(x86_protections_are_on)
{
	expect(t, read_cr0() & CR0_WP);
	if (cpu_has_nx())
		expect(t, rdmsr(MSR_EFER) & EFER_NXE);
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
