/* SPDX-License-Identifier: MIT */
/* One stub per vector, 16 bytes apart; all decoding is in exception.c. */

.text
.balign 16
.globl vector_stubs
vector_stubs:
.set vector, 0
.rept 256
	.balign 16
	/* The processor pushes an error code itself (SDM vol. 3A, 6.13; AMD's 29, 30). */
	.set has_error_code, 0
	.irp exception, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
	.if vector == \exception
	.set has_error_code, 1
	.endif
	.endr
	.if !has_error_code
	pushq	$0
	.endif
	pushq	$vector
	jmp	vector_common
	.set vector, vector + 1
.endr

vector_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	exception_handle
.globl trap_return
trap_return:				/* here a backtrace knows a trap frame by */
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq

/*
 * Probes: each has one instruction that may fault, and a place to go on if it
 * does. The table `fault_fixups` holds the pairs.
 */
.macro fixup at, to
	.pushsection fault_fixups, "a", @progbits
	.quad	\at, \to
	.popsection
.endm

.globl probe_read
probe_read:
1:	movb	(%rdi), %al
	movb	%al, (%rsi)
	xorl	%eax, %eax
	ret
	fixup	1b, probe_failed

.globl probe_write
probe_write:
1:	movb	%sil, (%rdi)
	xorl	%eax, %eax
	ret
	fixup	1b, probe_failed

.globl probe_rdmsr
probe_rdmsr:
	movl	%edi, %ecx
1:	rdmsr
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, (%rsi)
	xorl	%eax, %eax
	ret
	fixup	1b, probe_failed

.globl probe_wrmsr
probe_wrmsr:
	movl	%edi, %ecx
	movl	%esi, %eax
	movq	%rsi, %rdx
	shrq	$32, %rdx
1:	wrmsr
	xorl	%eax, %eax
	ret
	fixup	1b, probe_failed

/*
 * The fault happens at the target itself, so the handler compares where it
 * happened with probe_execute_target, but only while a probe is under way:
 * at any other time a jump there, to null above all, is a fault like others.
 */
.globl probe_execute
probe_execute:
	movq	%rdi, probe_execute_target(%rip)
	movb	$1, probe_execute_active(%rip)
	call	*%rdi
	movb	$0, probe_execute_active(%rip)
	xorl	%eax, %eax
	ret
.globl probe_execute_failed
probe_execute_failed:
	addq	$8, %rsp		/* the call's return address */
probe_failed:
	movl	$-14, %eax		/* -EFAULT */
	ret

.bss
.balign 8
.globl probe_execute_target
probe_execute_target:
	.quad	0
.globl probe_execute_active
probe_execute_active:
	.byte	0

.section .note.GNU-stack, "", @progbits
