/* SPDX-License-Identifier: MIT */
/* What holds for every memory map that a loader may tell, and ways to vary one. */
#pragma once

#include "kernel/ktest.h"
#include "mm/map_model.h"

/*
 * Has the kernel read the source and build its own map, and compares both with
 * the model; `image` is where the kernel lies. The source must fit the
 * kernel's tables. Returns false once something is wrong.
 */
bool map_holds(struct ktest_run *t, const struct model_source *s, struct boot_range image);

/* The same map, whatever the order of its entries and tags. Shuffles `s`. */
bool map_ignores_order(struct ktest_run *t, struct model_source *s);

/* Moves everything up by `by` bytes, a multiple of pages where EFI entries are to stay so. */
void map_shift(struct model_source *s, uint64_t by);

/*
 * Cuts an entry in two, at a page or anywhere. Returns false if the one that
 * was drawn is too short.
 */
bool map_cut(struct ktest_run *t, struct model_source *s, bool at_page);

/* Adds an entry that overlaps some that are there, of any type. */
void map_overlap(struct ktest_run *t, struct model_source *s);

/* What the last map_holds() read. */
extern struct boot_info map_info;
extern struct regions map_kernel;
