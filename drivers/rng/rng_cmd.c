/* SPDX-License-Identifier: MIT */
/* The command rng: random bytes to look at. */
#include "drivers/rng/rng.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"

enum {
	SHOW_DEFAULT = 16,
	SHOW_MAX = 4096,
	SHOW_LINE = 16,
};

static int source_show(unsigned index, size_t count)
{
	uint8_t line[SHOW_LINE];

	print("rng%u (%s):\n", index, rng_name(index));
	for (size_t at = 0; at < count; at += sizeof(line)) {
		size_t n = min(sizeof(line), count - at);
		int rc = shell_interrupted() ? -EINTR : rng_read(index, line, n);

		if (rc == -EINTR)
			return rc;
		if (rc) {
			print("rng%u: %s\n", index, errno_name(rc));
			return rc;
		}
		print("%04zx ", at);
		for (size_t i = 0; i < n; i++)
			print(" %02x", line[i]);
		print("\n");
	}
	return 0;
}

static int rng_command(int argc, char **argv)
{
	uint64_t count = SHOW_DEFAULT;
	const char *end;
	int rc = 0;

	if (argc > 2)
		return -EINVAL;
	if (argc == 2 && (parse_size(argv[1], &end, &count) || *end || count == 0 ||
			  count > SHOW_MAX))
		return shell_wrong(argv[1], "not a number from 1 to 4096");
	if (rng_count() == 0) {
		print("no rng device\n");
		return -ENODEV;
	}
	for (unsigned i = 0; i < rng_count() && rc != -EINTR; i++) {
		int shown = source_show(i, (size_t)count);

		rc = rc ? rc : shown;
	}
	return rc;
}
SHELL_COMMAND(rng, "[count]", "show random bytes of each device, at most 4096", rng_command);
