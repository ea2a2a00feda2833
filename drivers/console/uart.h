/* SPDX-License-Identifier: MIT */
/*
 * One 16550 UART as a console. Where its registers lie is told once; nobody
 * else says port or MMIO. What it holds is per UART, so there may be several.
 *
 *	struct uart u = { .setup = { { UART_PORTS, 0x2f8 }, 115200, UART_CLOCK },
 *			  .line = UART_LINE_ISA, .line_number = 3 };
 *	if (uart_start(&u, NULL))
 *		console_register(&u.console);
 *
 * The UART is not trusted: one that is never ready, that always has input, or
 * that always interrupts costs a bounded time, and the kernel lives on.
 */
#pragma once

#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/loop.h"

enum {
	UART_CLOCK = 1843200,		/* Hz: what a PC's UARTs run at */
	UART_REGISTERS = 8,
	UART_INPUT_SIZE = 256,
	UART_NAME_MAX = 32,
};

/* How the registers are reached; MMIO: one byte apart, or each in 32 bits of its own. */
enum uart_kind { UART_PORTS, UART_MMIO, UART_MMIO32 };

/* Where they are. */
struct uart_place {
	enum uart_kind kind;
	uint64_t base;			/* port number or physical address */
};

struct uart_setup {
	struct uart_place place;
	uint32_t baud;			/* 0: as it is */
	uint32_t clock;			/* Hz; 0: UART_CLOCK */
};

enum uart_line { UART_LINE_NONE, UART_LINE_ISA, UART_LINE_GSI };

struct mmio;
struct uart;

/* Access to registers 0 to 7. */
struct uart_access {
	uint8_t (*read)(const struct uart *u, unsigned r);
	void (*write)(const struct uart *u, unsigned r, uint8_t v);
	/* Writes bytes to register 0, one after the other. */
	void (*fill)(const struct uart *u, const char *bytes, size_t len);
};

struct uart {
	/* The owner sets these. */
	struct uart_setup setup;
	enum uart_line line;		/* whether there is an interrupt, and what its number is */
	uint32_t line_number;

	/* uart.c's. */
	struct console console;
	const struct uart_access *access;
	struct mmio *registers;
	struct irq irq;
	struct poller poller;
	struct work work;
	char name[UART_NAME_MAX];
	unsigned room;			/* bytes that fit without another look */
	unsigned depth;
	bool stalled;			/* not ready for so long that nobody waits */
	bool forgiven;			/* it was waited for once more since it was ready */
	uint64_t dropped;		/* bytes of output */

	/* Input that was taken from the UART; the indices run on, and wrap. */
	uint8_t input[UART_INPUT_SIZE];
	unsigned head, tail;
	bool full;			/* input was left in the UART, the interrupt is off */
	bool interrupts;		/* they were seen */
	unsigned overruns;		/* told in the log, too */
	unsigned overruns_told;
};

/*
 * The divisor for this speed, or 0 if what this clock makes of it is more than
 * 3 % off: a byte of 10 bits is not read right then.
 */
uint16_t uart_divisor(uint32_t clock, uint32_t baud);

/* Bytes of address space from place.base on that its registers take. */
size_t uart_span(enum uart_kind kind);

/* "port 0x2f8", "mmio32 0xfe000000"; as format(). */
int uart_place_describe(const struct uart_place *p, char *buf, size_t size);

/*
 * Looks whether a UART answers, and if so sets it up; u->console is then ready
 * to be registered. `registers` are those of an MMIO one, mapped; NULL for ports.
 * False: nothing answers there like one; u is as it was.
 */
bool uart_start(struct uart *u, struct mmio *registers);

/* Another speed, of one that was started. uart_divisor() has to have one for it. */
void uart_set_speed(struct uart *u, uint32_t baud, uint32_t clock);
