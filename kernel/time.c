// SPDX-License-Identifier: MIT
#include "kernel/time.h"

#include <asm/cpu.h>

uint64_t time_now(void)
{
	return cycles();
}

bool time_is_known(void)
{
	return false;
}

uint64_t time_tsc_hz(void)
{
	return 0;
}

void timer_start(struct timer *t __unused, uint64_t delay __unused)
{
}

void timer_start_periodic(struct timer *t __unused, uint64_t period __unused)
{
}

bool timer_cancel(struct timer *t __unused)
{
	return false;
}

unsigned timers_run(void)
{
	return 0;
}

uint64_t timers_next(void)
{
	return UINT64_MAX;
}

bool timers_arm(uint64_t due __unused)
{
	return false;
}

void time_report(void)
{
}

void time_report_json(struct json *j __unused)
{
}
