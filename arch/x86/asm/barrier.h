/* SPDX-License-Identifier: MIT */
/*
 * Memory barriers, named by what they order. x86 keeps stores in order among
 * themselves and loads among themselves (Intel SDM vol. 3A, 8.2.2), so those
 * two need only restrain the compiler; a store followed by a load of another
 * address needs a fence.
 */
#pragma once

#include "kernel/lib/types.h"

#define barrier_compiler()	__asm__ volatile("" : : : "memory")

#ifdef CAIRN_HOSTED
/*
 * A test looks at memory where each barrier stands: what it orders must be on
 * its right side. NULL: nobody looks.
 */
enum barrier { BARRIER_STORE_STORE, BARRIER_LOAD_LOAD, BARRIER_STORE_LOAD };
extern void (*host_barrier)(enum barrier kind);

#define barrier_passed(kind)	do { barrier_compiler(); \
				if (host_barrier) host_barrier(kind); } while (0)
#define barrier_store_store()	barrier_passed(BARRIER_STORE_STORE)
#define barrier_load_load()	barrier_passed(BARRIER_LOAD_LOAD)
#define barrier_store_load()	do { __asm__ volatile("mfence" : : : "memory"); \
				barrier_passed(BARRIER_STORE_LOAD); } while (0)
#else
#define barrier_store_store()	barrier_compiler()
#define barrier_load_load()	barrier_compiler()
#define barrier_store_load()	__asm__ volatile("mfence" : : : "memory")
#endif
