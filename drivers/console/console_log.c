// SPDX-License-Identifier: MIT
/* The log level of consoles, whichever of them are built. */
#define LOG_SUBSYS console
#include "kernel/log.h"

LOG_DEFINE();
