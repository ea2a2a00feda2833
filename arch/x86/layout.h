/* SPDX-License-Identifier: MIT */
/*
 * The virtual address space, for C, assembly and the linker script.
 *
 *	0 ...			unmapped
 *	DIRECT_BASE		physical memory that the kernel owns, RW NX
 *	DEVICE_BASE		ioremap()
 *	TEST_BASE		nothing, save while a test maps something there
 *	KERNEL_BASE		the image, at KERNEL_BASE + CONFIG_LOAD_ADDRESS
 *	WINDOW_BASE		early_map(): physical memory while it is read, R NX
 *	SLOT_BASE		page tables that lie where nothing is mapped yet, RW NX
 */
#pragma once

#define KERNEL_BASE		0xffffffff80000000
#define WINDOW_BASE		0xffffffffbfe00000	/* in the last 2 MiB of the first GiB */
#define WINDOW_SIZE		0x1e0000
#define SLOT_BASE		0xffffffffbfff0000	/* behind the window, a hole between them */
#define SLOT_COUNT		8			/* pages */
#define DIRECT_BASE		0xffff800000000000
#define DIRECT_SIZE		0x0000400000000000	/* 64 TiB */
#define DEVICE_BASE		0xffffc00000000000
#define DEVICE_SIZE		0x0000001000000000	/* 64 GiB */
#define TEST_BASE		0xffffd00000000000	/* one entry of the PML4 */

#define IMAGE_SIZE_MAX		0x400000
#define IST_STACK_SIZE		0x2000

/*
 * Page tables in the image, in this order: PML4; PDPT and PD of the identity
 * mapping under which paging is turned on (gone after boot); PDPT and PD of
 * the top 2 GiB; page tables of the image (a 4 MiB image touches at most
 * three); the page table of the window and the slots.
 */
#define BOOT_TABLE_PML4		0
#define BOOT_TABLE_LOW_PDPT	1
#define BOOT_TABLE_LOW_PD	2
#define BOOT_TABLE_HIGH_PDPT	3
#define BOOT_TABLE_HIGH_PD	4
#define BOOT_TABLE_IMAGE	5
#define BOOT_TABLE_IMAGE_COUNT	3
#define BOOT_TABLE_WINDOW	8
#define BOOT_TABLE_PAGES	9

/* Selectors of the GDT. */
#define SELECTOR_CODE		0x08
#define SELECTOR_DATA		0x10
#define SELECTOR_TSS		0x18

#ifdef __ASSEMBLER__
#define PAGE_SIZE		4096

/* Ports that the entry code may use before there is C; 0: none. */
#ifdef CONFIG_SERIAL
#define ENTRY_SERIAL_PORT	CONFIG_SERIAL_PORT
#else
#define ENTRY_SERIAL_PORT	0
#endif
#ifdef CONFIG_DEBUG_EXIT
#define ENTRY_DEBUG_EXIT_PORT	CONFIG_DEBUG_EXIT_PORT
#else
#define ENTRY_DEBUG_EXIT_PORT	0
#endif
#endif
