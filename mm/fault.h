/* SPDX-License-Identifier: MIT */
/* Failing on demand: whether an allocation is to be refused. */
#pragma once

#include "kernel/lib/types.h"

enum fault_kind {
	FAULT_HEAP,
	FAULT_PAGES,
};

static inline bool fault_refuses(enum fault_kind kind __unused, const char *caller __unused)
{
	return false;
}
