/* SPDX-License-Identifier: MIT */
/* MSI-X, MSI and lines of functions that tell the truth, and of others. */
#include "drivers/pci/line.h"
#include "drivers/pci/msi.h"

#include "drivers/pci/fake_config.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { SOME_ID = 0x12345678, AT = 0x40 };

static struct fake_config fake;

static const struct pci_device *dev;

static struct fake_function *function_with(uint8_t at, enum pci_capability_id id)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fn = fake_function_add(&fake, 0, 3, 0, SOME_ID);
	fake_function_bar(fn, 1, 0xfebfe000, 0x1000, false);
	fn->config[PCI_STATUS] = 1 << 4;
	fn->config[PCI_CAPABILITIES] = at;
	fn->config[at] = (uint8_t)id;
	memset(&fn->writable[AT], 0xff, sizeof(fn->writable) - AT);
	pci_scan(&fake.host);
	dev = &fake.host.devices[0];
	return fn;
}

static struct fake_function *msix_function(uint16_t entries, uint32_t table, uint32_t pending)
{
	struct fake_function *fn = function_with(AT, PCI_CAP_MSIX);

	fake_set16(fn, AT + 2, entries - 1);
	fake_set32(fn, AT + 4, table);
	fake_set32(fn, AT + 8, pending);
	return fn;
}

KTEST(pci_msix_table_is_found)
{
	struct pci_msix msix;
	const char *why;

	msix_function(4, 0x100 | 1, 0x800 | 1);
	require(t, pci_msix_read(dev, &msix, &why) == 0);
	expect(t, why == NULL);
	expect_eq(t, msix.at, AT);
	expect_eq(t, msix.size, 4);
	expect_eq(t, msix.bar.base, 0xfebfe000);
	expect_eq(t, msix.offset, 0x100);
	/* To the last byte. */
	msix_function(255, 1, 0xff8 | 1);
	expect_eq(t, pci_msix_read(dev, &msix, &why), -EPROTO);
	expect_str(t, why, "MSI-X table outside its BAR");
	msix_function(64, 0xc00 | 1, 1);
	expect_eq(t, pci_msix_read(dev, &msix, &why), 0);
}

KTEST(pci_msix_that_lies_is_refused)
{
	static const struct {
		uint16_t entries;
		uint32_t table, pending;
		const char *why;
	} cases[] = {
		{ 4, 0x1000 | 1, 0x800 | 1, "MSI-X table outside its BAR" },
		{ 4, 0xfc8 | 1, 0x800 | 1, "MSI-X table outside its BAR" },
		{ 4, 0xfffffff8 | 1, 0x800 | 1, "MSI-X table outside its BAR" },
		{ 4, 0x100 | 1, 0x1000 | 1, "MSI-X table outside its BAR" },
		{ 4, 0x100 | 6, 0x800 | 1, "MSI-X table in a BAR that does not exist" },
		{ 4, 0x100 | 7, 0x800 | 1, "MSI-X table in a BAR that does not exist" },
		{ 4, 0x100 | 0, 0x800 | 1, "MSI-X table in a BAR that does not exist" },
		{ 4, 0x100 | 1, 0x800 | 6, "MSI-X table in a BAR that does not exist" },
		{ 4, 0x100 | 1, 0x138 | 1, "MSI-X table over its pending bits" },
		{ 4, 0x800 | 1, 0x800 | 1, "MSI-X table over its pending bits" },
		{ 2048, 1, 0x800 | 1, "MSI-X table outside its BAR" },
	};
	struct pci_msix msix;
	const char *why;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		msix_function(cases[i].entries, cases[i].table, cases[i].pending);
		expect_eq(t, pci_msix_read(dev, &msix, &why), -EPROTO);
		expect_str(t, why, cases[i].why);
		expect_eq(t, fake.mistakes, 0);
	}
}

KTEST(pci_msix_in_a_bar_that_cannot_be_used_is_refused)
{
	struct fake_function *fn = msix_function(4, 1, 0x800 | 1);
	struct pci_msix msix;
	const char *why;

	fake_set32(fn, PCI_BAR0 + 4, 0);
	expect_eq(t, pci_msix_read(dev, &msix, &why), -EPROTO);
	fake_set32(fn, PCI_BAR0 + 4, 0x10000000);	/* RAM */
	expect_eq(t, pci_msix_read(dev, &msix, &why), -EPROTO);
	expect_str(t, why, "MSI-X table in a BAR that cannot be used");
	fake_set32(fn, PCI_BAR0 + 4, 0xc001);
	fn->bar_mask[1] = 0xff00;
	expect_eq(t, pci_msix_read(dev, &msix, &why), -EPROTO);
	expect_str(t, why, "MSI-X table in ports");
}

KTEST(pci_msix_at_the_end_of_configuration_space)
{
	struct pci_msix msix;
	const char *why;

	for (unsigned at = 0xe0; at <= 0xfc; at += 4) {
		struct fake_function *fn = function_with((uint8_t)at, PCI_CAP_MSIX);

		if (at <= 0xf4) {
			fake_set32(fn, at + 4, 1);
			fake_set32(fn, at + 8, 0x800 | 1);
		}
		expect_eq(t, pci_msix_read(dev, &msix, &why), at <= 0xf4 ? 0 : -EPROTO);
		expect_eq(t, fake.mistakes, 0);
	}
}

KTEST(pci_msix_entries_are_written_and_read_back)
{
	uint32_t table[3 * 4] = { 0 };
	struct irq_message message = { UINT64_C(0x1fee01000), 0x41 };

	pci_msix_mask((struct mmio *)table, 1, true);
	expect_eq(t, table[7], 1);
	expect_eq(t, pci_msix_write((struct mmio *)table, 1, &message), 0);
	expect(t, table[4] == 0xfee01000 && table[5] == 1 && table[6] == 0x41);
	pci_msix_mask((struct mmio *)table, 1, false);
	expect_eq(t, table[7], 0);
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		expect(t, (i >= 4 && i < 7) || table[i] == 0);
}

KTEST(pci_msi_of_every_layout_is_written)
{
	static const struct {
		uint16_t control;
		unsigned data, mask;
	} layouts[] = {
		{ 0, 8, 0 },
		{ PCI_MSI_64, 12, 0 },
		{ PCI_MSI_MASKABLE, 8, 12 },
		{ PCI_MSI_64 | PCI_MSI_MASKABLE, 12, 16 },
	};
	struct irq_message message = { 0xfee01000, 0x4041 };
	struct pci_msi msi;
	const char *why;

	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct fake_function *fn = function_with(AT, PCI_CAP_MSI);
		uint16_t data;

		fake_set16(fn, AT + 2, layouts[i].control);
		require(t, pci_msi_read(dev, &msi, &why) == 0);
		expect_eq(t, pci_msi_write(dev, &msi, &message), 0);
		memcpy(&data, &fn->config[AT + layouts[i].data], sizeof(data));
		expect_eq(t, fake_get32(fn, AT + 4), 0xfee01000);
		expect_eq(t, data, 0x4041);
		pci_msi_mask(dev, &msi, true);
		if (layouts[i].mask)
			expect_eq(t, fake_get32(fn, AT + layouts[i].mask), 1);
		expect_eq(t, fake.mistakes, 0);
	}
}

KTEST(pci_msi_that_cannot_be_used)
{
	struct irq_message message = { UINT64_C(0x1fee01000), 0x41 };
	struct fake_function *fn = function_with(AT, PCI_CAP_MSI);
	struct pci_msi msi;
	const char *why;

	require(t, pci_msi_read(dev, &msi, &why) == 0);
	expect_eq(t, pci_msi_write(dev, &msi, &message), -ENOTSUP);
	message.address = 0xfee01000;
	memset(&fn->writable[AT + 4], 0, 4);
	expect_eq(t, pci_msi_write(dev, &msi, &message), -EIO);
	for (unsigned at = 0xe0; at <= 0xfc; at += 4) {
		fn = function_with((uint8_t)at, PCI_CAP_MSI);
		fn->config[at + 2] = PCI_MSI_64;
		expect_eq(t, pci_msi_read(dev, &msi, &why), at <= 0xf0 ? 0 : -EPROTO);
		fn->config[at + 3] = PCI_MSI_MASKABLE >> 8;
		expect_eq(t, pci_msi_read(dev, &msi, &why), at <= 0xe8 ? 0 : -EPROTO);
	}
}

KTEST(pci_messages_are_turned_off)
{
	struct fake_function *fn = function_with(AT, PCI_CAP_MSI);

	fn->config[AT + 1] = 0x60;
	fn->config[0x60] = PCI_CAP_MSIX;
	fake_set16(fn, AT + 2, PCI_MSI_ENABLE | PCI_MSI_64);
	fake_set16(fn, 0x62, PCI_MSIX_ENABLE | 3);
	pci_messages_off(dev);
	expect_eq(t, pci_config_read16(dev, AT + 2), PCI_MSI_64);
	expect_eq(t, pci_config_read16(dev, 0x62), 3);
}

/* Lines. */

static struct {
	unsigned depth;			/* of the bus that has a _PRT */
	int rc;
	unsigned asked;
	uint8_t device;
	unsigned pin;
	uint8_t path[8];
} prt;

static int route(uint16_t segment, uint8_t root_bus, const uint8_t *path, unsigned depth,
		 uint8_t device, unsigned pin, struct acpi_gsi *out)
{
	prt.asked++;
	if (segment != 0 || root_bus != 0 || depth != prt.depth)
		return -ENOENT;
	prt.device = device;
	prt.pin = pin;
	memcpy(prt.path, path, depth);
	*out = (struct acpi_gsi){ 20, true, false };
	return prt.rc;
}

/* Bridges at 2.1 on the root bus and at 5.0 behind; a function at 3.0 behind those. */
static struct fake_function *two_bridges(unsigned prt_depth, int rc)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fake_function_add(&fake, 0, 2, 0, SOME_ID)->config[PCI_HEADER_TYPE] = 0x80;
	fake_function_bridge(fake_function_add(&fake, 0, 2, 1, SOME_ID), 1, 2);
	fake_function_bridge(fake_function_add(&fake, 1, 5, 0, SOME_ID), 2, 2);
	fn = fake_function_add(&fake, 2, 3, 0, SOME_ID);
	fn->config[PCI_INTERRUPT_PIN] = 1;
	pci_scan(&fake.host);
	dev = &fake.host.devices[3];
	memset(&prt, 0, sizeof(prt));
	prt.depth = prt_depth;
	prt.rc = rc;
	return fn;
}

static unsigned find(struct pci_line out[PCI_LINE_CANDIDATES_MAX], const char **why)
{
	static const struct acpi_override overrides[] = {
		{ 11, { 11, true, false } },
		{ 9, { 9, true, true } },
		{ 10, { 22, false, false } },
	};

	return pci_line_find(dev, route, overrides, ARRAY_SIZE(overrides), out, why);
}

KTEST(pci_lines_are_swizzled_on_the_way_up)
{
	struct pci_line lines[PCI_LINE_CANDIDATES_MAX];
	const char *why;

	two_bridges(2, 0);
	expect_eq(t, find(lines, &why), 1);
	expect_eq(t, prt.asked, 1);
	expect(t, prt.device == 3 && prt.pin == 1);
	expect(t, prt.path[0] == (2 << 3 | 1) && prt.path[1] == 5 << 3);
	expect(t, lines[0].gsi == 20 && lines[0].trigger == IRQ_LEVEL &&
	       lines[0].polarity == IRQ_ACTIVE_HIGH);
	expect_str(t, lines[0].from, "_PRT");
	two_bridges(1, 0);
	expect_eq(t, find(lines, &why), 1);
	expect(t, prt.device == 5 && prt.pin == (0 + 3) % 4 + 1);
	two_bridges(0, 0);
	expect_eq(t, find(lines, &why), 1);
	expect(t, prt.device == 2 && prt.pin == (3 + 5) % 4 + 1);
	expect_eq(t, prt.asked, 3);
	expect(t, why == NULL);
}

KTEST(pci_lines_that_are_not_routed_say_why)
{
	struct pci_line lines[PCI_LINE_CANDIDATES_MAX];
	struct fake_function *fn;
	const char *why;

	two_bridges(9, 0);
	expect_eq(t, find(lines, &why), 0);
	expect_str(t, why, "line not routed");
	two_bridges(0, -ENOTSUP);
	expect_eq(t, find(lines, &why), 0);
	expect_str(t, why, "line not routed (_PRT is code)");
	two_bridges(0, -EPROTO);
	expect_eq(t, find(lines, &why), 0);
	expect_str(t, why, "line not routed (_PRT is broken)");
	fn = two_bridges(0, 0);
	fn->config[PCI_INTERRUPT_PIN] = 0;
	expect_eq(t, find(lines, &why), 0);
	expect_str(t, why, "no interrupt pin");
	fn->config[PCI_INTERRUPT_PIN] = 5;
	expect_eq(t, find(lines, &why), 0);
}

KTEST(pci_lines_by_the_register_are_a_candidate)
{
	struct pci_line lines[PCI_LINE_CANDIDATES_MAX];
	struct fake_function *fn = two_bridges(0, -ENOTSUP);
	const char *why;

	fn->config[PCI_INTERRUPT_LINE] = 11;
	expect_eq(t, find(lines, &why), 1);
	expect(t, lines[0].gsi == 11 && lines[0].polarity == IRQ_ACTIVE_HIGH);
	fn->config[PCI_INTERRUPT_LINE] = 10;
	expect_eq(t, find(lines, &why), 1);
	expect(t, lines[0].gsi == 22 && lines[0].trigger == IRQ_EDGE);
	fn->config[PCI_INTERRUPT_LINE] = 17;
	expect_eq(t, find(lines, &why), 1);
	expect(t, lines[0].gsi == 17 && lines[0].polarity == IRQ_ACTIVE_LOW);
	fn->config[PCI_INTERRUPT_LINE] = 255;
	expect_eq(t, find(lines, &why), 0);
	prt.rc = 0;
	fn->config[PCI_INTERRUPT_LINE] = 5;
	expect_eq(t, find(lines, &why), 2);
	expect(t, lines[0].gsi == 20 && lines[1].gsi == 5);
}
