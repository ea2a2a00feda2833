/* SPDX-License-Identifier: MIT */
/* The command that lists devices, with what they did since boot. */
#include "drivers/virtio/virtio.h"

#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"

static int lsdev_run(int argc, char **argv __unused)
{
	const struct virtio_device *dev;
	char text[VIRTIO_LINE_MAX];

	if (argc != 1)
		return -EINVAL;
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++) {
		virtio_device_describe(dev, text, sizeof(text));
		print("%s\n", text);
		if (dev->source_count)
			print("        %llu interrupts, %llu for the configuration\n",
			      (unsigned long long)virtio_irqs_count(dev),
			      (unsigned long long)dev->config_changes);
	}
	if (!virtio_device_at(0))
		print("no device\n");
	return 0;
}
SHELL_COMMAND(lsdev, "", "list virtio devices, their drivers and interrupts", lsdev_run);
