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
#include "drivers/console/uart.h"

#include <asm/io.h>

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
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
	LSR_TEMT = BIT(6),	/* the FIFO and the shift register are empty */
};

enum {
	FIFO_DEPTH = 16,
	CAUSES_MAX = 16,
	CLOCKS_A_BIT = 16,
	SPEED_PERCENT = 3,
	MMIO32_STRIDE = 4,
	EMPTY_NS = 1000 * 1000 * 1000,	/* that a FIFO takes at 300 baud, and to spare */
};

static struct uart *of(struct console *c)
{
	return container_of(c, struct uart, console);
}

static uint8_t port_read(const struct uart *u, unsigned r)
{
	return inb((uint16_t)(u->setup.place.base + r));
}

static void port_write(const struct uart *u, unsigned r, uint8_t v)
{
	outb((uint16_t)(u->setup.place.base + r), v);
}

static void port_fill(const struct uart *u, const char *bytes, size_t len)
{
	outsb((uint16_t)(u->setup.place.base + UART_DATA), bytes, len);
}

static uint8_t mmio_read(const struct uart *u, unsigned r)
{
	return mmio_read8(u->registers, r);
}

static void mmio_write(const struct uart *u, unsigned r, uint8_t v)
{
	mmio_write8(u->registers, r, v);
}

static void mmio_fill(const struct uart *u, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		mmio_write8(u->registers, UART_DATA, (uint8_t)bytes[i]);
}

static uint8_t wide_read(const struct uart *u, unsigned r)
{
	return (uint8_t)mmio_read32(u->registers, (size_t)r * MMIO32_STRIDE);
}

static void wide_write(const struct uart *u, unsigned r, uint8_t v)
{
	mmio_write32(u->registers, (size_t)r * MMIO32_STRIDE, v);
}

static void wide_fill(const struct uart *u, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		mmio_write32(u->registers, UART_DATA, (uint8_t)bytes[i]);
}

static const struct uart_access accesses[] = {
	[UART_PORTS] = { port_read, port_write, port_fill },
	[UART_MMIO] = { mmio_read, mmio_write, mmio_fill },
	[UART_MMIO32] = { wide_read, wide_write, wide_fill },
};

uint16_t uart_divisor(uint32_t clock, uint32_t baud)
{
	uint64_t unit = (uint64_t)baud * CLOCKS_A_BIT;
	uint64_t divisor = baud ? (clock + unit / 2) / unit : 0;
	uint64_t made, off;

	if (divisor == 0 || divisor > UINT16_MAX)
		return 0;
	made = unit * divisor;
	off = made > clock ? made - clock : clock - made;
	return off * 100 > (uint64_t)clock * SPEED_PERCENT ? 0 : (uint16_t)divisor;
}

size_t uart_span(enum uart_kind kind)
{
	return kind == UART_MMIO32 ? UART_REGISTERS * MMIO32_STRIDE : UART_REGISTERS;
}

int uart_place_describe(const struct uart_place *p, char *buf, size_t size)
{
	static const char *const names[] = { "port", "mmio", "mmio32" };

	return format(buf, size, "%s 0x%llx", names[p->kind], (unsigned long long)p->base);
}

static bool is_ready(const struct uart *u)
{
	return u->access->read(u, UART_LSR) & LSR_THRE;
}

static bool wait_for_room(struct uart *u)
{
	bool ready = is_ready(u);

	if (!ready && !u->stalled) {
		struct wait w;

		wait_begin(&w, WAIT_DEVICE);
		while (!is_ready(u) && wait_turn(&w))
			;
		wait_end(&w);
		ready = is_ready(u);
	}
	u->stalled = !ready;
	if (ready) {
		u->room = u->depth;
		u->forgiven = false;
	}
	return ready;
}

/* What there is no room for is dropped. */
static void send(struct uart *u, const char *text, size_t len)
{
	while (len) {
		size_t n;

		if (u->room == 0 && !wait_for_room(u)) {
			u->dropped += len;
			return;
		}
		n = min(len, (size_t)u->room);
		u->access->fill(u, text, n);
		u->room -= (unsigned)n;
		text += n;
		len -= n;
	}
}

static void uart_console_write(struct console *c, const char *text, size_t len)
{
	struct uart *u = of(c);
	const char *end = text + len;

	while (text < end) {
		const char *line = text;

		while (text < end && *text != '\n')
			text++;
		send(u, line, (size_t)(text - line));
		if (text < end) {
			send(u, "\r\n", 2);
			text++;
		}
	}
}

/* What is still in the FIFO a reset would take with it. */
static void uart_console_flush(struct console *c)
{
	struct uart *u = of(c);
	struct wait w;

	if (u->stalled)
		return;
	wait_begin_ns(&w, EMPTY_NS);
	while (!(u->access->read(u, UART_LSR) & LSR_TEMT) && wait_turn(&w))
		;
	wait_end(&w);
}

static void forgive_stall(struct uart *u)
{
	if (!u->stalled || u->forgiven)
		return;
	u->stalled = false;
	u->forgiven = true;
}

/* Takes what the UART has, as far as there is room. Returns whether there was any. */
static bool take_input(struct uart *u)
{
	unsigned before = u->head;

	while (u->head - u->tail < UART_INPUT_SIZE) {
		uint8_t status = u->access->read(u, UART_LSR);

		u->overruns += (status & LSR_OVERRUN) != 0;
		if (!(status & LSR_DATA_READY))
			return u->head != before;
		u->input[u->head++ % UART_INPUT_SIZE] = u->access->read(u, UART_DATA);
		forgive_stall(u);
	}
	u->full = true;
	u->access->write(u, UART_IER, 0);
	return u->head != before;
}

static int uart_console_read(struct console *c)
{
	struct uart *u = of(c);
	int byte;

	/* Taking what an interrupt is under way for would leave that to be nobody's. */
	if (u->head == u->tail && !u->interrupts)
		take_input(u);
	if (u->head == u->tail)
		return -EAGAIN;
	byte = u->input[u->tail++ % UART_INPUT_SIZE];
	if (u->full && u->head == u->tail) {
		u->full = false;
		if (u->interrupts)
			u->access->write(u, UART_IER, IER_RECEIVED);
	}
	return byte;
}

/* Wakes whoever waits for input: the loop does not halt after it has run this. */
static void input_came(struct work *w)
{
	struct uart *u = container_of(w, struct uart, work);

	if (u->overruns == u->overruns_told)
		return;
	u->overruns_told = u->overruns;
	log_warn("%s: input lost, %u overruns so far", u->name, u->overruns);
}

/*
 * The line is an edge: it comes again only if it was released, so every cause
 * there is has to be met. Reading the cause is what acknowledges THRE.
 */
static bool uart_interrupt(struct irq *irq)
{
	struct uart *u = container_of(irq, struct uart, irq);
	unsigned causes = 0;

	while (causes < CAUSES_MAX && !(u->access->read(u, UART_IIR) & IIR_NONE)) {
		causes++;
		take_input(u);
	}
	if (causes)
		work_post(&u->work);
	return causes > 0;
}

static bool uart_poll(struct poller *p)
{
	return take_input(container_of(p, struct uart, poller));
}

static int connect_line(struct uart *u)
{
	switch (u->line) {
	case UART_LINE_ISA:
		return irq_connect_isa(&u->irq, u->line_number);
	case UART_LINE_GSI:
		return irq_connect_line(&u->irq, u->line_number, IRQ_LEVEL, IRQ_ACTIVE_LOW);
	case UART_LINE_NONE:
		break;
	}
	return -ENODEV;
}

/* The transmitter is empty sooner or later: that is an interrupt that can be made. */
static bool uart_prove(struct uart *u)
{
	if (connect_line(u))
		return false;
	u->access->write(u, UART_IER, IER_THRE);
	u->interrupts = irq_prove(&u->irq, u->irq.count);
	u->access->write(u, UART_IER, u->interrupts && !u->full ? IER_RECEIVED : 0);
	return u->interrupts;
}

/* Nothing comes by it any more; what there is has to be looked for. */
static void uart_stormed(struct irq *irq)
{
	struct uart *u = container_of(irq, struct uart, irq);

	if (!u->interrupts)
		return;		/* during the proof, which has failed then */
	u->interrupts = false;
	u->access->write(u, UART_IER, 0);
	poller_add(&u->poller);
}

static void uart_console_connect(struct console *c)
{
	struct uart *u = of(c);

	if (!uart_prove(u))
		poller_add(&u->poller);
}

/* A UART keeps what is written to its scratch register; an empty place does not. */
static bool is_present(const struct uart *u)
{
	static const uint8_t patterns[] = { 0x5a, 0xa5 };

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		u->access->write(u, UART_SCR, patterns[i]);
		if (u->access->read(u, UART_SCR) != patterns[i])
			return false;
	}
	return true;
}

static int uart_console_describe(struct console *c, char *buf, size_t size)
{
	const struct uart *u = of(c);
	char place[UART_NAME_MAX], speed[UART_NAME_MAX];

	uart_place_describe(&u->setup.place, place, sizeof(place));
	format(speed, sizeof(speed), u->setup.baud ? "%u baud" : "speed as it was", u->setup.baud);
	return format(buf, size, "%s, %s, %s, %llu bytes of output lost, %u overruns", place, speed,
		      u->interrupts ? "interrupt seen" : "polled", (unsigned long long)u->dropped,
		      u->overruns);
}

void uart_set_speed(struct uart *u, uint32_t baud, uint32_t clock)
{
	uint16_t divisor = uart_divisor(clock ? clock : UART_CLOCK, baud);

	u->setup.baud = baud;
	u->setup.clock = clock;
	if (divisor) {
		u->access->write(u, UART_LCR, LCR_DLAB);
		u->access->write(u, UART_DIVISOR_LOW, divisor & 0xff);
		u->access->write(u, UART_DIVISOR_HIGH, divisor >> 8);
	}
	u->access->write(u, UART_LCR, LCR_8N1);
}

bool uart_start(struct uart *u, struct mmio *registers)
{
	u->access = &accesses[u->setup.place.kind];
	u->registers = registers;
	if (!is_present(u))
		return false;
	u->access->write(u, UART_IER, 0);
	uart_set_speed(u, u->setup.baud, u->setup.clock);
	u->access->write(u, UART_FCR, FCR_ENABLE | FCR_CLEAR);
	u->access->write(u, UART_MCR, MCR_DTR_RTS_OUT2);
	u->depth = (u->access->read(u, UART_IIR) & IIR_FIFOS) == IIR_FIFOS ? FIFO_DEPTH : 1;
	u->irq.name = u->name;
	u->irq.handle = uart_interrupt;
	u->irq.stormed = uart_stormed;
	u->poller.poll = uart_poll;
	u->work.run = input_came;
	u->console.name = u->name;
	u->console.write = uart_console_write;
	u->console.read = uart_console_read;
	u->console.connect = uart_console_connect;
	u->console.flush = uart_console_flush;
	u->console.describe = uart_console_describe;
	return true;
}
