/* SPDX-License-Identifier: MIT */
/*
 * The console device (VIRTIO 1.2, 5.3), of which its first port is driven: a
 * console like any other (kernel/console.h), input and output.
 */
#pragma once

#include "drivers/virtio/virtio.h"
#include "kernel/console.h"

/* 5.3.3; the second, several ports, is never accepted. */
#define VIRTIO_CONSOLE_F_SIZE		BIT(0)
#define VIRTIO_CONSOLE_F_MULTIPORT	BIT(1)
#define VIRTIO_CONSOLE_F_EMERG_WRITE	BIT(2)

/* struct virtio_console_config (5.3.4). */
enum virtio_console_config {
	VIRTIO_CONSOLE_COLUMNS = 0,	/* 16 bits, with F_SIZE */
	VIRTIO_CONSOLE_ROWS = 2,	/* the same */
	VIRTIO_CONSOLE_EMERGENCY = 8,	/* 32 bits, with F_EMERG_WRITE */
};

enum {
	VCONSOLE_OUT_PIECES = 16,
	VCONSOLE_OUT_PIECE = PAGE_SIZE,
	VCONSOLE_IN_PIECES = 8,
	VCONSOLE_IN_PIECE = 64,
};
