/* SPDX-License-Identifier: MIT */
/*
 * Who owns a physical address. Of virtual ones kernel/owner.h tells, to whom
 * mm/owner.c says what place in the address space each is: part of the image,
 * stack, guard page, direct map, device mapping, or next to which of them.
 */
#pragma once

#include "kernel/owner.h"

/*
 * Says in one line, without its end, what is at physical address `pa`, any
 * number whatever: the range of mm_map() with kind and name; within RAM the
 * block of the page allocator's, and what kernel/owner.h's sources know of the
 * block. `buf` of `size` bytes (at least 1), cut to fit. Any context, also in
 * a panic and before there is a map. Returns the length of the text.
 */
size_t owner_describe_physical(paddr_t pa, char *buf, size_t size);
