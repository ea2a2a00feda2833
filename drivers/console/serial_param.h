/* SPDX-License-Identifier: MIT */
/*
 * The words that name a serial console on the command line, as Linux has them
 * (its kernel-parameters.txt, console= and earlycon=):
 *
 *	ttyS1[,115200[n[8]]]				COM2
 *	uart[8250],io,0x2f8[,115200[n[8]][,CLOCK]]	any ports
 *	uart[8250],mmio,0xfe000000[,...]		registers one byte apart
 *	uart[8250],mmio32,0xfe000000[,...]		registers of 32 bits
 *
 * CLOCK is in Hz. Of ttyS without a speed the configured one is meant; of uart
 * that which firmware left. Pure.
 */
#pragma once

#include "drivers/console/uart.h"

/* NULL, or what is wrong with the word, which *out is then not to be used for. */
const char *serial_parse(const char *word, struct uart_setup *out);

/*
 * NULL, or why there can be no UART: ports that the machine needs for itself,
 * an address that is not aligned or wraps, a speed that its clock does not make.
 */
const char *serial_problem(const struct uart_setup *s);

/* Whether they share an address. */
bool serial_overlaps(const struct uart_place *a, const struct uart_place *b);

enum { SERIAL_NO_ISA = 16 };

/* The ISA interrupt that goes with these ports; SERIAL_NO_ISA for unusual ones. */
unsigned serial_isa_number(const struct uart_place *p);
