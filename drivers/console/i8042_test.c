// SPDX-License-Identifier: MIT
/* The keyboard controller on the host, against one that does as a test says. */
#include "drivers/console/i8042.h"

#include <string.h>

#include "drivers/console/host_console.h"
#include "drivers/virtio/host_machine.h"
#include "kernel/host_io.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum { BASE = 0x60, STATUS = 4, OUTPUT = 0x01, INPUT = 0x02, AUX = 0x20 };

static struct {
	struct host_registers io;
	uint8_t mode, command;
	uint8_t queue[32];		/* what comes out next */
	unsigned len, at;
	bool mouse;			/* that is the mouse's */
	bool scans;
	unsigned accesses;

	bool busy_for_ever;		/* takes no command */
	bool silent;			/* takes them, and never answers */
	bool endless;			/* its output has no end */
	bool gone;			/* reads as all ones */
} fake;

static void put(uint8_t byte)
{
	if (fake.len < sizeof(fake.queue))
		fake.queue[fake.len++] = byte;
}

static uint32_t status(void)
{
	bool full = fake.endless || fake.at < fake.len;

	return (full ? OUTPUT : 0) | (fake.busy_for_ever ? INPUT : 0) | (fake.mouse ? AUX : 0);
}

static uint32_t fake_read(struct host_registers *r __unused, size_t offset,
			  unsigned width __unused)
{
	fake.accesses++;
	if (fake.gone)
		return 0xff;
	if (offset == STATUS)
		return status();
	if (fake.endless)
		return 0x1e;
	return fake.at < fake.len ? fake.queue[fake.at++] : 0;
}

static void fake_write(struct host_registers *r __unused, size_t offset,
		       unsigned width __unused, uint32_t v)
{
	fake.accesses++;
	if (fake.busy_for_ever || fake.gone)
		return;
	if (offset == STATUS) {
		fake.command = (uint8_t)v;
		if (v == 0x20 && !fake.silent)
			put(fake.mode);
		return;
	}
	if (fake.command == 0x60)
		fake.mode = (uint8_t)v;
	else if (v == 0xf4) {
		fake.scans = true;
		put(0xfa);
	}
	fake.command = 0;
}

static void begin(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.mode = 0x03;
	fake.io = (struct host_registers){
		.ports = true, .base = BASE, .len = STATUS + 1,
		.read = fake_read, .write = fake_write,
	};
	host_registers_add(&fake.io);
	memset(&host_acpi, 0, sizeof(host_acpi));
	host_console = NULL;
}

static void end(void)
{
	host_registers_remove(&fake.io);
	memset(&host_acpi, 0, sizeof(host_acpi));
}

static int next(void)
{
	return host_console->read(host_console);
}

KTEST(i8042_types_what_is_pressed)
{
	begin();
	put(0x9e);			/* was under way before us */
	i8042_init();
	require(t, host_console != NULL);
	expect_eq(t, fake.mode, 0x60);	/* translates, no mouse, no interrupts yet */
	expect(t, fake.scans);
	expect_eq(t, next(), -EAGAIN);
	put(0x2a);
	put(0x26);
	put(0xaa);
	put(0xe0);
	put(0x48);
	expect_eq(t, next(), 'L');
	expect_eq(t, next(), 0x1b);
	expect_eq(t, next(), '[');
	expect_eq(t, next(), 'A');
	expect_eq(t, next(), -EAGAIN);
	fake.mouse = true;
	put(0x1e);
	expect_eq(t, next(), -EAGAIN);
	end();
}

KTEST(i8042_is_left_alone_where_firmware_denies_it)
{
	begin();
	host_acpi.fadt.present = true;
	i8042_init();
	expect(t, !host_console);
	expect_eq(t, fake.accesses, 0);
	host_acpi.fadt.has_8042 = true;
	i8042_init();
	expect(t, host_console != NULL);
	end();
}

KTEST(i8042_that_is_not_there_costs_one_look)
{
	begin();
	fake.gone = true;
	i8042_init();
	expect(t, !host_console);
	expect_eq(t, fake.accesses, 1);
	end();
}

KTEST(i8042_that_does_not_work_is_none_and_holds_nobody_up)
{
	begin();
	fake.busy_for_ever = true;
	i8042_init();
	expect(t, !host_console);
	fake.busy_for_ever = false;
	fake.silent = true;
	i8042_init();
	expect(t, !host_console);
	fake.silent = false;
	fake.endless = true;
	i8042_init();
	expect(t, !host_console);
	end();
}

KTEST(i8042_with_endless_output_is_read_in_bounded_pieces)
{
	unsigned before;

	begin();
	i8042_init();
	require(t, host_console != NULL);
	while (next() >= 0)
		;
	fake.endless = true;
	before = fake.accesses;
	expect_eq(t, next(), 'a');
	expect(t, fake.accesses - before <= 32);
	for (unsigned i = 0; i < 1000; i++)
		expect_eq(t, next(), 'a');
	fake.endless = false;
	fake.gone = true;
	while (next() >= 0)
		;
	expect_eq(t, next(), -EAGAIN);
	end();
}
