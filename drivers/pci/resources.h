/* SPDX-License-Identifier: MIT */
/*
 * Where BARs and the windows of bridges go: what firmware assigned and is sane
 * stays, what is missing is placed, what has no place is disabled. A pure
 * function of what its caller found; nothing here knows configuration space.
 *
 * The result does not depend on the order in which things are listed, and
 * given its own result it changes nothing.
 */
#pragma once

#include "kernel/lib/types.h"

enum pci_space {
	PCI_SPACE_IO,
	PCI_SPACE_MEMORY,		/* of a bridge: below 4 GiB */
	PCI_SPACE_PREFETCHABLE,
	PCI_SPACES,
};

/* [start, end); empty or closed if start >= end. */
struct pci_span {
	uint64_t start, end;
};

enum pci_window_from {
	PCI_FROM_CRS,
	/*
	 * Inferred: what the memory map leaves. New BARs go only into the same
	 * MiB (the same 4096 ports) as something kept on the root's own bus.
	 */
	PCI_FROM_MAP,
	/* A guess of whoever configured the kernel, for a root with nothing better. */
	PCI_FROM_CONFIGURED,
};

/* A range that a root forwards. */
struct pci_window {
	struct pci_span span;
	enum pci_space space;		/* prefetchable: for such BARs alone */
	enum pci_window_from from;
	uint8_t root;
};

enum pci_occupancy {
	PCI_OCCUPIED,		/* whatever lies there is not sane */
	PCI_AVOIDED,		/* an assignment there is kept, nothing new is put there */
	PCI_RESERVED,		/* the same, but new BARs may go there if _CRS says so */
};

/* A range that is somebody's. */
struct pci_occupied {
	struct pci_span span;
	const char *name;		/* OCCUPIED: why a BAR there is not sane */
	enum pci_occupancy how;
	bool io;
};

enum pci_bar_state {
	PCI_BAR_UNKNOWN,
	PCI_BAR_KEPT,
	PCI_BAR_ASSIGNED,
	PCI_BAR_DISABLED,
};

/* A bridge's windows. Those of different bridges above it form no circle. */
struct pci_res_bridge {
	uint32_t key;			/* unique among bridges; decides between equals */
	int16_t parent;			/* index of the bridge above, -1: the root's bus */
	uint8_t root;
	bool can[PCI_SPACES];		/* has such a window; prefetchable: of 64 bits */
	bool subtractive;		/* forwards also what nobody else on its bus takes */
	struct pci_span now[PCI_SPACES];

	struct pci_span window[PCI_SPACES];	/* result; empty: to be closed */
	bool kept[PCI_SPACES];			/* result: as it was */

	bool lost[2];			/* bars.c's, by `io`: it does not keep its windows */

	/* resources.c's */
	unsigned depth;
	bool pinned;			/* something fixed is behind it */
	struct pci_span need;		/* start: alignment, end: bytes */
};

struct pci_res_bar {
	uint32_t key;			/* unique among BARs */
	int16_t bridge;			/* index of the bridge above, -1: the root's bus */
	uint8_t root;
	bool io, wide, prefetchable;
	bool rom;			/* never assigned, kept if it is sane */
	bool fixed;			/* stays, even with assign_all */
	uint64_t size;			/* a power of two */
	uint64_t now;			/* address as found, 0: none */

	enum pci_bar_state state;	/* result, never UNKNOWN */
	uint64_t address;		/* result, 0 if disabled */
	const char *why;		/* result: NULL if kept; static text */

	/* resources.c's */
	enum pci_space space;		/* where it is to go */
};

struct pci_resources {
	const struct pci_window *windows;
	unsigned window_count;
	const struct pci_occupied *occupied;
	unsigned occupied_count;
	struct pci_res_bridge *bridges;
	unsigned bridge_count;		/* at most 1024 */
	struct pci_res_bar *bars;
	unsigned bar_count;		/* at most 32767 */
	unsigned physical_bits;		/* width of an address, at most 52 */
	bool assign_all;		/* nothing that firmware assigned is sane (pci=assign) */
	void *work;			/* pci_resources_work() bytes, aligned to 8 */
};

/* Bytes of work space; depends on the counts. */
size_t pci_resources_work(const struct pci_resources *r);

/*
 * Fills the results. At most quadratic in what is listed, except that each BAR
 * without a place behind a bridge costs one more look at what is behind it.
 */
void pci_resources_solve(struct pci_resources *r);

enum {
	PCI_IO_GRANULE = 0x1000,	/* of a bridge's windows (PCI-to-PCI Bridge 1.2, 3.2.5) */
	PCI_MEMORY_GRANULE = 0x100000,
};
