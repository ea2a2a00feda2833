// SPDX-License-Identifier: MIT
#include "drivers/console/serial_param.h"

#include "kernel/lib/string.h"

enum {
	COM1 = 0x3f8, COM2 = 0x2f8, COM3 = 0x3e8, COM4 = 0x2e8,
	/* Below are the controllers of interrupts, DMA, timer and keyboard. */
	PORTS_FIRST = 0x100, PORTS_END = 0x10000,
	PCI_PORTS = 0xcf8, PCI_PORTS_END = 0xd00,
};

static const uint16_t com_ports[] = { COM1, COM2, COM3, COM4 };

/* Takes `word` and, if more follows, the comma behind it. */
static bool take_word(const char **s, const char *word)
{
	size_t len = strlen(word);

	if (!str_has_prefix(*s, word) || ((*s)[len] && (*s)[len] != ','))
		return false;
	*s += len + ((*s)[len] == ',');
	return true;
}

/* BAUD with nothing, n or n8 behind it, then the end or a comma. */
static const char *parse_speed(const char **s, uint32_t *baud)
{
	uint64_t value;

	if (parse_u64(*s, s, &value) || value == 0 || value > UINT32_MAX)
		return "the speed is no number of baud";
	if (**s == 'n') {
		++*s;
		if (**s == '8')
			++*s;
	}
	if (**s && **s != ',')
		return "there is no parity but n, and no length but 8";
	*baud = (uint32_t)value;
	return NULL;
}

static const char *parse_clock(const char **s, uint32_t *clock)
{
	uint64_t value;

	if (parse_u64(*s, s, &value) || **s || value == 0 || value > UINT32_MAX)
		return "the clock is no number of Hz";
	*clock = (uint32_t)value;
	return NULL;
}

static const char *parse_com(const char *s, struct uart_setup *out)
{
	unsigned number = (unsigned)(*s - '0');
	const char *problem;

	if (number >= ARRAY_SIZE(com_ports) || (s[1] && s[1] != ','))
		return "there is no such port: ttyS0 to ttyS3 are known";
	out->place = (struct uart_place){ UART_PORTS, com_ports[number] };
	out->baud = CONFIG_SERIAL_BAUD;
	if (!s[1])
		return NULL;
	s += 2;
	problem = parse_speed(&s, &out->baud);
	return problem || !*s ? problem : "nothing follows the speed of a ttyS";
}

static const char *parse_uart(const char *s, struct uart_setup *out)
{
	const char *problem;

	if (take_word(&s, "io"))
		out->place.kind = UART_PORTS;
	else if (take_word(&s, "mmio"))
		out->place.kind = UART_MMIO;
	else if (take_word(&s, "mmio32"))
		out->place.kind = UART_MMIO32;
	else
		return "the registers are none of io, mmio, mmio32";
	if (parse_u64(s, &s, &out->place.base) || (*s && *s != ','))
		return "the address is no number";
	if (!*s)
		return NULL;
	s++;
	problem = parse_speed(&s, &out->baud);
	if (problem || !*s)
		return problem;
	s++;
	return parse_clock(&s, &out->clock);
}

const char *serial_parse(const char *word, struct uart_setup *out)
{
	const char *s = word;
	const char *problem;

	*out = (struct uart_setup){ 0 };
	if (str_has_prefix(word, "ttyS"))
		problem = parse_com(word + 4, out);
	else if (take_word(&s, "uart") || take_word(&s, "uart8250"))
		problem = parse_uart(s, out);
	else
		problem = "no such console: ttyS0 to ttyS3 and uart are known";
	return problem ? problem : serial_problem(out);
}

static const char *ports_problem(uint64_t base)
{
	if (base < PORTS_FIRST || base > PORTS_END - UART_REGISTERS)
		return "these ports are not from 0x100 to 0xffff";
	if (base < PCI_PORTS_END && base + UART_REGISTERS > PCI_PORTS)
		return "these ports are the host bridge's";
	return NULL;
}

const char *serial_problem(const struct uart_setup *s)
{
	const struct uart_place *p = &s->place;

	if (s->baud && !uart_divisor(s->clock ? s->clock : UART_CLOCK, s->baud))
		return "this clock does not make this speed";
	if (p->kind == UART_PORTS)
		return ports_problem(p->base);
	if (p->kind == UART_MMIO32 && p->base % sizeof(uint32_t) != 0)
		return "the address of registers of 32 bits is not a multiple of 4";
	if (p->base == 0 || p->base + uart_span(p->kind) < p->base)
		return "the address is none";
	return NULL;
}

bool serial_overlaps(const struct uart_place *a, const struct uart_place *b)
{
	if ((a->kind == UART_PORTS) != (b->kind == UART_PORTS))
		return false;
	return a->base < b->base + uart_span(b->kind) && b->base < a->base + uart_span(a->kind);
}

unsigned serial_isa_number(const struct uart_place *p)
{
	if (p->kind != UART_PORTS)
		return SERIAL_NO_ISA;
	switch (p->base) {
	case COM1:
	case COM3:
		return 4;
	case COM2:
	case COM4:
		return 3;
	}
	return SERIAL_NO_ISA;
}
