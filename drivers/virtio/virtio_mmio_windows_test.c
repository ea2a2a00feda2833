/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/virtio_mmio_windows.h"

#include "drivers/acpi/acpi.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"

KTEST(virtio_mmio_window_forms_that_machines_use)
{
	static const struct {
		const char *text;
		struct virtio_mmio_window window;
	} good[] = {
		{ "512@0xfeb02e00:47", { .base = 0xfeb02e00, .size = 512, .gsi = 47 } },
		{ "4K@0xd0000000:5", { .base = 0xd0000000, .size = 4096, .gsi = 5 } },
		{ "0x200@0xfeb00000:0x18:3", { .base = 0xfeb00000, .size = 0x200, .gsi = 24 } },
		{ "64K@4G:4294967295",
		  { .base = UINT64_C(1) << 32, .size = 1 << 16, .gsi = UINT32_MAX } },
		{ "256@4:0", { .base = 4, .size = 256, .gsi = 0 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		struct virtio_mmio_window w;

		if (!expect_eq(t, virtio_mmio_window_parse(good[i].text, &w), 0))
			continue;
		expect_eq(t, w.base, good[i].window.base);
		expect_eq(t, w.size, good[i].window.size);
		expect_eq(t, w.gsi, good[i].window.gsi);
		expect_eq(t, w.trigger, IRQ_EDGE);
		expect_eq(t, w.polarity, IRQ_ACTIVE_HIGH);
		expect_str(t, w.from, "command line");
	}
}

KTEST(virtio_mmio_window_refuses_what_is_malformed)
{
	static const char *const bad[] = {
		"", "512", "512@", "512@0xfeb02e00", "512@0xfeb02e00:", "@0xfeb02e00:47",
		"512:0xfeb02e00@47", "512@0xfeb02e00:47:", "512@0xfeb02e00:47:x",
		"512@0xfeb02e00:47 ", "512@0xfeb02e00:47:1:2", "512@@0xfeb02e00:47",
		"-512@0xfeb02e00:47", "512@0xfeb02e00:-1", "512@0x:47", "512@feb02e00:47",
		"0@0xfeb02e00:47", "255@0xfeb02e00:47", "2M@0xfeb00000:47",
		"512@0:47", "512@0xfeb02e01:47", "512@0xfffffffffffffffc:47",
		"512@0xfeb02e00:4294967296", "99999999999999999999@0x1000:1",
		"512@99999999999999999999:1", "512@0xfeb02e00:1:4294967296",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct virtio_mmio_window w;

		if (!expect_eq(t, virtio_mmio_window_parse(bad[i], &w), -EINVAL))
			print("# accepted: '%s'\n", bad[i]);
	}
}

KTEST(virtio_mmio_windows_are_taken_once_and_bounded)
{
	static struct virtio_mmio_windows w;
	struct virtio_mmio_window a = {
		.base = 0x10000, .size = 0x200, .gsi = 1, .from = "command line",
	};

	w.count = 0;
	for (unsigned i = 0; i < VIRTIO_MMIO_WINDOWS_MAX; i++) {
		expect_eq(t, virtio_mmio_windows_add(&w, &a), 0);
		expect_eq(t, virtio_mmio_windows_add(&w, &a), 0);
		a.base += 0x200;
	}
	expect_eq(t, virtio_mmio_windows_add(&w, &a), -ENOSPC);
	a.base = 0x10100;
	expect_eq(t, virtio_mmio_windows_add(&w, &a), -EBUSY);
	a.base = 0xff04;
	expect_eq(t, virtio_mmio_windows_add(&w, &a), -EBUSY);
	expect_eq(t, w.count, VIRTIO_MMIO_WINDOWS_MAX);
}

KTEST(virtio_mmio_window_of_acpi_keeps_its_line)
{
	struct acpi_virtio_mmio said = {
		.base = 0xfeb02e00, .size = 512, .line = { .gsi = 47, .level = true },
	};
	struct virtio_mmio_window w;

	require(t, virtio_mmio_window_from_acpi(&said, &w) == 0);
	expect(t, w.base == said.base && w.size == 512 && w.gsi == 47);
	expect(t, w.trigger == IRQ_LEVEL && w.polarity == IRQ_ACTIVE_HIGH);
	expect_str(t, w.from, "ACPI");
	said.line = (struct acpi_gsi){ .gsi = 5, .active_low = true };
	require(t, virtio_mmio_window_from_acpi(&said, &w) == 0);
	expect(t, w.gsi == 5 && w.trigger == IRQ_EDGE && w.polarity == IRQ_ACTIVE_LOW);
	said.size = UINT32_MAX;
	require(t, virtio_mmio_window_from_acpi(&said, &w) == 0);
	expect_eq(t, w.size, VIRTIO_MMIO_WINDOW_MAX);
}

KTEST(virtio_mmio_window_of_acpi_is_bounded)
{
	static const struct acpi_virtio_mmio bad[] = {
		{ .base = 0, .size = 512 },
		{ .base = 0xfeb02e01, .size = 512 },
		{ .base = 0xfeb02e00, .size = 0 },
		{ .base = 0xfeb02e00, .size = 255 },
		{ .base = UINT64_MAX - 3, .size = 512 },
		{ .base = UINT64_MAX - 0xfffb, .size = UINT32_MAX },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct virtio_mmio_window w;

		expect_eq(t, virtio_mmio_window_from_acpi(&bad[i], &w), -EINVAL);
	}
}

KTEST(virtio_mmio_windows_believe_who_came_first)
{
	static struct virtio_mmio_windows w;
	struct virtio_mmio_window told = {
		.base = 0x10000, .size = 0x200, .gsi = 1, .from = "command line",
	};
	struct virtio_mmio_window acpi = {
		.base = 0x10000, .size = 0x200, .gsi = 2, .from = "ACPI",
	};

	w.count = 0;
	require(t, virtio_mmio_windows_add(&w, &told) == 0);
	expect_eq(t, virtio_mmio_windows_add(&w, &acpi), 0);
	expect_eq(t, w.count, 1);
	expect_eq(t, w.list[0].gsi, 1);
	told.gsi = 3;
	expect_eq(t, virtio_mmio_windows_add(&w, &told), -EBUSY);
	acpi.size = 0x400;
	expect_eq(t, virtio_mmio_windows_add(&w, &acpi), -EBUSY);
	acpi.base = 0x10200;
	expect_eq(t, virtio_mmio_windows_add(&w, &acpi), 0);
	expect_eq(t, w.count, 2);
}
