/* SPDX-License-Identifier: MIT */
/*
 * A console on the text screen of a VGA, where the boot loader says that the
 * machine is left in that mode.
 */
#pragma once

struct boot_framebuffer;

/*
 * Registers the console if `fb` is such a screen. After the heap. What cannot
 * be used is left alone, with a log line.
 */
void vgatext_init(const struct boot_framebuffer *fb);
