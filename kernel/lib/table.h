/* SPDX-License-Identifier: MIT */
/*
 * Section tables: lists that the linker gathers from all objects, for things
 * whose order does not matter (drivers, tests, commands, parameters). Each
 * entry is a pointer to a constant object, so that the compiler's padding of
 * the objects does not matter.
 *
 *	TABLE_ADD(shell_commands, command_version);
 *
 *	const struct shell_command *const *c;
 *	table_for_each(shell_commands, c)
 *		(*c)->run(...);
 *
 * A new table needs a TABLE() line in arch/x86/kernel.lds.S. On the host the
 * linker provides __start_ and __stop_ by itself.
 */
#pragma once

#include "kernel/lib/types.h"

#define TABLE_DECLARE(table, type) \
	extern type *const __start_##table[] __weak; \
	extern type *const __stop_##table[] __weak

#define TABLE_ADD(table, object) \
	static __typeof__(object) *const __table_entry_##object \
	__used __section(#table) = &(object)

#define table_for_each(table, it) \
	for ((it) = __start_##table; (it) != __stop_##table; (it)++)
