/* SPDX-License-Identifier: MIT */
/*
 * The image: linked in the top 2 GiB, loaded at CONFIG_LOAD_ADDRESS or
 * wherever the boot loader moves it. Groups of different rights begin on
 * pages of their own; arch/x86/paging.c:paging_protect_image() gives each its
 * rights by the symbols defined here.
 */
#include "arch/x86/layout.h"

OUTPUT_FORMAT(elf64-x86-64)
OUTPUT_ARCH(i386:x86-64)
/* GRUB wants it inside a segment; where to jump is in the header's entry tag. */
ENTRY(multiboot2_entry)

PHDRS
{
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
	note PT_NOTE FLAGS(4);
}

#define TABLE(name) \
	__start_##name = .; \
	KEEP(*(name)) \
	__stop_##name = .;

/* A stack of `size` bytes above an unmapped page. */
#define STACK(name, size) \
	. = ALIGN(PAGE_SIZE); \
	name##_guard = .; \
	. += PAGE_SIZE; \
	name##_bottom = .; \
	. += size; \
	name##_top = .;

SECTIONS
{
	. = KERNEL_BASE + CONFIG_LOAD_ADDRESS;
	image_start = .;

	.text : AT(ADDR(.text) - KERNEL_BASE) {
		KEEP(*(.multiboot2))
		KEEP(*(.text.entry))
		entry_end = .;
		*(.text .text.*)
	} :text
	text_end = .;

	. = ALIGN(PAGE_SIZE);
	rodata_start = .;
	.rodata : AT(ADDR(.rodata) - KERNEL_BASE) {
		*(.rodata .rodata.*)
		. = ALIGN(8);
		TABLE(log_subsystems)
		TABLE(shell_commands)
		TABLE(cmdline_params)
		TABLE(console_early)
		TABLE(owner_sources)
#ifdef CONFIG_VIRTIO
		TABLE(virtio_drivers)
#endif
		TABLE(power_ways)
		TABLE(ktests)
		TABLE(ktest_injectors)
		TABLE(benches)
		TABLE(fault_fixups)
#ifdef CONFIG_SHELL
		TABLE(crash_kinds)
#endif
		/* Empty at the first link; behind all text, so that none moves at the second. */
		. = ALIGN(8);
		symbol_table = .;
		KEEP(*(.symbols))
		symbol_table_end = .;
	} :rodata
	.note : AT(ADDR(.note) - KERNEL_BASE) {
		KEEP(*(.note.Xen))
		build_id_note = .;
		KEEP(*(.note.gnu.build-id))
		KEEP(*(.note.Cairn))
	} :rodata :note
	rodata_end = .;

	. = ALIGN(PAGE_SIZE);
	data_start = .;
	.data.ro_after_init : AT(ADDR(.data.ro_after_init) - KERNEL_BASE) {
		*(.data.ro_after_init)
		. = ALIGN(PAGE_SIZE);
	} :data
	ro_after_init_end = .;
	.data : AT(ADDR(.data) - KERNEL_BASE) {
		*(.data .data.*)
	} :data

	.bss : AT(ADDR(.bss) - KERNEL_BASE) {
		. = ALIGN(8);
		bss_start = .;
		*(.bss COMMON)
		. = ALIGN(8);
		bss_end = .;
	} :data

	/* Not loaded and not cleared at entry. */
	.noload (NOLOAD) : AT(ADDR(.noload) - KERNEL_BASE) {
		*(.bss.noload)
		. = ALIGN(PAGE_SIZE);
		boot_tables = .;
		. += BOOT_TABLE_PAGES * PAGE_SIZE;
		STACK(stack, CONFIG_STACK_SIZE_KB * 1024)
		STACK(stack_double_fault, IST_STACK_SIZE)
		STACK(stack_nmi, IST_STACK_SIZE)
		STACK(stack_machine_check, IST_STACK_SIZE)
		. = ALIGN(PAGE_SIZE);
	} :data
	/* Not part of a segment: loaders leave it alone. */
	.retained (NOLOAD) : AT(ADDR(.retained) - KERNEL_BASE) {
		*(.bss.retained)
		. = ALIGN(PAGE_SIZE);
	} :NONE
	image_end = .;

	/DISCARD/ : {
		*(.comment .eh_frame .note.GNU-stack .note.gnu.property)
	}
}

ASSERT((CONFIG_LOAD_ADDRESS & (PAGE_SIZE - 1)) == 0,
       "CONFIG_LOAD_ADDRESS is not a multiple of 4096")
ASSERT(entry_end - image_start <= PAGE_SIZE,
       "the entry code must lie in the first page: only that is identity-mapped")
ASSERT(image_end - image_start <= IMAGE_SIZE_MAX,
       "the image is larger than its page tables cover (arch/x86/layout.h)")
