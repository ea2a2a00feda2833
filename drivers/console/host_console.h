/* SPDX-License-Identifier: MIT */
/* The host's side of kernel/console.h: what registers is kept for its test. */
#pragma once

#include "kernel/console.h"

extern struct console *host_console;	/* that registered last; NULL: none since it was cleared */
extern bool host_in_panic;		/* console_in_panic() */
