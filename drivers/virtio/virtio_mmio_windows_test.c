/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/virtio_mmio_windows.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"

KTEST(virtio_mmio_window_forms_that_machines_use)
{
	static const struct {
		const char *text;
		struct virtio_mmio_window window;
	} good[] = {
		{ "512@0xfeb02e00:47", { 0xfeb02e00, 512, 47 } },
		{ "4K@0xd0000000:5", { 0xd0000000, 4096, 5 } },
		{ "0x200@0xfeb00000:0x18:3", { 0xfeb00000, 0x200, 24 } },
		{ "64K@4G:4294967295", { UINT64_C(1) << 32, 1 << 16, UINT32_MAX } },
		{ "256@4:0", { 4, 256, 0 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		struct virtio_mmio_window w;

		if (!expect_eq(t, virtio_mmio_window_parse(good[i].text, &w), 0))
			continue;
		expect_eq(t, w.base, good[i].window.base);
		expect_eq(t, w.size, good[i].window.size);
		expect_eq(t, w.gsi, good[i].window.gsi);
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
	struct virtio_mmio_window a = { 0x10000, 0x200, 1 };

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
