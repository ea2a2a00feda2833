/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sets run-time log levels from `[SUBSYS:]LEVEL,...`; LEVEL is none, error,
 * warning, info, debug or 0-4. Every part that can be understood takes effect.
 * Returns 0, or -EINVAL if a part could not be understood.
 */
int loglevel_parse(const char *value);
