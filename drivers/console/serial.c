// SPDX-License-Identifier: MIT
/*
 * 16550 UART. A byte is written only when the transmitter has room: one look
 * at the line status serves a whole FIFO. Where the transmitter is not ready
 * within the bound (a reader that stopped, a line without a peer), output is
 * dropped without further waiting until it is ready again; input goes on.
 */
#include <asm/io.h>

#include "kernel/console.h"
#include "kernel/lib/errno.h"
#include "kernel/wait.h"


/* PC16550D data sheet, table II. */
enum uart_register {
	UART_DATA = 0,
	UART_DIVISOR_LOW = 0,	/* with LCR_DLAB */
	UART_IER = 1,
	UART_DIVISOR_HIGH = 1,	/* with LCR_DLAB */
	UART_IIR = 2,
	UART_FCR = 2,
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_SCR = 7,
};

enum uart_bits {
	IIR_FIFOS = 0xc0,
	FCR_ENABLE = BIT(0),
	FCR_CLEAR = BIT(1) | BIT(2),
	LCR_8N1 = 0x03,
	LCR_DLAB = BIT(7),
	MCR_DTR_RTS_OUT2 = BIT(0) | BIT(1) | BIT(3),
	LSR_DATA_READY = BIT(0),
	LSR_THRE = BIT(5),
};

enum { CLOCK = 115200, FIFO_DEPTH = 16 };
static_assert(CLOCK % CONFIG_SERIAL_BAUD == 0, "CONFIG_SERIAL_BAUD does not divide 115200");

static struct {
	unsigned room;		/* bytes that fit without another look */
	unsigned depth;
	bool stalled;		/* not ready for so long that nobody waits */
} uart;

static uint8_t uart_read(enum uart_register r)
{
	return inb(CONFIG_SERIAL_PORT + r);
}

static void uart_write(enum uart_register r, uint8_t v)
{
	outb(CONFIG_SERIAL_PORT + r, v);
}

static bool is_ready(void)
{
	return uart_read(UART_LSR) & LSR_THRE;
}

static bool wait_for_room(void)
{
	bool ready = is_ready();

	if (!ready && !uart.stalled) {
		struct wait w;

		wait_begin(&w, WAIT_DEVICE);
		while (!is_ready() && wait_turn(&w))
			;
		wait_end(&w);
		ready = is_ready();
	}
	uart.stalled = !ready;
	if (ready)
		uart.room = uart.depth;
	return ready;
}

static void put(char c)
{
	if (uart.room == 0 && !wait_for_room())
		return;
	uart.room--;
	uart_write(UART_DATA, (uint8_t)c);
}

static void serial_write(struct console *c __unused, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
}

static int serial_read(struct console *c __unused)
{
	if (!(uart_read(UART_LSR) & LSR_DATA_READY))
		return -EAGAIN;
	return uart_read(UART_DATA);
}

static struct console serial = {
	.name = "serial",
	.write = serial_write,
	.read = serial_read,
};

/* A UART keeps what is written to its scratch register; an empty port does not. */
static bool is_present(void)
{
	static const uint8_t patterns[] = { 0x5a, 0xa5 };

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		uart_write(UART_SCR, patterns[i]);
		if (uart_read(UART_SCR) != patterns[i])
			return false;
	}
	return true;
}

static void serial_init(void)
{
	const uint16_t divisor = CLOCK / CONFIG_SERIAL_BAUD;

	if (!is_present())
		return;
	uart_write(UART_IER, 0);
	uart_write(UART_LCR, LCR_DLAB);
	uart_write(UART_DIVISOR_LOW, divisor & 0xff);
	uart_write(UART_DIVISOR_HIGH, divisor >> 8);
	uart_write(UART_LCR, LCR_8N1);
	uart_write(UART_FCR, FCR_ENABLE | FCR_CLEAR);
	uart_write(UART_MCR, MCR_DTR_RTS_OUT2);
	uart.depth = (uart_read(UART_IIR) & IIR_FIFOS) == IIR_FIFOS ? FIFO_DEPTH : 1;
	console_register(&serial);
}

CONSOLE_EARLY(serial, serial_init);
