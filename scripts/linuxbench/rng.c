/* SPDX-License-Identifier: MIT */
/* /dev/hwrng, which is the virtio device once its module is there. */
#include "scripts/linuxbench/linuxbench.h"

#include <fcntl.h>
#include <unistd.h>

enum { STREAM = 1 << 20, SMALL = 64, SMALL_REQUESTS = 2000 };

static uint8_t bytes[1 << 16];

static int read_all(int fd, size_t total, size_t at_once)
{
	while (total) {
		ssize_t n = read(fd, bytes, total < at_once ? total : at_once);

		if (n <= 0)
			return -1;
		total -= (size_t)n;
	}
	return 0;
}

int rng_measure(void)
{
	int fd = open("/dev/hwrng", O_RDONLY);
	struct span span;

	if (fd < 0 || read_all(fd, SMALL, SMALL))
		return give_up("rng");
	span_begin(&span);
	if (read_all(fd, (size_t)SMALL * SMALL_REQUESTS, SMALL))
		return give_up("rng.64");
	span_end(&span);
	span_print(&span, "rng.64", SMALL_REQUESTS, "requests");
	span_begin(&span);
	if (read_all(fd, STREAM, sizeof(bytes)))
		return give_up("rng.stream");
	span_end(&span);
	figure("rng.stream", "total_per_kib", span.ticks * 1000 / (STREAM / 1024),
	       "ticks_per_1000");
	figure("rng.stream", "rate", (uint64_t)STREAM * 1000000 / (span.ns / 1000),
	       "bytes_per_second");
	return 0;
}
