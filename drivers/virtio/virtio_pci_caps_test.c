/* SPDX-License-Identifier: MIT */
/* The capabilities of virtio-pci devices: good ones, odd ones, lies. */
#include "drivers/virtio/virtio_pci_caps.h"

#include "drivers/pci/fake_config.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_config fake;
static struct virtio_pci_caps caps;

enum { COMMON_AT = 0x84, NOTIFY_AT = 0x98, ISR_AT = 0xac, DEVICE_AT = 0xbc };

static void put_cap(struct fake_function *fn, uint8_t at, uint8_t next, uint8_t type,
		    uint8_t bar, uint32_t offset, uint32_t length)
{
	fn->config[at] = PCI_CAP_VENDOR;
	fn->config[at + 1] = next;
	fn->config[at + 2] = type == VIRTIO_PCI_CAP_NOTIFY ? 20 : 16;
	fn->config[at + 3] = type;
	fn->config[at + 4] = bar;
	fake_set32(fn, at + 8, offset);
	fake_set32(fn, at + 12, length);
}

/* As QEMU makes it. */
static struct fake_function *good_device(void)
{
	struct fake_function *fn;

	fake_config_init(&fake);
	fn = fake_function_add(&fake, 0, 3, 0, 0x10051af4);
	fake_set16(fn, PCI_SUBSYSTEM_ID, 4);
	fake_function_bar(fn, 1, 0xfebfe000, 0x1000, false);
	fake_function_bar(fn, 4, 0xfebf8000, 0x4000, true);
	fn->config[PCI_STATUS] = 1 << 4;
	fn->config[PCI_CAPABILITIES] = COMMON_AT;
	put_cap(fn, COMMON_AT, NOTIFY_AT, VIRTIO_PCI_CAP_COMMON, 4, 0, 0x1000);
	put_cap(fn, NOTIFY_AT, ISR_AT, VIRTIO_PCI_CAP_NOTIFY, 4, 0x3000, 0x1000);
	fake_set32(fn, NOTIFY_AT + 16, 4);
	put_cap(fn, ISR_AT, DEVICE_AT, VIRTIO_PCI_CAP_ISR, 4, 0x1000, 0x1000);
	put_cap(fn, DEVICE_AT, 0, VIRTIO_PCI_CAP_DEVICE, 4, 0x2000, 0x1000);
	pci_scan(&fake.host);
	return fn;
}

static int read_caps(struct ktest_run *t)
{
	int rc = virtio_pci_caps_read(&fake.host.devices[0], &caps);

	expect_eq(t, rc == -EPROTO, caps.problem != NULL);
	expect_eq(t, fake.mistakes, 0);
	return rc;
}

KTEST(virtio_pci_caps_of_an_honest_device)
{
	good_device();
	require(t, read_caps(t) == 0);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_COMMON].offset, 0);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_NOTIFY].offset, 0x3000);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_ISR].offset, 0x1000);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_DEVICE].length, 0x1000);
	expect_eq(t, caps.notify_multiplier, 4);
	expect_eq(t, caps.bars[4].base, 0xfebf8000);
	expect_eq(t, caps.bars[1].size, 0);
}

KTEST(virtio_pci_first_usable_structure_counts)
{
	struct fake_function *fn = good_device();

	/* A reserved BAR number, a type of the future, a second common structure. */
	put_cap(fn, 0x40, 0x50, VIRTIO_PCI_CAP_COMMON, 6, 0, 0x1000);
	put_cap(fn, 0x50, 0x60, 77, 4, 0xfffffff0, 0xffffffff);
	put_cap(fn, 0x60, 0x70, 0, 4, 0xfffffff0, 0xffffffff);
	put_cap(fn, 0x70, COMMON_AT, VIRTIO_PCI_CAP_NOTIFY, 2, 0, 0x4);	/* ports */
	fake_set32(fn, PCI_BAR0 + 8, 0xc001);
	fn->bar_mask[2] = 0xfff0;
	fn->config[PCI_CAPABILITIES] = 0x40;
	put_cap(fn, DEVICE_AT, 0xd0, VIRTIO_PCI_CAP_DEVICE, 4, 0x2000, 0x1000);
	put_cap(fn, 0xd0, 0, VIRTIO_PCI_CAP_COMMON, 4, 0x5000, 0x1000);
	require(t, read_caps(t) == 0);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_COMMON].bar, 4);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_COMMON].offset, 0);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_NOTIFY].offset, 0x3000);
}

/* 4.1.4.1, 4.1.4.8.2, 4.1.4.9.2: the window of type 5 and vendor data (9) are not for us. */
KTEST(virtio_pci_capabilities_may_be_longer_and_are_never_written)
{
	struct fake_function *fn = good_device();
	uint8_t before[PCI_CONFIG_SIZE - 0x40];

	fn->config[COMMON_AT + 2] = 0x40;
	fn->config[NOTIFY_AT + 2] = 0xff;
	put_cap(fn, DEVICE_AT, 0xc0, VIRTIO_PCI_CAP_DEVICE, 4, 0x2000, 0x1000);
	put_cap(fn, 0xc0, 0xe0, 5, 4, 0, 4);
	put_cap(fn, 0xe0, 0, 9, 4, 0, 4);
	memset(fn->writable + 0x40, 0xff, sizeof(before));
	memcpy(before, fn->config + 0x40, sizeof(before));
	require(t, read_caps(t) == 0);
	expect_eq(t, caps.caps[VIRTIO_PCI_CAP_COMMON].length, 0x1000);
	expect(t, memcmp(before, fn->config + 0x40, sizeof(before)) == 0);
}

KTEST(virtio_pci_legacy_only_device_is_told_apart)
{
	struct fake_function *fn = good_device();

	fn->config[PCI_CAPABILITIES] = 0;
	expect_eq(t, read_caps(t), -ENOENT);
	fn->config[PCI_STATUS] = 0;
	expect_eq(t, read_caps(t), -ENOENT);
}

KTEST(virtio_pci_structures_outside_their_bar)
{
	static const uint32_t where[][2] = {
		{ 0x4000, 0x1000 }, { 0x3ffc, 0x1000 }, { 0xfffff000, 0x1000 },
		{ 0, 0x4001 }, { 0x1000, 0xffffffff }, { 0xffffffc0, 0x40 },
		{ 0, 55 }, { 0, 0 }, { 2, 0x1000 }, { 1, 0x1000 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(where); i++) {
		struct fake_function *fn = good_device();

		put_cap(fn, COMMON_AT, NOTIFY_AT, VIRTIO_PCI_CAP_COMMON, 4, where[i][0],
			where[i][1]);
		expect_eq(t, read_caps(t), -EPROTO);
	}
}

KTEST(virtio_pci_structures_that_are_missing_or_cut)
{
	struct fake_function *fn = good_device();

	fn->config[COMMON_AT + 1] = ISR_AT;		/* no notify */
	expect_eq(t, read_caps(t), -EPROTO);
	fn = good_device();
	fn->config[PCI_CAPABILITIES] = NOTIFY_AT;	/* no common */
	expect_eq(t, read_caps(t), -EPROTO);
	fn = good_device();
	fn->config[NOTIFY_AT + 2] = 16;			/* no room for a multiplier */
	expect_eq(t, read_caps(t), -EPROTO);
	fn = good_device();
	fn->config[NOTIFY_AT + 1] = DEVICE_AT;
	fn->config[DEVICE_AT + 1] = 0xf4;		/* runs off the end */
	fn->config[0xf4] = PCI_CAP_VENDOR;
	fn->config[0xf4 + 2] = 16;
	fn->config[0xf4 + 3] = VIRTIO_PCI_CAP_ISR;
	fn->config[0xf4 + 4] = 4;
	expect_eq(t, read_caps(t), -EPROTO);
	fn = good_device();
	put_cap(fn, COMMON_AT, NOTIFY_AT, VIRTIO_PCI_CAP_COMMON, 0, 0, 0x1000);	/* no BAR 0 */
	expect_eq(t, read_caps(t), -EPROTO);
	fn = good_device();
	fn->config[DEVICE_AT + 1] = COMMON_AT;		/* a circle */
	expect_eq(t, read_caps(t), -EPROTO);
}

KTEST(virtio_pci_notify_multiplier)
{
	static const struct { uint32_t value; int rc; } cases[] = {
		{ 0, 0 }, { 2, 0 }, { 4, 0 }, { 0x1000, 0 }, { 0x80000000, 0 },
		{ 1, -EPROTO }, { 3, -EPROTO }, { 6, -EPROTO }, { 0xffffffff, -EPROTO },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_function *fn = good_device();

		fake_set32(fn, NOTIFY_AT + 16, cases[i].value);
		expect_eq(t, read_caps(t), cases[i].rc);
	}
}

KTEST(virtio_pci_caps_of_rubbish_stay_inside)
{
	for (uint64_t n = ktest_operations() / 500; n; n--) {
		struct fake_function *fn = good_device();

		for (unsigned i = 0; i < 6; i++) {
			unsigned at = 0x40 + (unsigned)ktest_random_below(t, 0xc0);

			fn->config[at] = (uint8_t)ktest_random(t);
		}
		if (read_caps(t))
			continue;
		for (unsigned type = 1; type < VIRTIO_PCI_CAP_COUNT; type++) {
			const struct virtio_pci_cap *c = &caps.caps[type];

			expect(t, c->length == 0 ||
				  pci_bar_holds(&caps.bars[c->bar], c->offset, c->length));
		}
	}
}

KTEST(virtio_pci_device_types)
{
	static const struct { uint32_t id; uint16_t subsystem; uint32_t type; } cases[] = {
		{ 0x10051af4, 4, 4 }, { 0x10001af4, 1, 1 }, { 0x10441af4, 0x1100, 4 },
		{ 0x107f1af4, 0, 63 }, { 0x10801af4, 4, 0 }, { 0x0fff1af4, 4, 0 },
		{ 0x10058086, 4, 0 },
		/* The subsystem is for the others. */
		{ 0x10001af4, 0x77, 1 }, { 0x10011af4, 0, 2 }, { 0x10091af4, 5, 9 },
		{ 0x10061af4, 23, 23 }, { 0x103f1af4, 24, 24 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_function *fn;

		fake_config_init(&fake);
		fn = fake_function_add(&fake, 0, 1, 0, cases[i].id);
		fake_set16(fn, PCI_SUBSYSTEM_ID, cases[i].subsystem);
		pci_scan(&fake.host);
		expect_eq(t, virtio_pci_id(&fake.host.devices[0]), cases[i].type);
	}
}
