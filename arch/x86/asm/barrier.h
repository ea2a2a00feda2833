/* SPDX-License-Identifier: MIT */
/*
 * Memory barriers, named by what they order. x86 keeps stores in order among
 * themselves and loads among themselves (Intel SDM vol. 3A, 8.2.2), so those
 * two need only restrain the compiler; a store followed by a load of another
 * address needs a fence.
 */
#pragma once

#define barrier_compiler()	__asm__ volatile("" : : : "memory")
#define barrier_store_store()	barrier_compiler()
#define barrier_load_load()	barrier_compiler()
#define barrier_store_load()	__asm__ volatile("mfence" : : : "memory")
