/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: 256 stubs (arch/x86/vectors.S) build one frame, everything else
 * is C. What nobody handles is a panic that says what happened in words.
 */
#pragma once

#include "kernel/lib/types.h"

/* Stacks of the TSS for exceptions that cannot trust the current one. */
enum { IST_DOUBLE_FAULT = 1, IST_NMI = 2, IST_MACHINE_CHECK = 3 };

/* Intel SDM vol. 3A, table 6-1. */
enum exception_vector {
	EXCEPTION_DIVIDE = 0,
	EXCEPTION_NMI = 2,
	EXCEPTION_BREAKPOINT = 3,
	EXCEPTION_DOUBLE_FAULT = 8,
	EXCEPTION_GENERAL_PROTECTION = 13,
	EXCEPTION_PAGE_FAULT = 14,
	EXCEPTION_MACHINE_CHECK = 18,
	EXCEPTION_COUNT = 32,
	VECTOR_COUNT = 256,
};

/* As pushed by arch/x86/vectors.S, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;	/* the processor's own */
};

/* Entries of all vectors, in order, this many bytes apart. */
enum { VECTOR_STUB_SIZE = 16 };
extern const char vector_stubs[];

void exception_init(void);

/* "page fault", ...; "interrupt" for vectors that are no exception. */
const char *exception_name(unsigned vector);

/*
 * Says in words what a page fault's error code (SDM vol. 3A, 4.7) means:
 * "write to a page that is not mapped". `buf` of `size` bytes.
 */
void page_fault_describe(char *buf, size_t size, uint64_t error);

/*
 * Accesses that may fault: 0, or -EFAULT if they did (exception_last_fault()
 * then tells how). probe_execute() calls the code at `addr`.
 */
int __must_check probe_read(const volatile void *addr, uint8_t *out);
int __must_check probe_write(volatile void *addr, uint8_t value);
int __must_check probe_execute(const void *addr);

/* Model-specific registers that may not be there: the same. */
int __must_check probe_rdmsr(uint32_t msr, uint64_t *out);
int __must_check probe_wrmsr(uint32_t msr, uint64_t value);

struct fault {
	uint64_t vector, error, address;
};

/* The last fault that a probe caught. */
struct fault exception_last_fault(void);
