/* SPDX-License-Identifier: MIT */
/*
 * The keyboard behind a PC's keyboard controller (8042), as a console that
 * can only be read from.
 */
#pragma once

/*
 * Registers the console if firmware does not deny that there is a controller
 * and one answers. Costs a tenth of a second at most, and where there is none a
 * look at a port at most. After acpi_init() and the clocks.
 */
void i8042_init(void);
