/* SPDX-License-Identifier: MIT */
/* Bring-up of the clocks. */
#pragma once

/*
 * Finds every clock, measures those of unknown frequency against those of a
 * known one, chooses the clock source and the event timer, proves that the
 * latter fires. Never fails, never waits without a bound. Needs irq_init().
 */
void clock_init(void);
