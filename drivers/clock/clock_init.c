// SPDX-License-Identifier: MIT
#include "drivers/clock/clock_init.h"

#define LOG_SUBSYS clock
#include "kernel/log.h"

LOG_DEFINE();

void clock_init(void)
{
}
