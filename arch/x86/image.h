/* SPDX-License-Identifier: MIT */
/* Symbols of the linker script (arch/x86/kernel.lds.S); use their addresses. */
#pragma once

extern char image_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], ro_after_init_end[];
extern char bss_start[], bss_end[];
extern char boot_tables[];
extern char stack_guard[], stack_bottom[], stack_top[];
extern char stack_double_fault_guard[], stack_double_fault_bottom[], stack_double_fault_top[];
extern char stack_nmi_guard[], stack_nmi_bottom[], stack_nmi_top[];
extern char stack_machine_check_guard[], stack_machine_check_bottom[], stack_machine_check_top[];
extern char image_end[];
extern const char build_id_note[];
