/* SPDX-License-Identifier: MIT */
/* The command that lists devices, with what was agreed upon and what they did since boot. */
#include "drivers/virtio/virtio.h"

#include "kernel/lib/errno.h"
#include "kernel/shell.h"

static int lsdev_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	virtio_print();
	return 0;
}
SHELL_COMMAND(lsdev, "", "list virtio devices, their drivers and interrupts", lsdev_run);
