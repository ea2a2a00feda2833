/* SPDX-License-Identifier: MIT */
/*
 * Kinds of the command `crash`, beside the subsystem that dies of them:
 *
 *	static void free_twice(void) { ... }
 *	CRASH_KIND(double_free, "double-free", free_twice);
 */
#pragma once

#include "kernel/lib/table.h"

struct crash_kind {
	const char *name;
	void (*run)(void);	/* returns only if it was not noticed */
};

TABLE_DECLARE(crash_kinds, const struct crash_kind);

#define CRASH_KIND(id, name, run) \
	static const struct crash_kind crash_kind_##id __unused = { name, run }; \
	CRASH_TABLE_ADD(crash_kind_##id)

#ifdef CONFIG_SHELL
#define CRASH_TABLE_ADD(object)	TABLE_ADD(crash_kinds, object)
#else
#define CRASH_TABLE_ADD(object)	struct crash_not_built
#endif
