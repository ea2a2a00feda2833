/* SPDX-License-Identifier: MIT */
/* The font that the build unpacked (CONFIG_FRAMEBUFFER_FONT). */
.section .rodata
.globl font_data, font_data_end
.balign 8
font_data:
	.incbin "font.psf"
font_data_end:

.section .note.GNU-stack, "", @progbits
