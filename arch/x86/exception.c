// SPDX-License-Identifier: MIT
#include "arch/x86/exception.h"

#include <asm/cpu.h>

#include "arch/x86/backtrace.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "kernel/irq_chip.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/owner.h"
#include "kernel/log.h"
#include "kernel/panic.h"

/* Interrupt gate (SDM vol. 3A, figure 6-8). */
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
} __packed;
static_assert(sizeof(struct gate) == 16, "SDM 3A figure 6-8");

/* Page fault error code (SDM vol. 3A, figure 4-12). */
enum page_fault_bits {
	FAULT_PRESENT = BIT(0),
	FAULT_WRITE = BIT(1),
	FAULT_RESERVED = BIT(3),
	FAULT_FETCH = BIT(4),
};

enum { GATE_INTERRUPT = 0x8e };

struct fixup {
	uint64_t at, to;
};

extern const struct fixup __start_fault_fixups[], __stop_fault_fixups[];
extern const void *probe_execute_target;
extern bool probe_execute_active;
extern const char probe_execute_failed[];

void exception_handle(struct trap_frame *f);

static __noload struct gate idt[VECTOR_COUNT];
static struct fault last_fault;

static const char *const names[EXCEPTION_COUNT] = {
	[0] = "divide error",
	[1] = "debug exception",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "device not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack-segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "x87 floating-point error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD floating-point error",
	[20] = "virtualization exception",
	[21] = "control protection exception",
};

const char *exception_name(unsigned vector)
{
	if (vector < EXCEPTION_COUNT)
		return names[vector] ? names[vector] : "reserved exception";
	return "interrupt";
}

void exception_init(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __packed pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		uintptr_t stub = (uintptr_t)vector_stubs + v * VECTOR_STUB_SIZE;

		idt[v] = (struct gate){
			.offset_low = stub,
			.selector = SELECTOR_CODE,
			.type = GATE_INTERRUPT,
			.offset_middle = stub >> 16,
			.offset_high = stub >> 32,
		};
	}
	idt[EXCEPTION_DOUBLE_FAULT].ist = IST_DOUBLE_FAULT;
	idt[EXCEPTION_NMI].ist = IST_NMI;
	idt[EXCEPTION_MACHINE_CHECK].ist = IST_MACHINE_CHECK;
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void page_fault_describe(char *buf, size_t size, uint64_t error)
{
	const char *access = error & FAULT_FETCH ? "execution of" :
			     error & FAULT_WRITE ? "write to" : "read of";
	const char *what = error & FAULT_RESERVED ? "a page whose table entry is corrupt" :
			   !(error & FAULT_PRESENT) ? "a page that is not mapped" :
			   error & FAULT_FETCH ? "a page without execute permission" :
			   error & FAULT_WRITE ? "a read-only page" : "a page without permission";

	format(buf, size, "%s %s", access, what);
}

static bool fix_up(struct trap_frame *f, uint64_t address)
{
	const struct fixup *x;

	/* An NMI or the like at a probe is not the probe's fault. */
	if (f->vector != EXCEPTION_PAGE_FAULT && f->vector != EXCEPTION_GENERAL_PROTECTION)
		return false;
	last_fault = (struct fault){ f->vector, f->error, address };
	for (x = __start_fault_fixups; x < __stop_fault_fixups; x++) {
		if (x->at == f->rip) {
			f->rip = x->to;
			return true;
		}
	}
	if (f->vector == EXCEPTION_PAGE_FAULT && probe_execute_active && address == f->rip &&
	    f->rip == (uintptr_t)probe_execute_target) {
		probe_execute_active = false;
		f->rip = (uintptr_t)probe_execute_failed;
		return true;
	}
	return false;
}

struct fault exception_last_fault(void)
{
	return last_fault;
}

static bool is_guard(uint64_t address)
{
	const char *const guards[] = {
		stack_guard, stack_double_fault_guard, stack_nmi_guard, stack_machine_check_guard,
	};

	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		if (address - (uintptr_t)guards[i] < PAGE_SIZE)
			return true;
	}
	return false;
}

/* The name of a register that no address can be in, for a fault that tells of none; or NULL. */
static const char *not_canonical(const struct trap_frame *f)
{
	const struct {
		const char *name;
		uint64_t value;
	} registers[] = {
		{ "rax", f->rax }, { "rbx", f->rbx }, { "rcx", f->rcx }, { "rdx", f->rdx },
		{ "rsi", f->rsi }, { "rdi", f->rdi }, { "rbp", f->rbp }, { "rsp", f->rsp },
		{ "r8", f->r8 }, { "r9", f->r9 }, { "r10", f->r10 }, { "r11", f->r11 },
		{ "r12", f->r12 }, { "r13", f->r13 }, { "r14", f->r14 }, { "r15", f->r15 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		if ((int64_t)(registers[i].value << 16) >> 16 != (int64_t)registers[i].value)
			return registers[i].name;
	}
	return NULL;
}

static void describe(const struct trap_frame *f, uint64_t address)
{
	char how[96];

	if (f->vector == EXCEPTION_PAGE_FAULT) {
		page_fault_describe(how, sizeof(how), f->error);
		print("panic: page fault: %s at 0x%016llx%s, error code %#llx\n", how,
		      (unsigned long long)address,
		      is_guard(address) ? " (guard page: stack overflow)" : "",
		      (unsigned long long)f->error);
		return;
	}
	print("panic: %s (vector %llu), error code %#llx%s\n", exception_name(f->vector),
	      (unsigned long long)f->vector, (unsigned long long)f->error,
	      f->vector == EXCEPTION_DOUBLE_FAULT && is_guard(address) ?
	      " (last fault on a guard page: stack overflow)" : "");
	if (f->vector == EXCEPTION_GENERAL_PROTECTION && f->error == 0 && not_canonical(f))
		print("        %s holds no canonical address\n", not_canonical(f));
}

static void print_registers(const struct trap_frame *f)
{
	const struct {
		const char *name;
		uint64_t value;
	} registers[] = {
		{ "rip", f->rip }, { "rsp", f->rsp }, { "rflags", f->rflags },
		{ "rax", f->rax }, { "rbx", f->rbx }, { "rcx", f->rcx },
		{ "rdx", f->rdx }, { "rsi", f->rsi }, { "rdi", f->rdi },
		{ "rbp", f->rbp }, { "r8", f->r8 }, { "r9", f->r9 },
		{ "r10", f->r10 }, { "r11", f->r11 }, { "r12", f->r12 },
		{ "r13", f->r13 }, { "r14", f->r14 }, { "r15", f->r15 },
		{ "cs", f->cs }, { "ss", f->ss }, { "cr0", read_cr0() },
		{ "cr2", read_cr2() }, { "cr3", read_cr3() }, { "cr4", read_cr4() },
	};

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		print("%7s %016llx%s", registers[i].name,
		      (unsigned long long)registers[i].value, i % 3 == 2 ? "\n" : "");
}

/* Of the address at fault; after all else, as memory's own tables may be damaged. */
static void print_owner(const struct trap_frame *f, uint64_t address)
{
	char text[OWNER_TEXT_MAX];

	if (f->vector != EXCEPTION_PAGE_FAULT && f->vector != EXCEPTION_DOUBLE_FAULT)
		return;
	owner_describe(address, text, sizeof(text));
	print("  owner of 0x%016llx: %s\n", (unsigned long long)address, text);
}

/* Called by arch/x86/vectors.S for every vector. */
void exception_handle(struct trap_frame *f)
{
	uint64_t address;

	if (f->vector >= EXCEPTION_COUNT) {
		irq_dispatch((unsigned)f->vector);
		f->rflags &= ~(uint64_t)RFLAGS_IF;	/* one interrupt per opening */
		return;
	}
	address = read_cr2();
	if (fix_up(f, address))
		return;
	panic_begin(f->rip);
	describe(f, address);
	print_registers(f);
	backtrace_print_at(f);
	print_owner(f, address);
	panic_end();
}
