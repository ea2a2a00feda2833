/* SPDX-License-Identifier: MIT */
/*
 * Lines of the boot report that belong to no subsystem. kernel/main.c calls
 * them and the subsystems' own (mm_report(), virtio_report(), ...) in order.
 */
#pragma once

/* Version, configuration and compiler; boot protocol, loader, command line. */
void report_boot(void);

/* Time since entry and of each phase, and what no phase accounts for. */
void report_time(void);
