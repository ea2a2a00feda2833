// SPDX-License-Identifier: MIT
/* Off and restart, on registers that a test stands for. */
#include <string.h>

#include "drivers/acpi/power.h"
#include "drivers/virtio/host_machine.h"
#include "kernel/host_io.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/power.h"

enum { WRITES_MAX = 8, SCI_EN = BIT(0), SLP_EN = BIT(13) };

/* Registers that remember what was written, in order. */
struct fake {
	struct host_registers registers;
	uint32_t value;			/* what is read */
	uint32_t on_write;		/* what is read after a write, where not 0 */
	struct fake *sets;		/* the one whose value that is */
	uint32_t writes[WRITES_MAX];
	unsigned count;
};

int power_wait(void)
{
	return -ETIMEDOUT;		/* a machine that goes on */
}

static uint32_t fake_read(struct host_registers *r, size_t offset, unsigned width __unused)
{
	struct fake *f = container_of(r, struct fake, registers);

	return f->value >> offset * 8;
}

static void fake_write(struct host_registers *r, size_t offset, unsigned width __unused,
		       uint32_t v)
{
	struct fake *f = container_of(r, struct fake, registers);

	if (f->count < WRITES_MAX)
		f->writes[f->count++] = v << offset * 8;
	if (f->sets)
		f->sets->value = f->on_write;
}

static void fake_add(struct fake *f, bool ports, uintptr_t base, size_t len)
{
	f->registers = (struct host_registers){
		.ports = ports, .base = base, .len = len,
		.read = fake_read, .write = fake_write,
	};
	host_registers_add(&f->registers);
}

static const struct aml_sleep_type type_5_2 = { 5, 2 };

KTEST(reset_writes_the_value_to_a_port)
{
	const struct acpi_fadt fadt = {
		.has_reset = true, .reset = { 1, 8, 0, 0, 0xcf9 }, .reset_value = 15,
	};
	struct fake port = { 0 };

	fake_add(&port, true, 0xcf9, 1);
	expect_eq(t, power_reset(&fadt), -ETIMEDOUT);
	expect(t, port.count == 1 && port.writes[0] == 15);
	host_registers_remove(&port.registers);
}

KTEST(reset_writes_the_value_to_memory)
{
	const struct acpi_fadt fadt = {
		.has_reset = true, .reset = { 0, 8, 0, 0, 0xfea00202 }, .reset_value = 0x42,
	};
	struct fake memory = { 0 };

	fake_add(&memory, false, 0xfea00202, 1);
	expect_eq(t, power_reset(&fadt), -ETIMEDOUT);
	expect(t, memory.count == 1 && memory.writes[0] == 0x42);
	host_registers_remove(&memory.registers);
}

/* Device 3, function 1, offset 0x44; a host that answers keeps its address register. */
struct fake_pci {
	struct host_registers registers;
	uint32_t address;
	uint32_t written;
	unsigned writes;
};

static uint32_t pci_read(struct host_registers *r, size_t offset, unsigned width __unused)
{
	struct fake_pci *p = container_of(r, struct fake_pci, registers);

	return offset < 4 ? p->address : 0x8086;
}

static void pci_write(struct host_registers *r, size_t offset, unsigned width __unused,
		      uint32_t v)
{
	struct fake_pci *p = container_of(r, struct fake_pci, registers);

	if (offset < 4) {
		p->address = v;
		return;
	}
	p->written = v;
	p->writes++;
}

KTEST(reset_writes_the_value_to_configuration_space)
{
	struct acpi_fadt fadt = {
		.has_reset = true, .reset = { 2, 8, 0, 0, UINT64_C(0x300010044) }, .reset_value = 7,
	};
	struct fake_pci pci = {
		.registers = { .ports = true, .base = 0xcf8, .len = 8,
			       .read = pci_read, .write = pci_write },
	};

	expect_eq(t, power_reset(&fadt), -ENOTSUP);		/* no host answers */
	host_registers_add(&pci.registers);
	expect_eq(t, power_reset(&fadt), -ETIMEDOUT);
	expect_eq(t, pci.address, 0x80001944);
	expect(t, pci.writes == 1 && pci.written == 7);
	fadt.reset.address = UINT64_C(0x2000000000);		/* device 32 */
	expect_eq(t, power_reset(&fadt), -ENOTSUP);
	fadt.reset.address = 0x80000;				/* function 8 */
	expect_eq(t, power_reset(&fadt), -ENOTSUP);
	fadt.reset.address = 0x100;
	expect_eq(t, power_reset(&fadt), -ENOTSUP);
	expect_eq(t, pci.writes, 1);
	host_registers_remove(&pci.registers);
}

KTEST(reset_refuses_registers_that_cannot_be)
{
	struct acpi_fadt fadt = { .reset = { 1, 8, 0, 0, 0xcf9 } };

	expect_eq(t, power_reset(&fadt), -ENOENT);
	fadt.has_reset = true;
	fadt.reset.address = 0x10000;				/* no such port */
	expect_eq(t, power_reset(&fadt), -ENOTSUP);
	fadt.reset = (struct acpi_address){ 0x7f, 8, 0, 0, 0xcf9 };
	expect_eq(t, power_reset(&fadt), -ENOTSUP);
}

KTEST(off_writes_the_type_and_then_enables)
{
	const struct acpi_fadt fadt = { .pm1a_control = { 1, 16, 0, 0, 0x604 } };
	struct fake a = { .value = SCI_EN | 3 << 10 };

	fake_add(&a, true, 0x604, 2);
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ETIMEDOUT);
	expect_eq(t, a.count, 2);
	expect_eq(t, a.writes[0], SCI_EN | 5 << 10);
	expect_eq(t, a.writes[1], SCI_EN | 5 << 10 | SLP_EN);
	host_registers_remove(&a.registers);
}

KTEST(off_writes_both_halves_each_with_its_type)
{
	const struct acpi_fadt fadt = {
		.pm1a_control = { 1, 16, 0, 0, 0x604 }, .pm1b_control = { 0, 16, 0, 0, 0xfed10000 },
	};
	struct fake a = { .value = SCI_EN }, b = { .value = SCI_EN };

	fake_add(&a, true, 0x604, 2);
	fake_add(&b, false, 0xfed10000, 2);
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ETIMEDOUT);
	expect_eq(t, a.writes[1], SCI_EN | 5 << 10 | SLP_EN);
	expect_eq(t, b.writes[1], SCI_EN | 2 << 10 | SLP_EN);
	host_registers_remove(&a.registers);
	host_registers_remove(&b.registers);
}

KTEST(off_takes_the_registers_over_from_firmware)
{
	const struct acpi_fadt fadt = {
		.pm1a_control = { 1, 16, 0, 0, 0x604 }, .smi_command = 0xb2, .acpi_enable = 2,
	};
	struct fake a = { 0 }, smi = { .sets = &a, .on_write = SCI_EN };

	fake_add(&a, true, 0x604, 2);
	fake_add(&smi, true, 0xb2, 1);
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ETIMEDOUT);
	expect(t, smi.count == 1 && smi.writes[0] == 2);
	expect_eq(t, a.writes[1], SCI_EN | 5 << 10 | SLP_EN);
	host_registers_remove(&a.registers);
	host_registers_remove(&smi.registers);
}

KTEST(off_does_not_wait_for_ever_for_firmware)
{
	const struct acpi_fadt fadt = {
		.pm1a_control = { 1, 16, 0, 0, 0x604 }, .smi_command = 0xb2, .acpi_enable = 2,
	};
	struct fake a = { 0 }, smi = { 0 };

	fake_add(&a, true, 0x604, 2);
	fake_add(&smi, true, 0xb2, 1);
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ETIMEDOUT);
	expect_eq(t, a.count, 2);
	host_registers_remove(&a.registers);
	host_registers_remove(&smi.registers);
}

KTEST(off_of_reduced_hardware_is_by_the_sleep_registers)
{
	const struct acpi_fadt fadt = {
		.hardware_reduced = true,
		.sleep_control = { 0, 8, 0, 0, 0xfea00200 },
		.sleep_status = { 0, 8, 0, 0, 0xfea00201 },
	};
	struct fake control = { 0 }, status = { 0 };

	fake_add(&control, false, 0xfea00200, 1);
	fake_add(&status, false, 0xfea00201, 1);
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ETIMEDOUT);
	expect(t, status.count == 1 && status.writes[0] == 0x80);
	expect(t, control.count == 1 && control.writes[0] == (5 << 2 | 0x20));
	host_registers_remove(&control.registers);
	host_registers_remove(&status.registers);
}

KTEST(off_refuses_registers_that_cannot_be)
{
	struct acpi_fadt fadt = { 0 };

	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOENT);
	fadt.pm1a_control = (struct acpi_address){ 1, 16, 0, 0, 0xffff };	/* its end */
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOTSUP);
	fadt.pm1a_control.address = 0x604;
	fadt.pm1b_control = (struct acpi_address){ 3, 16, 0, 0, 0x604 };
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOTSUP);
	fadt.hardware_reduced = true;
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOENT);
	fadt.sleep_control = (struct acpi_address){ 2, 8, 0, 0, 0x604 };
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOTSUP);
}

KTEST(power_says_when_memory_cannot_be_mapped)
{
	const struct acpi_fadt fadt = {
		.has_reset = true, .reset = { 0, 8, 0, 0, 0xfea00202 }, .reset_value = 0x42,
		.pm1a_control = { 1, 16, 0, 0, 0x604 }, .pm1b_control = { 0, 16, 0, 0, 0xfed10000 },
	};
	unsigned before = host_ioremaps;

	host_ioremap_fails = 1;
	expect_eq(t, power_reset(&fadt), -ENOMEM);
	host_ioremap_fails = 1;
	expect_eq(t, power_soft_off(&fadt, &type_5_2), -ENOMEM);
	expect_eq(t, host_ioremaps, before);
}
