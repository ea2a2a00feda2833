// SPDX-License-Identifier: MIT
/*
 * Each access is one instruction, named in the table `fault_fixups` with the
 * place where it goes on after a fault: there `error` is set.
 */
#include "arch/x86/probe.h"

#include "kernel/lib/errno.h"

#define PROBE(instruction) \
	"movl $0, %[error]\n" \
	"1:\t" instruction "\n" \
	"2:\n" \
	".pushsection .text.probe_failed, \"ax\", @progbits\n" \
	"3:\tmovl %[fault], %[error]\n\t" \
	"jmp 2b\n" \
	".popsection\n" \
	".pushsection fault_fixups, \"a\", @progbits\n\t" \
	".quad 1b, 3b\n" \
	".popsection"

#define PROBES(bits) \
static int load##bits(uintptr_t addr, uint64_t *out) \
{ \
	uint##bits##_t value = 0; \
	int error; \
\
	__asm__ volatile(PROBE("mov (%[addr]), %[value]") \
			 : [error] "=&r"(error), [value] "+&r"(value) \
			 : [addr] "r"(addr), [fault] "i"(-EFAULT) : "memory"); \
	*out = error ? *out : value; \
	return error; \
} \
static int store##bits(uintptr_t addr, uint##bits##_t value) \
{ \
	int error; \
\
	__asm__ volatile(PROBE("mov %[value], (%[addr])") \
			 : [error] "=&r"(error) \
			 : [addr] "r"(addr), [value] "r"(value), [fault] "i"(-EFAULT) \
			 : "memory"); \
	return error; \
}

PROBES(8)
PROBES(16)
PROBES(32)
PROBES(64)

int probe_load(uintptr_t addr, unsigned width, uint64_t *out)
{
	switch (width) {
	case 1: return load8(addr, out);
	case 2: return load16(addr, out);
	case 4: return load32(addr, out);
	case 8: return load64(addr, out);
	}
	return -EINVAL;
}

int probe_store(uintptr_t addr, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: return store8(addr, (uint8_t)value);
	case 2: return store16(addr, (uint16_t)value);
	case 4: return store32(addr, (uint32_t)value);
	case 8: return store64(addr, value);
	}
	return -EINVAL;
}
