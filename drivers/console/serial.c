// SPDX-License-Identifier: MIT
/*
 * 16550 UART. A byte is written only when the transmitter has room: one look
 * at the line status serves a whole FIFO. Where the transmitter is not ready
 * within the bound (a reader that stopped, a line without a peer), output is
 * dropped without further waiting until it is ready again; input goes on. The
 * first byte of input after a stall says that the other end lives, and may be
 * about to read: it is waited for once more.
 *
 * Input waits in a ring until it is read. It is taken there by the receiver's
 * interrupt if that was seen to work, else by the loop's polling. Where the
 * ring is full input stays in the UART, with its interrupt off, so that the
 * other end is held up where it can be, and an overrun counted where not.
 */
#include <asm/io.h>

#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/lib/errno.h"
#include "kernel/loop.h"
#include "kernel/wait.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

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
	IER_RECEIVED = BIT(0),
	IER_THRE = BIT(1),
	IIR_NONE = BIT(0),
	IIR_FIFOS = 0xc0,
	FCR_ENABLE = BIT(0),
	FCR_CLEAR = BIT(1) | BIT(2),
	LCR_8N1 = 0x03,
	LCR_DLAB = BIT(7),
	MCR_DTR_RTS_OUT2 = BIT(0) | BIT(1) | BIT(3),
	LSR_DATA_READY = BIT(0),
	LSR_OVERRUN = BIT(1),
	LSR_THRE = BIT(5),
};

enum { CLOCK = 115200, FIFO_DEPTH = 16, RING_SIZE = 256, CAUSES_MAX = 16 };
static_assert(CLOCK % CONFIG_SERIAL_BAUD == 0, "CONFIG_SERIAL_BAUD does not divide 115200");

static struct {
	unsigned room;		/* bytes that fit without another look */
	unsigned depth;
	bool stalled;		/* not ready for so long that nobody waits */
	bool forgiven;		/* it was waited for once more since it was ready */
} uart;

/* Input that was taken from the UART; the indices run on, and wrap. */
static struct {
	uint8_t bytes[RING_SIZE];
	unsigned head, tail;
	bool full;		/* input was left in the UART, the interrupt is off */
	bool interrupts;	/* they were seen */
	unsigned overruns;	/* told in the log, too */
	unsigned overruns_told;
} input;

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
	if (ready) {
		uart.room = uart.depth;
		uart.forgiven = false;
	}
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

static void forgive_stall(void)
{
	if (!uart.stalled || uart.forgiven)
		return;
	uart.stalled = false;
	uart.forgiven = true;
}

/* Takes what the UART has, as far as there is room. Returns whether there was any. */
static bool take_input(void)
{
	unsigned before = input.head;

	while (input.head - input.tail < RING_SIZE) {
		uint8_t status = uart_read(UART_LSR);

		input.overruns += (status & LSR_OVERRUN) != 0;
		if (!(status & LSR_DATA_READY))
			return input.head != before;
		input.bytes[input.head++ % RING_SIZE] = uart_read(UART_DATA);
		forgive_stall();
	}
	input.full = true;
	uart_write(UART_IER, 0);
	return input.head != before;
}

static int serial_read(struct console *c __unused)
{
	int byte;

	/* Taking what an interrupt is under way for would leave that to be nobody's. */
	if (input.head == input.tail && !input.interrupts)
		take_input();
	if (input.head == input.tail)
		return -EAGAIN;
	byte = input.bytes[input.tail++ % RING_SIZE];
	if (input.full && input.head == input.tail) {
		input.full = false;
		if (input.interrupts)
			uart_write(UART_IER, IER_RECEIVED);
	}
	return byte;
}

/* Wakes whoever waits for input: the loop does not halt after it has run this. */
static void input_came(struct work *w __unused)
{
	if (input.overruns == input.overruns_told)
		return;
	input.overruns_told = input.overruns;
	log_warn("serial line: input lost, %u overruns so far", input.overruns);
}

static struct work input_work = { .run = input_came };

/*
 * The line is an edge: it comes again only if it was released, so every cause
 * there is has to be met. Reading the cause is what acknowledges THRE.
 */
static bool serial_interrupt(struct irq *irq __unused)
{
	unsigned causes = 0;

	while (causes < CAUSES_MAX && !(uart_read(UART_IIR) & IIR_NONE)) {
		causes++;
		take_input();
	}
	if (causes)
		work_post(&input_work);
	return causes > 0;
}

static bool serial_poll(struct poller *p __unused)
{
	return take_input();
}

static struct irq serial_irq = { .name = "serial line", .handle = serial_interrupt };
static struct poller serial_poller = { .poll = serial_poll };

/* The ISA interrupt that goes with the port; ISA_NONE for an unusual one. */
static unsigned isa_number(void)
{
	enum { COM1 = 0x3f8, COM2 = 0x2f8, COM3 = 0x3e8, COM4 = 0x2e8, ISA_NONE = 16 };

	switch (CONFIG_SERIAL_PORT) {
	case COM1:
	case COM3:
		return 4;
	case COM2:
	case COM4:
		return 3;
	}
	return ISA_NONE;
}

/* The transmitter is empty sooner or later: that is an interrupt that can be made. */
static bool serial_prove(void)
{
	if (irq_connect_isa(&serial_irq, isa_number()))
		return false;
	uart_write(UART_IER, IER_THRE);
	input.interrupts = irq_prove(&serial_irq, serial_irq.count);
	uart_write(UART_IER, input.interrupts && !input.full ? IER_RECEIVED : 0);
	return input.interrupts;
}

static void serial_connect(struct console *c __unused)
{
	if (!serial_prove())
		poller_add(&serial_poller);
}

static struct console serial = {
	.name = "serial",
	.write = serial_write,
	.read = serial_read,
	.connect = serial_connect,
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
