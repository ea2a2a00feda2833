// SPDX-License-Identifier: MIT
/*
 * A register of firmware's is at ports, in memory, which is mapped for the
 * time of the access, or (the reset register alone) in the configuration space
 * of a function on bus 0.
 */
#include "drivers/acpi/power.h"

#include <asm/pci_ports.h>

#include "kernel/lib/errno.h"
#include "kernel/power.h"
#include "kernel/wait.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

/* Address spaces (5.2.3.2). */
enum { SPACE_MEMORY = 0, SPACE_PORTS = 1, SPACE_PCI = 2 };

/* PM1 control (table 4.13). */
enum {
	PM1_SCI_EN = BIT(0),
	PM1_SLP_TYP = GENMASK(12, 10),
	PM1_SLP_EN = BIT(13),
};

/* Sleep control and sleep status (tables 4.19 and 4.20). */
enum {
	CONTROL_SLP_TYP = GENMASK(4, 2),
	CONTROL_SLP_EN = BIT(5),
	STATUS_WAK_STS = BIT(7),
};

struct reg {
	uint16_t port;
	struct mmio *base;		/* NULL: at the port */
};

static int reg_open(struct reg *r, const struct acpi_address *at, unsigned len, const char *what)
{
	*r = (struct reg){ 0 };
	if (at->space == SPACE_PORTS && at->address <= UINT16_MAX + 1 - len) {
		r->port = (uint16_t)at->address;
		return 0;
	}
	if (at->space != SPACE_MEMORY) {
		log_warn("%s: in address space %u at %#llx, which cannot be", what, at->space,
			 (unsigned long long)at->address);
		return -ENOTSUP;
	}
	r->base = ioremap(at->address, len, IOREMAP_UNCACHED);
	return r->base ? 0 : -ENOMEM;
}

static void reg_close(struct reg *r)
{
	if (r->base)
		iounmap(r->base);
}

static void reg_write8(const struct reg *r, uint8_t v)
{
	if (r->base)
		mmio_write8(r->base, 0, v);
	else
		outb(r->port, v);
}

static uint16_t reg_read16(const struct reg *r)
{
	return r->base ? mmio_read16(r->base, 0) : inw(r->port);
}

static void reg_write16(const struct reg *r, uint16_t v)
{
	if (r->base)
		mmio_write16(r->base, 0, v);
	else
		outw(r->port, v);
}

static int write8(const struct acpi_address *at, uint8_t v, const char *what)
{
	struct reg r;
	int result = reg_open(&r, at, 1, what);

	if (result)
		return result;
	reg_write8(&r, v);
	reg_close(&r);
	return 0;
}

/* Device, function and offset are 16 bits each of the address (table 5.1). */
static int write_config(uint64_t address, uint8_t v)
{
	uint64_t device = address >> 32, function = address >> 16 & 0xffff;
	uint64_t offset = address & 0xffff;

	if (device > 31 || function > 7 || offset > 255 || !pci_ports_answer()) {
		log_warn("reset register: in configuration space at %#llx, which cannot be",
			 (unsigned long long)address);
		return -ENOTSUP;
	}
	pci_ports_select((uint16_t)(device << 3 | function), (uint16_t)offset);
	outb((uint16_t)(PCI_PORT_DATA + (offset & 3)), v);
	return 0;
}

int power_reset(const struct acpi_fadt *f)
{
	int result;

	if (!f->has_reset)
		return -ENOENT;
	if (f->reset.space == SPACE_PCI)
		result = write_config(f->reset.address, f->reset_value);
	else
		result = write8(&f->reset, f->reset_value, "reset register");
	return result ? result : power_wait();
}

static int off_reduced(const struct acpi_fadt *f, uint8_t type)
{
	uint8_t control = (uint8_t)(FIELD_PREP(CONTROL_SLP_TYP, type) | CONTROL_SLP_EN);
	int result = 0;

	if (f->sleep_status.address)
		result = write8(&f->sleep_status, STATUS_WAK_STS, "sleep status");
	if (!result)
		result = write8(&f->sleep_control, control, "sleep control");
	return result ? result : power_wait();
}

/* Where the fixed registers are still firmware's (SCI_EN is clear), asks for them (4.8.2.5). */
static void take_over(const struct acpi_fadt *f, const struct reg *pm1a)
{
	struct wait w;

	if (reg_read16(pm1a) & PM1_SCI_EN || !f->smi_command || f->smi_command > UINT16_MAX ||
	    !f->acpi_enable)
		return;
	outb((uint16_t)f->smi_command, f->acpi_enable);
	wait_begin(&w, WAIT_DEVICE);
	while (!(reg_read16(pm1a) & PM1_SCI_EN) && wait_turn(&w))
		;
	wait_end(&w);
}

/* The type first, then the same with SLP_EN: hardware that wants it in two steps gets it. */
static void sleep(const struct reg *a, const struct reg *b, const struct aml_sleep_type *type)
{
	uint16_t va = (uint16_t)((reg_read16(a) & ~(PM1_SLP_TYP | PM1_SLP_EN)) |
				 FIELD_PREP(PM1_SLP_TYP, type->a));
	uint16_t vb = 0;

	reg_write16(a, va);
	if (b) {
		vb = (uint16_t)((reg_read16(b) & ~(PM1_SLP_TYP | PM1_SLP_EN)) |
				FIELD_PREP(PM1_SLP_TYP, type->b));
		reg_write16(b, vb);
	}
	reg_write16(a, va | PM1_SLP_EN);
	if (b)
		reg_write16(b, vb | PM1_SLP_EN);
}

static int off_fixed(const struct acpi_fadt *f, const struct aml_sleep_type *type)
{
	bool two = f->pm1b_control.address != 0;
	struct reg a, b;
	int result = reg_open(&a, &f->pm1a_control, 2, "PM1a control");

	if (result)
		return result;
	if (two) {
		result = reg_open(&b, &f->pm1b_control, 2, "PM1b control");
		if (result)
			goto close_a;
	}
	take_over(f, &a);
	sleep(&a, two ? &b : NULL, type);
	result = power_wait();
	if (two)
		reg_close(&b);
close_a:
	reg_close(&a);
	return result;
}

int power_soft_off(const struct acpi_fadt *f, const struct aml_sleep_type *type)
{
	if (f->hardware_reduced)
		return f->sleep_control.address ? off_reduced(f, type->a) : -ENOENT;
	return f->pm1a_control.address ? off_fixed(f, type) : -ENOENT;
}
