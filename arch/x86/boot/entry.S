/* SPDX-License-Identifier: MIT */
/*
 * The two entries and the way into long mode. Both protocols enter in 32-bit
 * protected mode without paging, interrupts off (a loader that left paging
 * on, with four levels or five, is forgiven if it maps us where we are):
 *
 *	Multiboot2 (3.3, I386 machine state): eax = 0x36d76289, ebx = boot information
 *	PVH: ebx = struct hvm_start_info
 *
 * The image may lie anywhere below 4 GiB, on any page. Until the jump to its
 * linked address nothing here is addressed but relative to ebp.
 */
#include "arch/x86/layout.h"

#define MULTIBOOT2_BOOTLOADER_MAGIC	0x36d76289

#define CR0_PE		(1 << 0)
#define CR0_MP		(1 << 1)
#define CR0_ET		(1 << 4)
#define CR0_NE		(1 << 5)
#define CR0_WP		(1 << 16)
#define CR0_PG		(1 << 31)
#define CR4_PAE		(1 << 5)
#define CR4_LA57	(1 << 12)
#define MSR_EFER	0xc0000080
#define EFER_LME	(1 << 8)
#define PTE_PRESENT	(1 << 0)
#define PTE_WRITE	(1 << 1)
#define PTE_LARGE	(1 << 7)

#define UART_DATA	0
#define UART_LSR	5
#define UART_LSR_THRE	(1 << 5)

/* Where a symbol lies within the image, wherever that was loaded. */
#define IMAGE_OFFSET(symbol)	(symbol - (KERNEL_BASE + CONFIG_LOAD_ADDRESS))

/* Physical address of boot table `n`, into `reg`. */
.macro boot_table n, reg
	leal	(IMAGE_OFFSET(boot_tables) + \n * PAGE_SIZE)(%ebp), \reg
.endm

/* Makes entry `index` of a boot table refer to another. Uses eax, edi. */
.macro link table, index, target
	boot_table \table, %edi
	boot_table (\target), %eax
	orl	$(PTE_PRESENT | PTE_WRITE), %eax
	movl	%eax, ((\index) * 8)(%edi)
.endm

.section .text.entry, "ax", @progbits
.code32

.globl multiboot2_entry
multiboot2_entry:
	movl	$1, %edi
	cmpl	$MULTIBOOT2_BOOTLOADER_MAGIC, %eax
	je	find_base
	/*
	 * Nobody vouches for ebx. Borrow a word of conventional memory to learn
	 * where we are, so that the refusal can be printed.
	 */
	movl	$0x7ff8, %ecx
	jmp	find_base_at_ecx

.globl pvh_entry
pvh_entry:
	movl	$2, %edi
	xorl	%eax, %eax

/* edi = protocol, eax = magic. There is no stack: borrow four bytes of the boot information. */
find_base:
	movl	%ebx, %ecx
find_base_at_ecx:
	cld
	movl	4(%ecx), %edx
	leal	8(%ecx), %esp
	call	1f
1:	popl	%ebp
	movl	%edx, 4(%ecx)
	subl	$IMAGE_OFFSET(1b), %ebp
	leal	IMAGE_OFFSET(stack_top)(%ebp), %esp
	movl	%eax, %esi
	rdtsc
	pushl	%edx			/* struct boot_handover, from its end */
	pushl	%eax
	pushl	$0
	pushl	%ebp
	pushl	$0
	pushl	%ebx
	pushl	%esi
	pushl	%edi

	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000001, %eax
	jb	no_long_mode
	movl	$0x80000001, %eax
	cpuid
	btl	$29, %edx
	jnc	no_long_mode

	/* Clear the tables. */
	boot_table 0, %edi
	movl	$(BOOT_TABLE_PAGES * PAGE_SIZE / 4), %ecx
	xorl	%eax, %eax
	rep stosl

	/* Identity: the 2 MiB page that holds the image's first page. */
	link	BOOT_TABLE_PML4, 0, BOOT_TABLE_LOW_PDPT
	boot_table BOOT_TABLE_LOW_PDPT, %edi
	boot_table BOOT_TABLE_LOW_PD, %eax
	orl	$(PTE_PRESENT | PTE_WRITE), %eax
	movl	%ebp, %ecx
	shrl	$30, %ecx
	movl	%eax, (%edi, %ecx, 8)
	boot_table BOOT_TABLE_LOW_PD, %edi
	movl	%ebp, %ecx
	shrl	$21, %ecx
	movl	%ecx, %eax
	shll	$21, %eax
	andl	$511, %ecx
	orl	$(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
	movl	%eax, (%edi, %ecx, 8)

	/* The top 2 GiB: the image's page tables and the window's. */
	link	BOOT_TABLE_PML4, 511, BOOT_TABLE_HIGH_PDPT
	link	BOOT_TABLE_HIGH_PDPT, 510, BOOT_TABLE_HIGH_PD
	link	BOOT_TABLE_HIGH_PD, 511, BOOT_TABLE_WINDOW
	.set	n, 0
.rept BOOT_TABLE_IMAGE_COUNT
	link	BOOT_TABLE_HIGH_PD, CONFIG_LOAD_ADDRESS / 0x200000 + n, BOOT_TABLE_IMAGE + n
	.set	n, n + 1
.endr

	/* The image, all rights; paging_protect_image() takes them away. */
	boot_table BOOT_TABLE_IMAGE, %edi
	addl	$(CONFIG_LOAD_ADDRESS / PAGE_SIZE % 512 * 8), %edi
	leal	(PTE_PRESENT | PTE_WRITE)(%ebp), %eax
	leal	IMAGE_OFFSET(image_end)(%eax), %ecx
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$PAGE_SIZE, %eax
	cmpl	%ecx, %eax
	jb	1b

	/*
	 * What the jump needs while only the first page is identity-mapped: the
	 * descriptor table, and the far pointer, which therefore lies in it.
	 */
	leal	IMAGE_OFFSET(boot_gdt)(%ebp), %eax
	movw	$(boot_gdt_end - boot_gdt - 1), -8(%esp)
	movl	%eax, -6(%esp)
	lgdt	-8(%esp)
	leal	IMAGE_OFFSET(entry64)(%ebp), %eax
	movl	%eax, IMAGE_OFFSET(entry64_pointer)(%ebp)

	/*
	 * CR4 and CR0 are written whole: what firmware left there is not ours.
	 * PAE and LA57 can only go once paging is off (SDM vol. 3A, 2.5), and
	 * that only once PCIDE is clear.
	 */
	movl	%cr4, %eax
	andl	$(CR4_PAE | CR4_LA57), %eax
	movl	%eax, %cr4
	movl	$(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP), %eax
	movl	%eax, %cr0
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	boot_table BOOT_TABLE_PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_LME, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	movl	%eax, %cr0
	ljmpl	*IMAGE_OFFSET(entry64_pointer)(%ebp)

no_long_mode:
.if ENTRY_SERIAL_PORT
	leal	IMAGE_OFFSET(no_long_mode_text)(%ebp), %esi
1:	movl	$0x100000, %ecx		/* bound for a transmitter that is never ready */
2:	movw	$(ENTRY_SERIAL_PORT + UART_LSR), %dx
	inb	%dx, %al
	testb	$UART_LSR_THRE, %al
	jnz	3f
	decl	%ecx
	jnz	2b
3:	lodsb
	testb	%al, %al
	jz	4f
	movw	$(ENTRY_SERIAL_PORT + UART_DATA), %dx
	outb	%al, %dx
	jmp	1b
4:
.endif
.if ENTRY_DEBUG_EXIT_PORT
	movw	$ENTRY_DEBUG_EXIT_PORT, %dx
	movb	$0x11, %al
	outb	%al, %dx
.endif
5:	hlt
	jmp	5b

no_long_mode_text:
	.asciz "panic: this processor has no long mode (64-bit); Cairn needs it\r\n"

.code64
entry64:
	xorl	%eax, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movabsq	$entry_high, %rax
	jmp	*%rax

.balign 8
entry64_pointer:
	.long	0
	.word	SELECTOR_CODE
.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9a000000ffff	/* 64-bit code */
boot_gdt_end:

.text
entry_high:
	movq	$bss_start, %rdi
	movq	$bss_end, %rcx
	subq	%rdi, %rcx
	shrq	$3, %rcx
	xorl	%eax, %eax
	rep stosq
	/* The hand-over record lies at the top of the stack; keep it there. */
	movq	$(stack_top - 32), %rdi
	movq	%rdi, boot_handover_record(%rip)
	leaq	-16(%rdi), %rsp
	xorl	%ebp, %ebp		/* the last frame of a backtrace */
	call	kmain
	ud2

/* Multiboot2 header (3.1.1). */
.section .multiboot2, "a", @progbits
.balign 8
header:
	.long	0xe85250d6
	.long	0			/* i386, protected mode */
	.long	header_end - header
	.long	-(0xe85250d6 + 0 + (header_end - header))

	.balign 8			/* entry address (3.1.6), physical as linked */
	.word	3, 0
	.long	12
	.long	multiboot2_entry - KERNEL_BASE
	.balign 8			/* information request (3.1.4), optional */
	.word	1, 1
	.long	8 + 4 * 8
	.long	1, 2, 3, 6, 8, 14, 15, 17
	.balign 8			/* framebuffer (3.1.10), optional: a wish */
	.word	5, 1
	.long	20
	.long	1024, 768, 32
	.balign 8			/* modules on page boundaries (3.1.11) */
	.word	6, 0
	.long	8
	.balign 8			/* relocatable (3.1.14): any page, low ones first */
	.word	10, 0
	.long	24
	.long	0x100000, 0xffffffff, PAGE_SIZE, 1
	.balign 8
	.word	0, 0
	.long	8
header_end:

/* XEN_ELFNOTE_PHYS32_ENTRY: the PVH entry, a physical address. */
.section .note.Xen, "a", @note
.balign 4
	.long	4
	.long	8
	.long	18
	.asciz	"Xen"
	.quad	pvh_entry - KERNEL_BASE

.section .note.GNU-stack, "", @progbits
