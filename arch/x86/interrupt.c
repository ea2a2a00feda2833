// SPDX-License-Identifier: MIT
/*
 * The two places where interrupts are open. sti lets none in before the
 * instruction after it has begun (SDM vol. 2B, STI): so there must be one
 * between sti and cli, and none gets between sti and hlt. What is taken comes
 * back with interrupts shut (exception.c), so cli is only for when none came.
 *
 * As long as no controller is known there is nobody to end an interrupt, and
 * firmware's legacy controller may still use the vectors of exceptions.
 */
#include <asm/cpu.h>

#include "kernel/irq.h"

void irq_open(void)
{
	if (irq_ready())
		__asm__ volatile("sti; nop; cli" : : : "memory");
}

void irq_pause(void)
{
	uint32_t leaf = 0, subleaf = 0;

	cpu_pause();
	if (irq_ready())
		__asm__ volatile("sti; cpuid; cli" : "+a"(leaf), "+c"(subleaf)
				 : : "rbx", "rdx", "memory");
}

void irq_halt(void)
{
	if (irq_ready())
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	else
		cpu_pause();
}
