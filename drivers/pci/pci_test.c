/* SPDX-License-Identifier: MIT */
/* Enumeration, capabilities and BARs over a configuration space of the test's own. */
#include "drivers/pci/pci.h"

#include "drivers/pci/fake_config.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { SOME_ID = 0x12345678 };

static struct fake_config fake;

static const struct pci_device *device_with(uint16_t address)
{
	for (unsigned i = 0; i < fake.host.count; i++)
		if (fake.host.devices[i].address == address)
			return &fake.host.devices[i];
	return NULL;
}

KTEST(pci_scan_finds_functions_behind_bridges)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fake_function_add(&fake, 0, 0, 0, SOME_ID);
	fn = fake_function_add(&fake, 0, 31, 0, 0x29188086);
	fn->config[PCI_HEADER_TYPE] = 0x80;
	fake_set32(fn, PCI_REVISION_ID, 0x06010002);
	fake_function_add(&fake, 0, 31, 3, SOME_ID);
	fake_function_add(&fake, 0, 31, 7, SOME_ID);
	fake_function_bridge(fake_function_add(&fake, 0, 2, 0, SOME_ID), 1, 3);
	fake_function_bridge(fake_function_add(&fake, 1, 0, 0, SOME_ID), 2, 2);
	fake_function_add(&fake, 2, 5, 0, SOME_ID);
	/* Not multi-function, so nobody asks; no bus 3. */
	fake_function_add(&fake, 0, 0, 1, SOME_ID);
	fake_function_add(&fake, 3, 0, 0, SOME_ID);

	pci_scan(&fake.host);
	expect_eq(t, fake.host.count, 7);
	expect_eq(t, fake.host.buses, 3);
	expect(t, device_with(0x0210 | 5 << 3) == NULL);
	expect(t, device_with(2 << 8 | 5 << 3) != NULL);
	require(t, device_with(31 << 3) != NULL);
	expect_eq(t, device_with(31 << 3)->vendor, 0x8086);
	expect_eq(t, device_with(31 << 3)->device, 0x2918);
	expect_eq(t, device_with(31 << 3)->class, 0x060100);
	expect_eq(t, device_with(31 << 3)->revision, 2);
	expect_eq(t, device_with(31 << 3)->header, 0);
	expect_eq(t, fake.mistakes, 0);
}

KTEST(pci_scan_reads_an_empty_slot_once)
{
	fake_config_init(&fake);
	fake_function_add(&fake, 0, 0, 0, SOME_ID);
	fake_function_add(&fake, 0, 1, 0, 0x0000ffff);
	fake_function_add(&fake, 0, 2, 0, 0x12340000);
	pci_scan(&fake.host);
	expect_eq(t, fake.host.count, 1);
	expect_eq(t, fake.reads, 32 + 2);
}

KTEST(pci_scan_does_not_follow_bridges_in_circles)
{
	static const uint8_t numbers[][2] = {
		{ 0, 255 },	/* none, as it begins where it is */
		{ 1, 1 },	/* good */
		{ 1, 1 },	/* taken */
		{ 5, 3 },	/* upside down */
		{ 0, 0 },	/* none */
	};

	fake_config_init(&fake);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
		fake_function_bridge(fake_function_add(&fake, 0, i, 0, SOME_ID), numbers[i][0],
				     numbers[i][1]);
	fake_function_bridge(fake_function_add(&fake, 1, 0, 0, SOME_ID), 0, 255);
	fake_function_bridge(fake_function_add(&fake, 1, 1, 0, SOME_ID), 1, 1);
	fake_function_bridge(fake_function_add(&fake, 1, 2, 0, SOME_ID), 2, 9);
	pci_scan(&fake.host);
	expect_eq(t, fake.host.count, 8);
	expect_eq(t, fake.host.buses, 4);
	/* Two on bus 0 got numbers; bus 1 has none for its own. */
	expect_eq(t, fake.host.numbered, 2);
	expect_eq(t, fake.host.unnumbered, 1);
}

KTEST(pci_scan_does_not_follow_bridges_upwards)
{
	fake_config_init(&fake);
	fake_function_bridge(fake_function_add(&fake, 0, 0, 0, SOME_ID), 2, 9);
	fake_function_bridge(fake_function_add(&fake, 2, 0, 0, SOME_ID), 1, 9);
	fake_function_add(&fake, 1, 0, 0, SOME_ID);
	pci_scan(&fake.host);
	expect_eq(t, fake.host.count, 2);
}

static uint32_t numbers_of(unsigned index)
{
	return fake_get32(&fake.functions[index], PCI_PRIMARY_BUS) & 0xffffff;
}

/* An ECAM ends with its last bus: what is read beyond it is somebody else's. */
KTEST(pci_scan_touches_no_bus_beyond_the_last)
{
	struct fake_function *fn;

	for (uint8_t secondary = 0; secondary < 2; secondary++) {
		fake_config_init(&fake);
		fake.host.bus_last = 0;
		fn = fake_function_add(&fake, 0, 1, 0, SOME_ID);
		fake_function_bridge(fn, secondary, secondary);
		fake_function_add(&fake, 1, 0, 0, SOME_ID);
		pci_scan(&fake.host);
		expect_eq(t, fake.host.count, 1);
		expect_eq(t, fake.host.buses, 1);
		expect_eq(t, fn->config[PCI_PRIMARY_BUS + 1], secondary);
	}
}

KTEST(pci_scan_numbers_bridges_that_nobody_numbered)
{
	fake_config_init(&fake);
	for (unsigned i = 0; i < 3; i++)
		fake_function_bridge(fake_function_add(&fake, 0, i, 0, SOME_ID), 0, 0);
	fake_function_bridge(fake_function_add(&fake, 0, 3, 0, SOME_ID), 0x10, 0x1f);
	fake_function_bridge(fake_function_add(&fake, 0x20, 0, 0, SOME_ID), 0, 0);
	fake_function_add(&fake, 0x21, 31, 0, SOME_ID);
	pci_scan(&fake.host);
	/* 0x20 to 0xff in three. */
	expect_eq(t, numbers_of(0), 0x692000);
	expect_eq(t, numbers_of(1), 0xb36a00);
	expect_eq(t, numbers_of(2), 0xfdb400);
	expect_eq(t, numbers_of(3), 0x1f1000);
	expect_eq(t, numbers_of(4), 0x692120);
	expect(t, device_with(0x21 << 8 | 31 << 3) != NULL);
	expect_eq(t, fake.host.numbered, 4);
	expect_eq(t, fake.host.unnumbered, 0);
	expect(t, pci_bridge_above(device_with(0x21 << 8 | 31 << 3)) == device_with(0x20 << 8));
	expect_eq(t, pci_root_bus(device_with(0x21 << 8 | 31 << 3)), 0);
	expect_eq(t, fake.mistakes, 0);
	pci_scan(&fake.host);
	expect_eq(t, fake.host.numbered, 0);
	expect_eq(t, fake.host.count, 6);
}

KTEST(pci_scan_begins_at_every_root)
{
	fake_config_init(&fake);
	fake.host.root_count = 2;
	fake.host.roots[0] = 0;
	fake.host.roots[1] = 0x80;
	fake_function_bridge(fake_function_add(&fake, 0, 1, 0, SOME_ID), 0, 0);
	fake_function_bridge(fake_function_add(&fake, 0, 2, 0, SOME_ID), 0x80, 0x90);
	fake_function_bridge(fake_function_add(&fake, 0x80, 1, 0, SOME_ID), 0, 0);
	fake_function_add(&fake, 0x81, 1, 0, SOME_ID);
	pci_scan(&fake.host);
	/* The second root's buses are not the first's to give, nor for its bridges to forward. */
	expect_eq(t, numbers_of(0), 0x7f0100);
	expect_eq(t, numbers_of(2), 0xff8180);
	expect_eq(t, fake.host.count, 4);
	expect_eq(t, pci_root_bus(device_with(0x81 << 8 | 1 << 3)), 0x80);
}

KTEST(pci_scan_ends_with_any_bridges)
{
	for (uint64_t n = ktest_operations() / 20000 + 1; n; n--) {
		fake_config_init(&fake);
		for (unsigned i = 0; i < 40; i++) {
			struct fake_function *fn =
				fake_function_add(&fake, (unsigned)ktest_random_below(t, 4),
						  i % 32, (unsigned)ktest_random_below(t, 2),
						  SOME_ID);

			fake_function_bridge(fn, (uint8_t)ktest_random_below(t, 6),
					     (uint8_t)ktest_random_below(t, 8));
			fn->config[PCI_HEADER_TYPE] |= ktest_random_below(t, 2) ? 0x80 : 0;
		}
		pci_scan(&fake.host);
		expect(t, fake.host.buses <= 256);
		expect(t, fake.host.count <= 40);
		expect_eq(t, fake.mistakes, 0);
		for (unsigned i = 0; i < fake.host.count; i++)
			for (unsigned k = 0; k < i; k++)
				expect(t, fake.host.devices[i].address !=
					  fake.host.devices[k].address);
	}
}

KTEST(pci_scan_says_what_does_not_fit)
{
	fake_config_init(&fake);
	for (unsigned i = 0; i < 8 * 32; i++)
		fake_function_add(&fake, 0, i / 8, i % 8, SOME_ID)->config[PCI_HEADER_TYPE] = 0x80;
	pci_scan(&fake.host);
	expect_eq(t, fake.host.count, PCI_DEVICES_MAX);
	expect_eq(t, fake.host.lost, 8 * 32 - PCI_DEVICES_MAX);
}

static struct fake_function *one_function(void)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fn = fake_function_add(&fake, 0, 3, 0, SOME_ID);
	pci_scan(&fake.host);
	return fn;
}

static void capability(struct fake_function *fn, uint8_t at, uint8_t id, uint8_t next)
{
	fn->config[PCI_STATUS] = 1 << 4;
	fn->config[at] = id;
	fn->config[at + 1] = next;
}

KTEST(pci_capabilities_are_found_in_order)
{
	struct fake_function *fn = one_function();
	struct pci_capability_walk walk;
	uint8_t at;

	capability(fn, 0x40, PCI_CAP_VENDOR, 0xfc);
	capability(fn, 0xfc, PCI_CAP_MSIX, 0x51);	/* the two low bits are reserved */
	capability(fn, 0x50, PCI_CAP_VENDOR, 0);
	fn->config[PCI_CAPABILITIES] = 0x40;
	pci_capability_begin(device_with(3 << 3), &walk);
	expect_eq(t, pci_capability_next(device_with(3 << 3), &walk, PCI_CAP_VENDOR, &at), 0);
	expect_eq(t, at, 0x40);
	expect_eq(t, pci_capability_next(device_with(3 << 3), &walk, PCI_CAP_VENDOR, &at), 0);
	expect_eq(t, at, 0x50);
	expect_eq(t, pci_capability_next(device_with(3 << 3), &walk, PCI_CAP_VENDOR, &at),
		  -ENOENT);
	fn->config[PCI_STATUS] = 0;
	pci_capability_begin(device_with(3 << 3), &walk);
	expect_eq(t, pci_capability_next(device_with(3 << 3), &walk, PCI_CAP_VENDOR, &at),
		  -ENOENT);
	expect_eq(t, fake.mistakes, 0);
}

KTEST(pci_capabilities_in_a_circle_or_out_of_place)
{
	static const uint8_t next[] = { 0x40, 0x3c, 0x04, 0x10 };

	for (unsigned i = 0; i < ARRAY_SIZE(next); i++) {
		struct fake_function *fn = one_function();
		struct pci_capability_walk walk;
		uint8_t at;

		capability(fn, 0x40, PCI_CAP_MSI, next[i]);
		fn->config[PCI_CAPABILITIES] = 0x40;
		pci_capability_begin(device_with(3 << 3), &walk);
		expect_eq(t, pci_capability_next(device_with(3 << 3), &walk, PCI_CAP_VENDOR, &at),
			  -EPROTO);
	}
}

KTEST(pci_capabilities_of_rubbish_end)
{
	for (uint64_t n = ktest_operations() / 200; n; n--) {
		struct fake_function *fn = one_function();
		const struct pci_device *dev = &fake.host.devices[0];
		struct pci_capability_walk walk;
		unsigned found = 0;
		uint8_t at;
		int rc;

		for (unsigned i = 0x40; i < PCI_CONFIG_SIZE; i++)
			fn->config[i] = (uint8_t)ktest_random(t) & (i % 2 ? 0xff : 0x09);
		fn->config[PCI_STATUS] = 1 << 4;
		fn->config[PCI_CAPABILITIES] = (uint8_t)ktest_random(t);
		pci_capability_begin(dev, &walk);
		while ((rc = pci_capability_next(dev, &walk, PCI_CAP_VENDOR, &at)) == 0) {
			expect(t, at >= 0x40 && at <= 0xfc && fn->config[at] == PCI_CAP_VENDOR);
			require(t, ++found <= 48);
		}
		expect(t, rc == -ENOENT || rc == -EPROTO);
		expect_eq(t, fake.mistakes, 0);
	}
}

KTEST(pci_bars_are_sized_and_put_back)
{
	struct fake_function *fn = one_function();
	const struct pci_device *dev = &fake.host.devices[0];
	uint8_t before[PCI_CONFIG_SIZE];
	struct pci_bar bar;

	fake_function_bar(fn, 0, 0xfebfe000, 0x1000, false);
	fake_function_bar(fn, 1, 0xe000000000, 0x4000, true);
	fake_function_bar(fn, 3, UINT64_C(0x800000000), 8 * GIB, true);
	fake_set32(fn, PCI_BAR0 + 20, 0xc041);
	fn->bar_mask[5] = 0xffe0;
	fn->config[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	memcpy(before, fn->config, sizeof(before));

	expect_eq(t, pci_bar_read(dev, 0, &bar), 0);
	expect(t, bar.base == 0xfebfe000 && bar.size == 0x1000 && !bar.wide && !bar.io);
	expect_eq(t, pci_bar_read(dev, 1, &bar), 0);
	expect(t, bar.base == 0xe000000000 && bar.size == 0x4000 && bar.wide);
	expect_eq(t, pci_bar_read(dev, 3, &bar), 0);
	expect(t, bar.base == 0x800000000 && bar.size == 8 * GIB && bar.wide);
	expect_eq(t, pci_bar_read(dev, 5, &bar), 0);
	expect(t, bar.base == 0xc040 && bar.size == 32 && bar.io);
	expect_eq(t, pci_bar_read(dev, 6, &bar), -EINVAL);
	expect(t, memcmp(before, fn->config, sizeof(before)) == 0);
	expect_eq(t, fake.mistakes, 0);
}

KTEST(pci_bars_that_are_none)
{
	struct fake_function *fn = one_function();
	const struct pci_device *dev = &fake.host.devices[0];
	struct pci_bar bar;

	expect_eq(t, pci_bar_read(dev, 0, &bar), -ENOENT);
	fake_set32(fn, PCI_BAR0, 0xfeb00000);
	fn->bar_mask[0] = 0xfff0f000;			/* a hole among the bits */
	expect_eq(t, pci_bar_read(dev, 0, &bar), -EPROTO);
	fake_set32(fn, PCI_BAR0 + 20, 0x4);		/* 64 bits, with nothing after it */
	fn->bar_mask[5] = 0xfffff000;
	expect_eq(t, pci_bar_read(dev, 5, &bar), -EPROTO);
	expect_eq(t, fake.mistakes, 0);
}

KTEST(pci_bar_check_knows_what_is_sane)
{
	static const struct {
		uint64_t base, size;
		bool io, wide;
		bool sane;
	} cases[] = {
		{ 0xfebf8000, 0x4000, false, true, true },	/* merely reserved */
		{ 0x80000000, 0x1000, false, false, true },
		{ 0xe000000000, 0x4000, false, true, true },
		{ 0, 0x1000, false, false, false },		/* not assigned */
		{ 0xfffff000, 0x1000, false, false, false },	/* all ones */
		{ UINT64_C(0xfffffffffffff000), 0x1000, false, true, false },
		{ UINT64_C(1) << 40, 0x1000, false, true, false },
		{ 0x3ffff000, 0x1000, false, false, false },	/* RAM */
		{ 0x000a0000, 0x1000, false, false, false },	/* the kernel's */
		{ 0xc000, 0x20, true, false, false },		/* ports */
	};

	fake_config_init(&fake);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_bar bar = { .base = cases[i].base, .size = cases[i].size,
				       .io = cases[i].io, .wide = cases[i].wide };

		expect_eq(t, pci_bar_check(&fake.host, &bar) == NULL, cases[i].sane);
		bar.state = PCI_BAR_DISABLED;
		bar.why = "no room";
		expect_str(t, pci_bar_check(&fake.host, &bar), "no room");
	}
}

KTEST(pci_bar_holds_what_is_inside)
{
	struct pci_bar bar = { .base = 0xfe000000, .size = 0x4000 };

	expect(t, pci_bar_holds(&bar, 0, 0x4000));
	expect(t, pci_bar_holds(&bar, 0x3fff, 1));
	expect(t, !pci_bar_holds(&bar, 0x4000, 1));
	expect(t, !pci_bar_holds(&bar, 0, 0x4001));
	expect(t, !pci_bar_holds(&bar, 0x1000, UINT64_MAX));
	expect(t, !pci_bar_holds(&bar, UINT64_MAX, 2));
	expect(t, !pci_bar_holds(&bar, 0, 0));
}

KTEST(pci_device_enable_and_disable)
{
	struct fake_function *fn = one_function();
	const struct pci_device *dev = &fake.host.devices[0];

	fake_set16(fn, PCI_COMMAND, PCI_COMMAND_IO);
	pci_device_enable(dev);
	expect_eq(t, pci_config_read16(dev, PCI_COMMAND), PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
		  PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	pci_device_disable(dev);
	expect_eq(t, pci_config_read16(dev, PCI_COMMAND),
		  PCI_COMMAND_IO | PCI_COMMAND_INTX_DISABLE);
}
