/* SPDX-License-Identifier: MIT */
/* The way from registers to a settled machine, over a configuration space of the test's own. */
#include "drivers/pci/bars.h"

#include "drivers/pci/ecam.h"
#include "drivers/pci/fake_config.h"
#include "drivers/pci/known.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum { SOME_ID = 0x12345678 };

static struct fake_config fake;
static struct acpi_info acpi;
static struct pci_window windows[PCI_WINDOWS_MAX];
static struct pci_occupied occupied[64];
static struct pci_settled done;

/* A host bridge whose _CRS is static, over fake_config_init()'s memory. */
static void machine_init(void)
{
	fake_config_init(&fake);
	memset(&acpi, 0, sizeof(acpi));
	acpi.bridge_count = 1;
	acpi.bridges[0].crs_static = true;
	acpi.bridges[0].window_count = 3;
	acpi.bridges[0].windows[0] = (struct acpi_window){ 0xc0000000, 0xe0000000, false, false };
	acpi.bridges[0].windows[1] =
		(struct acpi_window){ 0x8000000000, 0x9000000000, false, false };
	acpi.bridges[0].windows[2] = (struct acpi_window){ 0xc000, 0x10000, true, false };
}

static int settle(bool assign_all, struct pci_span console)
{
	struct pci_resources r = {
		.windows = windows,
		.occupied = occupied,
		.physical_bits = 40,
		.assign_all = assign_all,
	};

	pci_scan(&fake.host);
	r.window_count = pci_windows_find(&fake.map, &acpi, &fake.host, 1, 40,
					  (struct pci_span){ 0, 0 }, windows);
	r.occupied_count = pci_occupied_find(&fake.map, &acpi, &fake.host, 1, 40, occupied);
	return pci_bars_settle(&fake.host, 1, &r, console, &done);
}

/* All functions share one block, which begins with the first's. */
static void forget(void)
{
	kfree(fake.host.count ? fake.host.devices[0].bars : NULL);
}

static uint64_t register_of(const struct pci_device *dev, const struct pci_bar *bar)
{
	const struct fake_function *fn = fake_function_at(&fake, dev->address);
	uint16_t offset = bar->index == PCI_ROM ? pci_rom_register(dev) :
			  (uint16_t)(PCI_BAR0 + 4 * bar->index);
	uint64_t value = fake_get32(fn, offset);

	if (bar->wide)
		value |= (uint64_t)fake_get32(fn, offset + 4) << 32;
	return value & ~(bar->size - 1);
}

/* What the tables say is what the registers hold, and what decodes has all its places. */
static void expect_settled(struct ktest_run *t)
{
	for (unsigned i = 0; i < fake.host.count; i++) {
		const struct pci_device *dev = &fake.host.devices[i];
		const struct fake_function *fn = fake_function_at(&fake, dev->address);
		uint8_t decoding = fn->config[PCI_COMMAND];

		for (unsigned k = 0; k < dev->bar_count; k++) {
			const struct pci_bar *bar = &dev->bars[k];

			if (!fn->stubborn)
				expect_eq(t, register_of(dev, bar), bar->base);
			if (bar->state != PCI_BAR_DISABLED || bar->index == PCI_ROM ||
			    dev->header == PCI_HEADER_BRIDGE)
				continue;
			expect(t, !(decoding & (bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)));
			expect(t, bar->io || dev->problem != NULL);
		}
	}
	expect_eq(t, fake.mistakes, 0);
}

KTEST_MAY_FAIL(pci_bars_that_firmware_assigned_stay_untouched)
{
	static struct fake_function before[2];
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_bar(fn, 0, 0xfebfe000, 0x1000, false);
	fake_function_bar(fn, 4, 0xe000000000, 0x4000, true);
	fake_function_rom(fn, 0xfeb00001, 0x800);
	fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	fn = fake_function_add(&fake, 0, 2, 0, SOME_ID);
	fake_set32(fn, PCI_BAR0 + 20, 0xc041);
	fn->bar_mask[5] = 0xffe0;
	memcpy(before, fake.functions, sizeof(before));
	if (expect_done(t, settle(false, (struct pci_span){ 0, 0 }))) {
		expect_eq(t, done.kept, 4);
		expect_eq(t, done.assigned + done.disabled + done.windows, 0);
		expect_settled(t);
		forget();
	}
	expect(t, memcmp(before, fake.functions, sizeof(before)) == 0);
	expect_eq(t, fake.mistakes, 0);
}

KTEST(pci_bars_that_nobody_assigned_are_assigned)
{
	struct fake_function *fn;

	machine_init();
	fake_function_bridge(fake_function_add(&fake, 0, 1, 0, SOME_ID), 0, 0);
	fn = fake_function_add(&fake, 1, 2, 0, SOME_ID);
	fake_function_bar(fn, 0, 0, 0x1000, false);
	fake_function_bar(fn, 2, 0, 0x4000, true);
	fn->config[PCI_BAR0 + 8] |= 8;
	fake_set32(fn, PCI_BAR0 + 20, 1);
	fn->bar_mask[5] = 0xffffffe0;
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_eq(t, done.assigned, 3);
	expect_eq(t, done.windows, 1);
	expect_settled(t);
	expect_eq(t, fake_get32(fn, PCI_BAR0), 0xc0000000);
	expect_eq(t, fake_get32(fn, PCI_BAR0 + 8), 0x0000000c);
	expect_eq(t, fake_get32(fn, PCI_BAR0 + 12), 0x80);
	expect_eq(t, fake_get32(fn, PCI_BAR0 + 20), 0xc001);
	expect_eq(t, fn->config[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	fn = &fake.functions[0];
	expect_eq(t, fake_get32(fn, PCI_PRIMARY_BUS), 0xff0100);
	expect_eq(t, fake_get32(fn, PCI_IO_BASE) & 0xffff, 0xc0c0);
	expect_eq(t, fake_get32(fn, PCI_MEMORY_BASE), 0xc000c000);
	expect_eq(t, fake_get32(fn, PCI_PREFETCHABLE_BASE), 0x00010001);
	expect_eq(t, fake_get32(fn, PCI_PREFETCHABLE_BASE_HIGH), 0x80);
	expect_eq(t, fake_get32(fn, PCI_PREFETCHABLE_LIMIT_HIGH), 0x80);
	expect_eq(t, fn->config[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_IO |
		  PCI_COMMAND_MASTER);
	forget();
}

/* The next boot's view of what this one left. */
KTEST(pci_bars_that_were_assigned_are_kept_the_next_time)
{
	struct fake_function *fn;
	unsigned writes;

	machine_init();
	fake_function_bridge(fake_function_add(&fake, 0, 1, 0, SOME_ID), 0, 0);
	fake_function_bridge(fake_function_add(&fake, 1, 1, 0, SOME_ID), 0, 0);
	fn = fake_function_add(&fake, 2, 2, 0, SOME_ID);
	fake_function_bar(fn, 0, 0x50000000, 0x1000, false);
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_str(t, fake.host.devices[2].bars[0].why,
		   "outside what the bridge above it forwards");
	expect_eq(t, done.assigned, 1);
	forget();
	writes = fake.writes;
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_eq(t, done.kept, 1);
	expect_eq(t, done.windows + done.assigned, 0);
	expect_eq(t, fake.host.numbered, 0);
	expect(t, fake.writes > writes);
	expect_settled(t);
	forget();
}

KTEST(pci_bars_over_memory_are_moved_and_do_not_decode_meanwhile)
{
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_bar(fn, 0, 0x10000000, 0x1000, false);
	fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_str(t, fake.host.devices[0].bars[0].why, "lies over memory");
	expect_eq(t, fake.host.devices[0].bars[0].state, PCI_BAR_ASSIGNED);
	expect_settled(t);
	forget();
	acpi.bridges[0].window_count = 0;
	fake_set32(fn, PCI_BAR0, 0x10000000);
	fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_eq(t, fake.host.devices[0].bars[0].state, PCI_BAR_DISABLED);
	expect_eq(t, fn->config[PCI_COMMAND], 0);
	expect_eq(t, pci_device_enable(&fake.host.devices[0]), -ENODEV);
	expect_settled(t);
	forget();
}

KTEST(pci_bars_that_do_not_keep_an_address_are_disabled)
{
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_bar(fn, 0, 0x10000000, 0x1000, false);
	fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	fn->stubborn = true;
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_str(t, fake.host.devices[0].bars[0].why, "it does not keep what is written to it");
	expect_eq(t, fn->config[PCI_COMMAND], 0);
	expect_settled(t);
	forget();
}

/* The window stays closed, or elsewhere: an address behind it would reach nothing, or others. */
KTEST(pci_bars_behind_a_bridge_that_does_not_keep_its_window_are_disabled)
{
	static const uint32_t stays[] = { 0x0000fff0, 0xd000d000 };
	struct fake_function *bridge, *fn;

	for (unsigned i = 0; i < ARRAY_SIZE(stays); i++) {
		machine_init();
		bridge = fake_function_add(&fake, 0, 1, 0, SOME_ID);
		fake_function_bridge(bridge, 1, 1);
		fake_set32(bridge, PCI_MEMORY_BASE, stays[i]);
		memset(&bridge->writable[PCI_MEMORY_BASE], 0, 4);
		bridge->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
		fn = fake_function_add(&fake, 1, 0, 0, SOME_ID);
		fake_function_bar(fn, 0, 0x10000000, 0x1000, false);
		fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
		require(t, settle(true, (struct pci_span){ 0, 0 }) == 0);
		expect_str(t, fake.host.devices[1].bars[0].why,
			   "a bridge above it does not keep what is written to it");
		expect_eq(t, done.windows, 0);
		expect_eq(t, fn->config[PCI_COMMAND], 0);
		expect_eq(t, bridge->config[PCI_COMMAND] & PCI_COMMAND_MEMORY, 0);
		expect_settled(t);
		forget();
	}
}

KTEST(pci_bars_that_make_no_sense_stop_their_function_alone)
{
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_set32(fn, PCI_BAR0, 0xd0000000);
	fn->bar_mask[0] = 0xfff0f000;
	fn->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	fake_function_bar(fake_function_add(&fake, 0, 2, 0, SOME_ID), 0, 0xd0000000, 0x1000, false);
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect(t, fake.host.devices[0].problem != NULL);
	expect_eq(t, fn->config[PCI_COMMAND], 0);
	expect(t, fake.host.devices[1].problem == NULL);
	expect_settled(t);
	forget();
}

/* Its upper half is no BAR of its own, whatever is wrong with it. */
KTEST(pci_bars_of_64_bits_that_make_no_sense_are_one)
{
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_bar(fn, 0, 0x8000000000, 0x1000, true);
	fn->bar_mask[0] = 0xfff0f000;
	require(t, settle(true, (struct pci_span){ 0, 0 }) == 0);
	expect(t, fake.host.devices[0].problem != NULL);
	expect_eq(t, fake.host.devices[0].bar_count, 0);
	expect_eq(t, fake_get32(fn, PCI_BAR0 + 4), 0x80);
	expect_settled(t);
	forget();
}

KTEST(pci_bars_of_the_console_and_of_host_bridges_stay_with_assign)
{
	struct fake_function *bridge, *screen;

	machine_init();
	bridge = fake_function_add(&fake, 0, 0, 0, SOME_ID);
	fake_set32(bridge, PCI_REVISION_ID, 0x06000000);
	fake_function_bar(bridge, 0, 0xc0000000, 0x1000000, false);
	screen = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_bar(screen, 0, 0xd0000000, 0x1000000, false);
	fake_function_bar(screen, 2, 0xd2000000, 0x1000, false);
	screen->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	require(t, settle(true, (struct pci_span){ 0xd0000000, 0xd0300000 }) == 0);
	expect_eq(t, fake_get32(bridge, PCI_BAR0), 0xc0000000);
	expect_eq(t, fake_get32(screen, PCI_BAR0), 0xd0000000);
	expect_eq(t, fake.host.devices[1].bars[1].state, PCI_BAR_ASSIGNED);
	/* Nobody sized the host bridge's: as large as its alignment allows. */
	expect(t, fake.host.devices[1].bars[1].base >= 0xd1000000);
	expect_eq(t, screen->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
	expect_settled(t);
	forget();
}

KTEST(pci_bars_rom_is_kept_or_disabled_but_never_assigned)
{
	struct fake_function *fn;

	machine_init();
	fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
	fake_function_rom(fn, 0x10000001, 0x10000);
	fake_function_bar(fn, 0, 0xd0000000, 0x1000, false);
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_eq(t, fake.host.devices[0].bar_count, 2);
	expect_eq(t, fake.host.devices[0].bars[1].state, PCI_BAR_DISABLED);
	expect_eq(t, fake_get32(fn, PCI_ROM_BAR), 0);
	expect(t, fake.host.devices[0].problem == NULL);
	expect_settled(t);
	forget();
}

KTEST(pci_bars_of_a_machine_without_functions_take_no_memory)
{
	unsigned before = host_memory_live;

	machine_init();
	require(t, settle(false, (struct pci_span){ 0, 0 }) == 0);
	expect_eq(t, fake.host.count, 0);
	expect_eq(t, host_memory_live, before);
}

/* Whatever configuration space says, everything ends and nothing is written out of place. */
KTEST(pci_bars_of_any_machine_are_settled)
{
	for (uint64_t n = ktest_operations() / 5000 + 1; n; n--) {
		machine_init();
		for (unsigned i = 0; i < 24; i++) {
			struct fake_function *fn = fake_function_add(
				&fake, (unsigned)ktest_random_below(t, 4), i, 0, SOME_ID);

			if (ktest_random_below(t, 3) == 0)
				fake_function_bridge(fn, (uint8_t)ktest_random_below(t, 5),
						     (uint8_t)ktest_random_below(t, 6));
			for (unsigned b = 0; b < PCI_BARS_MAX; b++) {
				uint32_t flags = ktest_random_below(t, 3) ? 0xe : 1;

				if (fn->config[PCI_HEADER_TYPE] && b > 1)
					break;
				fn->bar_mask[b] = ktest_random_below(t, 3) ?
					~(uint32_t)(BIT(4 + ktest_random_below(t, 27)) - 1) :
					(uint32_t)ktest_random(t) & ~0xfu;
				fake_set32(fn, PCI_BAR0 + 4 * b, (uint32_t)ktest_random(t) &
					   (fn->bar_mask[b] | flags));
			}
			if (fn->config[PCI_HEADER_TYPE])
				fake_set32(fn, PCI_MEMORY_BASE, (uint32_t)ktest_random(t));
			fn->config[PCI_COMMAND] = (uint8_t)ktest_random_below(t, 8);
			fn->stubborn = ktest_random_below(t, 12) == 0;
		}
		require(t, settle(ktest_random_below(t, 2), (struct pci_span){ 0, 0 }) == 0);
		expect_settled(t);
		forget();
	}
}

KTEST(pci_windows_follow_from_crs_or_from_the_map)
{
	machine_init();
	pci_scan(&fake.host);
	expect_eq(t, pci_windows_find(&fake.map, &acpi, &fake.host, 1, 40,
				      (struct pci_span){ 0, 0 }, windows), 3);
	expect_eq(t, windows[0].from, PCI_FROM_CRS);
	acpi.bridges[0].crs_static = false;
	expect_eq(t, pci_windows_find(&fake.map, &acpi, &fake.host, 1, 40,
				      (struct pci_span){ 0xd0000000, 0xd8000000 }, windows), 4);
	expect(t, windows[0].span.start == GIB && windows[0].span.end == 4 * GIB);
	expect(t, windows[1].span.start == 4 * GIB && windows[1].span.end == BIT(40));
	expect_eq(t, windows[0].from, PCI_FROM_MAP);
	expect_eq(t, windows[3].from, PCI_FROM_CONFIGURED);
}

KTEST(pci_ecam_that_repeats_another_is_known)
{
	static struct pci_host host;
	struct acpi_mcfg entry = { .base = 0xb0000000, .bus_first = 0, .bus_last = 255 };

	host.ecam_base = 0xb0000000;
	host.bus_last = 255;
	expect(t, !ecam_repeats(&host, 0, &entry, 40));
	expect(t, ecam_repeats(&host, 1, &entry, 40));
	entry.segment = 1;	/* the same addresses */
	expect(t, ecam_repeats(&host, 1, &entry, 40));
	entry.base = 0x8000000000;
	expect(t, !ecam_repeats(&host, 1, &entry, 40));
	entry.segment = 0;	/* the same buses */
	expect(t, ecam_repeats(&host, 1, &entry, 40));
	host.bus_last = 127;
	expect(t, ecam_repeats(&host, 1, &entry, 40));
	entry.base = 0xb0000000;
	entry.bus_first = 128;
	expect(t, !ecam_repeats(&host, 1, &entry, 40));
}
