/* SPDX-License-Identifier: MIT */
/*
 * A console on the linear framebuffer that the boot loader set up: 32 bits a
 * pixel, a PSF font from the build. Video memory is only written: the text
 * lies in a buffer, and scrolling draws the cells that changed.
 */
#pragma once

struct boot_framebuffer;

/*
 * Registers the console if `fb` has one that can be used. After the heap.
 * What cannot be used is left alone, with a log line.
 */
void fbcon_init(const struct boot_framebuffer *fb);
