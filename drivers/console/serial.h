/* SPDX-License-Identifier: MIT */
/*
 * The serial consoles of this machine: which UARTs there are, and who named
 * each. The configured one is there from the first line on; ports on the
 * command line once that is read; MMIO, and what firmware's SPCR names, with
 * serial_init().
 */
#pragma once

/*
 * Opens what needs memory and firmware's word: MMIO UARTs of the command line,
 * the port of SPCR. Needs acpi_init(). What cannot be is logged and left alone.
 */
void serial_init(void);
