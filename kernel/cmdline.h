/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: words separated by blanks, each `name` or
 * `name=value`. Every word that somebody understands is registered here; a
 * word that nobody understands is warned about once.
 *
 *	static int base_parse(const char *value) { ... }
 *	CMDLINE_PARAM(virtio_mmio_device, "virtio_mmio.device", base_parse);
 */
#pragma once

#include "kernel/lib/table.h"

struct cmdline_param {
	const char *name;
	/*
	 * `value` is what follows '=', "" for a word without one, and lasts
	 * only during the call. Called once for each occurrence, in order,
	 * before there is a heap. -EINVAL or another negative errno: the word
	 * is named in a warning and ignored.
	 */
	int (*parse)(const char *value);
};

TABLE_DECLARE(cmdline_params, const struct cmdline_param);

#define CMDLINE_PARAM(id, name, parse) \
	static const struct cmdline_param cmdline_param_##id = { name, parse }; \
	TABLE_ADD(cmdline_params, cmdline_param_##id)

/* Hands each word of `line`, which is as it was afterwards, to its parameter. */
void cmdline_parse(char *line);
