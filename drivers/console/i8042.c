// SPDX-License-Identifier: MIT
/*
 * Keyboard controller (8042; IBM PS/2 technical reference, "Keyboard and
 * Auxiliary Device Controller"). It is made to translate to scan code set 1,
 * whatever firmware left; the mouse behind it is switched off. Codes are taken
 * by its interrupt if that was seen to work, else by the loop's polling, and
 * wait in a ring until somebody reads; only then are they made bytes.
 *
 * The keyboard itself is told to scan, and not waited for: it answers with a
 * code that means no key, and may be plugged in later.
 */
#include "drivers/console/i8042.h"

#include <asm/io.h>

#include "drivers/acpi/acpi.h"
#include "drivers/console/keyboard.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/loop.h"
#include "kernel/time.h"
#include "kernel/wait.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

enum i8042_port { I8042_DATA = 0x60, I8042_STATUS = 0x64, I8042_COMMAND = 0x64 };

enum i8042_status {
	STATUS_OUTPUT_FULL = BIT(0),
	STATUS_INPUT_FULL = BIT(1),
	STATUS_AUX = BIT(5),		/* the output is the mouse's */
	STATUS_NOBODY = 0xff,		/* what a port of nobody reads as */
};

enum i8042_command {
	COMMAND_READ_MODE = 0x20,
	COMMAND_WRITE_MODE = 0x60,
	COMMAND_AUX_OFF = 0xa7,
	COMMAND_KEYBOARD_OFF = 0xad,
	COMMAND_KEYBOARD_ON = 0xae,
	COMMAND_WRITE_OUTPUT = 0xd2,	/* the next byte comes out as if it were the keyboard's */
};

enum i8042_mode {
	MODE_KEYBOARD_INTERRUPT = BIT(0),
	MODE_AUX_INTERRUPT = BIT(1),
	MODE_KEYBOARD_OFF = BIT(4),
	MODE_AUX_OFF = BIT(5),
	MODE_TRANSLATE = BIT(6),
};

enum {
	ISA_KEYBOARD = 1,
	KEYBOARD_SCAN = 0xf4,
	KEYBOARD_ACK = 0xfa,
	CODE_LOST = 0x00,		/* to the decoder: keys were lost */
	CODES_SIZE = 64,
	BURST_MAX = 16,			/* codes taken at a time */
	SETUP_NS = 100 * 1000 * 1000,
};

/* Codes that were taken; the indices run on, and wrap. */
static struct {
	uint8_t codes[CODES_SIZE];
	unsigned head, tail;
	unsigned lost;
	unsigned lost_told;
	bool interrupts;		/* they were seen */
	uint8_t mode;			/* as written */
	struct keyboard keyboard;
	char bytes[KEYBOARD_BYTES_MAX];	/* of the last code */
	size_t at, len;
} input;

/* Waits for a state of the status port. False: not within the bound, or nobody is there. */
static bool await(struct wait *w, uint8_t mask, uint8_t wanted)
{
	uint8_t status;

	do {
		status = inb(I8042_STATUS);
		if (status == STATUS_NOBODY)
			return false;
		if ((status & mask) == wanted)
			return true;
	} while (wait_turn(w));
	return false;
}

static bool send(struct wait *w, enum i8042_port port, uint8_t byte)
{
	if (!await(w, STATUS_INPUT_FULL, 0))
		return false;
	outb(port, byte);
	return true;
}

static bool write_mode(struct wait *w, uint8_t mode)
{
	input.mode = mode;
	return send(w, I8042_COMMAND, COMMAND_WRITE_MODE) && send(w, I8042_DATA, mode);
}

/* What was there before us. */
static bool flush(void)
{
	for (unsigned i = 0; i < BURST_MAX; i++) {
		if (!(inb(I8042_STATUS) & STATUS_OUTPUT_FULL))
			return true;
		inb(I8042_DATA);
	}
	return false;
}

/* NULL, or why there is no controller. */
static const char *set_up(struct wait *w)
{
	uint8_t mode;

	if (!send(w, I8042_COMMAND, COMMAND_KEYBOARD_OFF) ||
	    !send(w, I8042_COMMAND, COMMAND_AUX_OFF))
		return "it takes no command";
	if (!flush())
		return "its output has no end";
	if (!send(w, I8042_COMMAND, COMMAND_READ_MODE) ||
	    !await(w, STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
		return "it does not answer";
	mode = inb(I8042_DATA);
	mode &= ~(MODE_KEYBOARD_INTERRUPT | MODE_AUX_INTERRUPT | MODE_KEYBOARD_OFF);
	if (!write_mode(w, mode | MODE_AUX_OFF | MODE_TRANSLATE) ||
	    !send(w, I8042_COMMAND, COMMAND_KEYBOARD_ON) ||
	    !send(w, I8042_DATA, KEYBOARD_SCAN))
		return "it stopped taking commands";
	return NULL;
}

/* What is lost may be the release of a Shift: the last place tells the decoder, in its turn. */
static void keep(uint8_t code)
{
	uint8_t *last = &input.codes[(input.head - 1) % CODES_SIZE];

	if (input.head - input.tail < CODES_SIZE) {
		input.codes[input.head++ % CODES_SIZE] = code;
		return;
	}
	input.lost += *last == CODE_LOST ? 1 : 2;
	*last = CODE_LOST;
}

/* Takes what the controller has. Returns whether there was any. */
static bool take_codes(void)
{
	for (unsigned i = 0; i < BURST_MAX; i++) {
		uint8_t status = inb(I8042_STATUS);
		uint8_t code;

		if (status == STATUS_NOBODY || !(status & STATUS_OUTPUT_FULL))
			return i > 0;
		code = inb(I8042_DATA);
		if (status & STATUS_AUX)
			continue;
		keep(code);
	}
	return true;
}

/* The next code's bytes; false if there is none. */
static bool decode(void)
{
	if (input.head == input.tail && !input.interrupts)
		take_codes();
	if (input.head == input.tail)
		return false;
	input.at = 0;
	input.len = keyboard_take(&input.keyboard, input.codes[input.tail++ % CODES_SIZE],
				  input.bytes);
	return true;
}

static int keyboard_read(struct console *c __unused)
{
	while (input.at == input.len) {
		if (!decode())
			return -EAGAIN;
	}
	return (uint8_t)input.bytes[input.at++];
}

static void keyboard_write(struct console *c __unused, const char *text __unused,
			   size_t len __unused)
{
}

/* Wakes whoever waits for input. */
static void input_came(struct work *w __unused)
{
	if (input.lost == input.lost_told)
		return;
	input.lost_told = input.lost;
	log_warn("keyboard: nobody read, %u codes lost so far", input.lost);
}

static struct work input_work = { .run = input_came };

static bool keyboard_interrupt(struct irq *irq __unused)
{
	bool any = take_codes();

	if (any)
		work_post(&input_work);
	return any;
}

static bool keyboard_poll(struct poller *p __unused)
{
	bool any = take_codes();

	if (any)
		work_post(&input_work);
	return any;
}

static struct poller poller = { .poll = keyboard_poll };

/* Nothing comes by it any more; what there is has to be looked for. */
static void keyboard_stormed(struct irq *irq __unused)
{
	if (!input.interrupts)
		return;		/* during the proof, which has failed then */
	input.interrupts = false;
	poller_add(&poller);
}

static struct irq irq = {
	.name = "keyboard",
	.handle = keyboard_interrupt,
	.stormed = keyboard_stormed,
};

/* The controller itself makes an interrupt, of a code that means no key. */
static bool keyboard_prove(void)
{
	uint64_t before = irq.count;
	struct wait w;
	bool sent;

	if (irq_connect_isa(&irq, ISA_KEYBOARD))
		return false;
	take_codes();
	wait_begin_ns(&w, SETUP_NS);
	sent = write_mode(&w, input.mode | MODE_KEYBOARD_INTERRUPT) &&
	       send(&w, I8042_COMMAND, COMMAND_WRITE_OUTPUT) && send(&w, I8042_DATA, KEYBOARD_ACK);
	wait_end(&w);
	input.interrupts = sent && irq_prove(&irq, before);
	if (!input.interrupts) {
		wait_begin_ns(&w, SETUP_NS);
		write_mode(&w, input.mode & ~MODE_KEYBOARD_INTERRUPT & 0xff);
		wait_end(&w);
	}
	return input.interrupts;
}

static void keyboard_connect(struct console *c __unused)
{
	if (!keyboard_prove())
		poller_add(&poller);
}

static int keyboard_describe(struct console *c __unused, char *buf, size_t size)
{
	return format(buf, size, "ports 0x60, %s, %u codes lost",
		      input.interrupts ? "interrupt seen" : "polled", input.lost);
}

static struct console console = {
	.name = "keyboard",
	.write = keyboard_write,
	.read = keyboard_read,
	.connect = keyboard_connect,
	.describe = keyboard_describe,
};

void i8042_init(void)
{
	const struct acpi_fadt *fadt = &acpi_info()->fadt;
	const char *problem;
	struct wait w;

	if ((fadt->present && !fadt->has_8042) || inb(I8042_STATUS) == STATUS_NOBODY)
		return;
	wait_begin_ns(&w, SETUP_NS);
	problem = set_up(&w);
	wait_end(&w);
	if (problem)
		log_info("no keyboard controller: %s", problem);
	else
		console_register(&console);
}
