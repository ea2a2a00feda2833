// SPDX-License-Identifier: MIT
/* The ACPI power management timer, by the FADT (ACPI 6.4, 4.8.3.3). */
#include <asm/io.h>

#include "drivers/acpi/acpi.h"
#include "drivers/clock/clocks.h"
#include "drivers/clock/pmtimer_read.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS clock
#include "kernel/log.h"

enum {
	RATING = 100,
	SPACE_MEMORY = 0,
	SPACE_PORTS = 1,
	PORT_MAX = 0xfffc,
};

static struct mmio *mapped;

static uint32_t read_port(struct pmtimer_port *p __unused)
{
	return inl((uint16_t)acpi_info()->fadt.pm_timer.address);
}

static uint32_t read_memory(struct pmtimer_port *p __unused)
{
	return mmio_read32(mapped, 0);
}

static struct pmtimer_port port;

static uint64_t pmtimer_read(struct clock_source *c)
{
	return pmtimer_settled(&port, c->bits);
}

static struct clock_source source = {
	.name = "PM timer",
	.id = "pm",
	.read = pmtimer_read,
	.rating = RATING,
	.hz = PMTIMER_HZ,
	.from = "its definition",
};

static const char *bring_up(const struct acpi_address *at)
{
	if (at->space == SPACE_PORTS && at->address > 0 && at->address <= PORT_MAX) {
		port.read = read_port;
	} else if (at->space == SPACE_MEMORY && at->address > 0) {
		mapped = ioremap(at->address, sizeof(uint32_t), IOREMAP_UNCACHED);
		if (!mapped)
			return "its register cannot be mapped";
		port.read = read_memory;
	} else {
		return "its address is neither a port nor memory";
	}
	return clock_moves(&source) ? NULL : "it does not count";
}

void pmtimer_init(void)
{
	const struct acpi_fadt *fadt = &acpi_info()->fadt;

	if (!fadt->present || fadt->hardware_reduced || !fadt->has_pm_timer)
		return;
	source.bits = fadt->pm_timer_32bit ? 32 : 24;
	source.problem = bring_up(&fadt->pm_timer);
	if (source.problem)
		log_warn("PM timer at %#llx: %s", (unsigned long long)fadt->pm_timer.address,
			 source.problem);
	clock_source_register(&source);
}
