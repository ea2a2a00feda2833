/* SPDX-License-Identifier: MIT */
#pragma once

/* Prints what this boot found, a line each (floor 5: it asks everybody). */
void report(void);
