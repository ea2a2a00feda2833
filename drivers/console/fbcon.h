/* SPDX-License-Identifier: MIT */
/*
 * A console on the linear framebuffer that the boot loader set up: the model
 * of a terminal (term.h), a PSF font from the build, pixels of 15 to 32 bits.
 */
#pragma once

struct boot_framebuffer;

/*
 * Registers the console if `fb` has one that can be used. After the heap.
 * What cannot be used is left alone, with a log line.
 */
void fbcon_init(const struct boot_framebuffer *fb);
