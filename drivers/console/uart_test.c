// SPDX-License-Identifier: MIT
/* The UART on the host, against one of registers that does as a test says. */
#include "drivers/console/uart.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/host_io.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum { PORT = 0x2f8, OUT_MAX = 4096, THRE = 0x20, TEMT = 0x40, READY = 0x01, OVERRUN = 0x02 };

/* A 16550: registers in any of the three ways; its vices are off by default. */
struct fake_uart {
	struct host_registers io;
	unsigned stride;
	unsigned width;			/* of the accesses that are right */
	uint8_t scratch, lcr, ier;
	uint16_t divisor;
	char out[OUT_MAX];
	unsigned out_len;
	unsigned lost;			/* written while there was no room */
	unsigned room;			/* of the FIFO, since the last look */
	const char *in;
	unsigned wrong;			/* accesses of another width */

	bool never_ready;
	bool endless;			/* always has input */
	bool always_interrupts;
	bool no_scratch;
	bool no_fifo;
	unsigned sending;		/* looks at the line status until all is out */
	unsigned reads;			/* of the line status */
};

static uint32_t lsr(struct fake_uart *f)
{
	f->reads++;
	if (!f->never_ready)
		f->room = f->no_fifo ? 1 : 16;
	f->sending -= f->sending > 0;
	return (f->never_ready ? 0 : f->sending ? THRE : THRE | TEMT) |
	       (f->endless || (f->in && *f->in) ? READY : 0);
}

static uint32_t fake_read(struct host_registers *r, size_t offset, unsigned width)
{
	struct fake_uart *f = container_of(r, struct fake_uart, io);

	f->wrong += width != f->width || offset % f->stride != 0;
	switch (offset / f->stride) {
	case 0:
		return f->endless ? 'x' : f->in && *f->in ? (uint8_t)*f->in++ : 0;
	case 1:
		return f->ier;
	case 2:
		return (f->no_fifo ? 0 : 0xc0) | !f->always_interrupts;
	case 3:
		return f->lcr;
	case 5:
		return lsr(f);
	case 7:
		return f->no_scratch ? 0xff : f->scratch;
	}
	return 0;
}

static void take(struct fake_uart *f, char c)
{
	f->lost += f->room == 0;
	f->room -= f->room > 0;
	if (f->out_len < OUT_MAX)
		f->out[f->out_len++] = c;
}

static void fake_write(struct host_registers *r, size_t offset, unsigned width, uint32_t v)
{
	struct fake_uart *f = container_of(r, struct fake_uart, io);
	bool dlab = f->lcr & 0x80;

	f->wrong += width != f->width || offset % f->stride != 0;
	switch (offset / f->stride) {
	case 0:
		if (dlab)
			f->divisor = (uint16_t)((f->divisor & 0xff00) | v);
		else
			take(f, (char)v);
		break;
	case 1:
		if (dlab)
			f->divisor = (uint16_t)((f->divisor & 0xff) | v << 8);
		else
			f->ier = (uint8_t)v;
		break;
	case 3:
		f->lcr = (uint8_t)v;
		break;
	case 7:
		f->scratch = (uint8_t)v;
		break;
	}
}

/* A UART and the driver's view of it, of this kind; not started. */
static void begin(struct fake_uart *f, struct uart *u, enum uart_kind kind)
{
	static uint8_t window[UART_REGISTERS * sizeof(uint32_t)];

	*f = (struct fake_uart){ .stride = kind == UART_MMIO32 ? 4 : 1 };
	f->width = f->stride;
	f->io.ports = kind == UART_PORTS;
	f->io.base = kind == UART_PORTS ? PORT : (uintptr_t)window;
	f->io.len = uart_span(kind);
	f->io.read = fake_read;
	f->io.write = fake_write;
	host_registers_add(&f->io);
	*u = (struct uart){ .setup = { { kind, f->io.base }, 9600, 0 } };
}

static bool start(struct uart *u)
{
	bool ports = u->setup.place.kind == UART_PORTS;

	return uart_start(u, ports ? NULL : (struct mmio *)(uintptr_t)u->setup.place.base);
}

static void say(struct uart *u, const char *text)
{
	u->console.write(&u->console, text, strlen(text));
}

static bool said(const struct fake_uart *f, const char *text)
{
	return f->out_len == strlen(text) && memcmp(f->out, text, f->out_len) == 0;
}

KTEST(uart_of_every_kind_says_what_it_is_told)
{
	for (enum uart_kind kind = UART_PORTS; kind <= UART_MMIO32; kind++) {
		struct fake_uart f;
		struct uart u;

		begin(&f, &u, kind);
		require(t, start(&u));
		expect_eq(t, f.divisor, 12);
		expect_eq(t, f.lcr, 3);
		say(&u, "one\ntwo, and more than a FIFO holds at once\n");
		expect(t, said(&f, "one\r\ntwo, and more than a FIFO holds at once\r\n"));
		f.in = "ls\r";
		expect_eq(t, u.console.read(&u.console), 'l');
		expect_eq(t, u.console.read(&u.console), 's');
		expect_eq(t, u.console.read(&u.console), '\r');
		expect_eq(t, u.console.read(&u.console), -EAGAIN);
		expect_eq(t, f.wrong, 0);
		expect_eq(t, f.lost, 0);
		host_registers_remove(&f.io);
	}
}

KTEST(uart_looks_before_each_byte_where_there_is_no_fifo)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_PORTS);
	f.no_fifo = true;
	require(t, start(&u));
	f.reads = 0;
	say(&u, "twelve bytes");
	expect(t, said(&f, "twelve bytes"));
	expect_eq(t, f.lost, 0);
	expect_eq(t, f.reads, 12);
	host_registers_remove(&f.io);
}

KTEST(uart_that_is_never_ready_is_waited_for_once)
{
	struct fake_uart f;
	struct uart u;
	unsigned after;

	begin(&f, &u, UART_PORTS);
	f.never_ready = true;
	require(t, start(&u));
	say(&u, "hello\n");
	expect_eq(t, f.out_len, 0);
	expect_eq(t, u.dropped, 7);
	after = f.reads;
	for (unsigned i = 0; i < 1000; i++)
		say(&u, "hello\n");
	expect_eq(t, f.out_len, 0);
	expect_eq(t, u.dropped, 7007);
	expect(t, f.reads - after <= 2000);	/* a look for each piece, no wait */
	f.never_ready = false;
	say(&u, "back\n");
	expect(t, said(&f, "back\r\n"));
	host_registers_remove(&f.io);
}

KTEST(uart_has_sent_all_before_the_machine_is_left)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_MMIO32);
	require(t, start(&u));
	say(&u, "last words\n");
	f.sending = 100;
	u.console.flush(&u.console);
	expect_eq(t, f.sending, 0);
	/* One that never says so, and one that stopped before. */
	f.sending = UINT_MAX;
	u.console.flush(&u.console);
	f.never_ready = true;
	say(&u, "more than there is room for");
	f.reads = 0;
	u.console.flush(&u.console);
	expect_eq(t, f.reads, 0);
	host_registers_remove(&f.io);
}

KTEST(uart_with_endless_input_leaves_it_when_full)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_PORTS);
	require(t, start(&u));
	f.endless = true;
	for (unsigned i = 0; i < 3 * UART_INPUT_SIZE; i++)
		expect_eq(t, u.console.read(&u.console), 'x');
	expect(t, u.head - u.tail <= UART_INPUT_SIZE);
	say(&u, "alive");
	expect(t, said(&f, "alive"));
	host_registers_remove(&f.io);
}

KTEST(uart_that_always_interrupts_is_left_again)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_PORTS);
	require(t, start(&u));
	f.always_interrupts = true;
	expect(t, u.irq.handle(&u.irq));
	f.always_interrupts = false;
	expect(t, !u.irq.handle(&u.irq));
	work_cancel(&u.work);
	host_registers_remove(&f.io);
}

KTEST(uart_without_scratch_memory_is_none)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_PORTS);
	f.no_scratch = true;
	expect(t, !start(&u));
	host_registers_remove(&f.io);
	expect(t, !start(&u));		/* ports of nobody read as all ones */
}

KTEST(uart_divisor_is_within_three_percent)
{
	unsigned wrong = 0, none = 0;

	expect_eq(t, uart_divisor(UART_CLOCK, 115200), 1);
	expect_eq(t, uart_divisor(UART_CLOCK, 9600), 12);
	expect_eq(t, uart_divisor(UART_CLOCK, 230400), 0);
	expect_eq(t, uart_divisor(UART_CLOCK, 1), 0);
	expect_eq(t, uart_divisor(UART_CLOCK, 0), 0);
	expect_eq(t, uart_divisor(0, 9600), 0);
	expect_eq(t, uart_divisor(48000000, 115200), 26);
	for (unsigned i = 0; i < 10000; i++) {
		uint32_t clock = (uint32_t)ktest_random(t), baud = (uint32_t)ktest_random(t) >> 8;
		double divisor = uart_divisor(clock, baud);
		double made = divisor ? clock / 16.0 / divisor : 0;

		none += divisor == 0;
		wrong += divisor && (made < baud * 0.96 || made > baud * 1.04);
	}
	expect_eq(t, wrong, 0);
	expect(t, none > 0 && none < 10000);
}

KTEST(uart_takes_another_speed)
{
	struct fake_uart f;
	struct uart u;

	begin(&f, &u, UART_PORTS);
	u.setup.baud = 0;
	f.divisor = 0x1234;
	require(t, start(&u));
	expect_eq(t, f.divisor, 0x1234);	/* 0: as firmware left it */
	uart_set_speed(&u, 57600, 0);
	expect_eq(t, f.divisor, 2);
	uart_set_speed(&u, 115200, 48000000);
	expect_eq(t, f.divisor, 26);
	expect_eq(t, f.lcr, 3);
	host_registers_remove(&f.io);
}
