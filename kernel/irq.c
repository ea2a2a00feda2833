// SPDX-License-Identifier: MIT
#include "kernel/irq.h"

#include "kernel/lib/errno.h"

int irq_connect_message(struct irq *irq __unused, struct irq_message *out __unused)
{
	return -ENOTSUP;
}

int irq_connect_line(struct irq *irq __unused, uint32_t gsi __unused,
		     enum irq_trigger trigger __unused, enum irq_polarity polarity __unused)
{
	return -ENODEV;
}

int irq_connect_isa(struct irq *irq __unused, unsigned number __unused)
{
	return -ENODEV;
}

int irq_connect_local(struct irq *irq __unused)
{
	return -ENOSPC;
}

void irq_disconnect(struct irq *irq __unused)
{
}

bool irq_prove(struct irq *irq, uint64_t before __unused)
{
	irq->proof = IRQ_NOT_SEEN;
	return false;
}

struct irq_stray irq_stray(void)
{
	return (struct irq_stray){ 0 };
}

bool irq_ready(void)
{
	return false;
}

void irq_open(void)
{
}

void irq_halt(void)
{
}

void irq_print_routes(void)
{
}

void irq_report(void)
{
}

void irq_report_json(struct json *j __unused)
{
}
