// SPDX-License-Identifier: MIT
#include "drivers/irq/irq_init.h"

#include "drivers/irq/lapic.h"
#include "kernel/lib/errno.h"

#define LOG_SUBSYS irq
#include "kernel/log.h"

LOG_DEFINE();

void irq_init(void)
{
}

bool lapic_is_present(void)
{
	return false;
}

bool lapic_has_deadline(void)
{
	return false;
}

int lapic_timer_setup(struct irq *irq __unused, enum lapic_timer_mode mode __unused)
{
	return -ENODEV;
}

void lapic_timer_start(uint32_t count __unused)
{
}

uint32_t lapic_timer_read(void)
{
	return 0;
}

void lapic_timer_deadline(uint64_t tsc __unused)
{
}
