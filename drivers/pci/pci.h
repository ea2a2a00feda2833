/* SPDX-License-Identifier: MIT */
/*
 * PCI: finding functions, their capabilities and their BARs.
 *
 * What is here works on a `struct pci_host`, which reaches configuration space
 * through a table of functions, so enumeration and sizing run on the host
 * against a fake. The kernel's hosts, found by pci_init(), use memory (ECAM)
 * where ACPI's MCFG says so, else the ports 0xCF8/0xCFC (pci_init.c).
 *
 * Context: the event loop.
 */
#pragma once

#include "drivers/pci/resources.h"
#include "kernel/lib/regions.h"

struct mmio;

enum {
	PCI_DEVICES_MAX = 128,	/* functions of a host kept; the rest is counted */
	PCI_BARS_MAX = 6,
	PCI_ROM = 6,		/* index of the expansion ROM's BAR, where it is listed */
	PCI_CONFIG_SIZE = 256,
	PCI_CONFIG_SIZE_EXTENDED = 4096,	/* through ECAM */
};

/* Registers of configuration space (PCI Local Bus 3.0, 6.1 and 6.2). */
enum pci_reg {
	PCI_VENDOR_ID = 0x00,
	PCI_DEVICE_ID = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION_ID = 0x08,		/* class code in the upper 24 bits */
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR0 = 0x10,
	PCI_PRIMARY_BUS = 0x18,		/* type 1: primary, secondary, subordinate */
	PCI_IO_BASE = 0x1c,		/* type 1, with the limit (PCI-to-PCI Bridge 1.2, 3.2) */
	PCI_MEMORY_BASE = 0x20,		/* type 1, with the limit */
	PCI_PREFETCHABLE_BASE = 0x24,	/* type 1, with the limit */
	PCI_PREFETCHABLE_BASE_HIGH = 0x28,	/* type 1 */
	PCI_PREFETCHABLE_LIMIT_HIGH = 0x2c,	/* type 1 */
	PCI_SUBSYSTEM_VENDOR_ID = 0x2c,	/* type 0 */
	PCI_SUBSYSTEM_ID = 0x2e,	/* type 0 */
	PCI_IO_BASE_HIGH = 0x30,	/* type 1, with the limit */
	PCI_ROM_BAR = 0x30,		/* type 0 */
	PCI_CAPABILITIES = 0x34,
	PCI_ROM_BAR_BRIDGE = 0x38,	/* type 1 */
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,
};

enum pci_command {
	PCI_COMMAND_IO = 1 << 0,
	PCI_COMMAND_MEMORY = 1 << 1,
	PCI_COMMAND_MASTER = 1 << 2,
	PCI_COMMAND_INTX_DISABLE = 1 << 10,
};

/* Header type without the multi-function bit (6.1; PCI-to-PCI Bridge 1.2, 3.2). */
enum pci_header {
	PCI_HEADER_NORMAL = 0,
	PCI_HEADER_BRIDGE = 1,
};

enum pci_capability_id {
	PCI_CAP_MSI = 0x05,
	PCI_CAP_VENDOR = 0x09,
	PCI_CAP_MSIX = 0x11,
};

struct pci_host;

/* Access to configuration space; `width` is 1, 2 or 4 bytes, offset aligned to it. */
struct pci_config_ops {
	uint32_t (*read)(struct pci_host *host, uint16_t address, uint16_t offset,
			 unsigned width);
	void (*write)(struct pci_host *host, uint16_t address, uint16_t offset,
		      unsigned width, uint32_t value);
};

struct pci_bar {
	paddr_t base;
	uint64_t size;		/* bytes, a power of two */
	bool io;		/* ports, not memory */
	bool wide;		/* 64-bit: takes the next index as well */
	bool prefetchable;
	uint8_t index;		/* PCI_ROM: the expansion ROM */
	enum pci_bar_state state;	/* UNKNOWN until pci_bars_settle() */
	const char *why;	/* ASSIGNED: why it was not kept; DISABLED: why; else NULL */
};

struct pci_device {
	struct pci_host *host;
	uint16_t address;	/* bus << 8 | device << 3 | function */
	uint16_t vendor;
	uint16_t device;
	uint8_t header;		/* header type without the multi-function bit */
	uint8_t revision;
	uint32_t class;		/* base class << 16 | sub-class << 8 | interface */

	/* pci_bars_settle() sets. */
	struct pci_bar *bars;	/* those that it has; NULL: not looked at yet */
	uint8_t bar_count;
	bool bars_known;
	bool quiet;		/* bars.c's: does not decode meanwhile */
	uint16_t command;	/* bars.c's: as found */
	const char *problem;	/* why it must not be driven, NULL if it may */
};

enum { PCI_ROOTS_MAX = 16 };

struct pci_host {
	const struct pci_config_ops *ops;	/* creator sets */
	const char *access;			/* creator sets: "ECAM", "ports" */
	const char *from;			/* creator sets: "MCFG", "_CBA", "ports" */
	const struct regions *map;		/* creator sets: who owns what memory */
	unsigned physical_bits;			/* creator sets: width of an address */
	uint16_t config_size;			/* creator sets; 0: PCI_CONFIG_SIZE */
	uint16_t segment;			/* creator sets */
	uint8_t bus_first;			/* creator sets */
	uint8_t bus_last;			/* creator sets; no other is touched */
	struct mmio *ecam;			/* ecam.c's */
	paddr_t ecam_base;			/* of bus_first; 0: no ECAM */
	uint8_t roots[PCI_ROOTS_MAX];		/* creator sets: buses to begin with, rising */
	unsigned root_count;			/* creator sets; 0: bus 0 alone */

	struct pci_device devices[PCI_DEVICES_MAX];	/* pci_scan() sets */
	unsigned count;
	unsigned lost;			/* functions that did not fit */
	unsigned buses;			/* scanned */
	unsigned numbered;		/* bridges that got bus numbers from us */
	unsigned unnumbered;		/* bridges for which none were left */
	uint8_t above[256];		/* bridge to each bus: its index + 1, 0: a root */
	uint8_t todo[256];		/* buses found, in order */
	uint8_t last[256];		/* highest bus that may lie behind each bus */
	uint64_t seen[4];		/* one bit per bus */
};

/* Prints as "%02x:%02x.%u". */
#define PCI_BUS(address)	((unsigned)(address) >> 8)
#define PCI_SLOT(address)	((unsigned)(address) >> 3 & 31)
#define PCI_FUNCTION(address)	((unsigned)(address) & 7)

/*
 * Fills the table of `host` from its roots on, through bridges. A bridge
 * without bus numbers gets some, where its bus has some left.
 */
void pci_scan(struct pci_host *host);

/* The bridge that leads to the function's bus, NULL on a root's bus. */
const struct pci_device *pci_bridge_above(const struct pci_device *dev);

/* The bus at which the way to the function begins. */
uint8_t pci_root_bus(const struct pci_device *dev);

uint8_t pci_config_read8(const struct pci_device *dev, uint16_t offset);
uint16_t pci_config_read16(const struct pci_device *dev, uint16_t offset);
uint32_t pci_config_read32(const struct pci_device *dev, uint16_t offset);
void pci_config_write16(const struct pci_device *dev, uint16_t offset, uint16_t value);
void pci_config_write32(const struct pci_device *dev, uint16_t offset, uint32_t value);

/* A walk over the list of capabilities (PCI Local Bus 3.0, 6.7). */
struct pci_capability_walk {
	uint8_t next;		/* offset of the next one, 0 at the end */
	uint8_t left;		/* how many can follow without meeting one again */
};

void pci_capability_begin(const struct pci_device *dev, struct pci_capability_walk *walk);

/*
 * Finds the next capability with this id. Its first four bytes are inside
 * configuration space; whoever reads more checks that.
 * Returns 0 with its offset in *at, -ENOENT at the end of the list, -EPROTO if
 * the list leaves its place (0x40..0xfc) or runs in a circle.
 */
int __must_check pci_capability_next(const struct pci_device *dev,
				     struct pci_capability_walk *walk,
				     enum pci_capability_id id, uint8_t *at);

/* The same for the next one of any kind, whose id is put into *id. */
int __must_check pci_capability_any(const struct pci_device *dev,
				    struct pci_capability_walk *walk, uint8_t *id, uint8_t *at);

/*
 * What BAR `index` is. Once the BARs are settled that is known; before, the
 * BAR is sized, with the function's decoding off meanwhile. Whether the
 * address makes sense is pci_bar_check()'s to say.
 * Returns 0; -EINVAL (no such index), -ENOENT (not implemented), -EPROTO (what
 * it answers is no size or no address).
 */
int __must_check pci_bar_read(const struct pci_device *dev, unsigned index,
			      struct pci_bar *out);

/*
 * Why a memory BAR cannot be used where it is, as a static text; NULL if it
 * can. A range that is merely reserved is no reason: firmware often calls its
 * whole window so. One that was disabled cannot.
 */
const char *pci_bar_check(const struct pci_host *host, const struct pci_bar *bar);

/* The same of a BAR of ports. */
const char *pci_ports_check(const struct pci_bar *bar);

/* True if [offset, offset+len) lies inside the BAR and is not empty. */
bool pci_bar_holds(const struct pci_bar *bar, uint64_t offset, uint64_t len);

/*
 * Lets the function decode memory and be a bus master; its interrupt line
 * stays off. pci_device_disable() ends all of it. Does nothing, and returns
 * -ENODEV, if the function has a problem: a BAR of it has no place.
 */
int pci_device_enable(const struct pci_device *dev);
/* The same for a function that is driven through its ports, which stay what they are then. */
int pci_device_enable_ports(const struct pci_device *dev);
void pci_device_disable(const struct pci_device *dev);

/* The function reaches no memory any more, and sends no message. False if it does not obey. */
bool pci_master_off(const struct pci_device *dev);

/* "Ethernet controller" for base class and sub-class; never NULL. */
const char *pci_class_name(uint32_t class);

/* "memory32", "memory64", "io", "rom". */
const char *pci_bar_kind(const struct pci_bar *bar);
/* "kept", "assigned", "disabled", "unknown". */
const char *pci_bar_state_name(enum pci_bar_state state);

/* Bytes that hold "0000:00:01.0". */
enum { PCI_NAME_MAX = 16 };
const char *pci_name(const struct pci_device *dev, char buf[PCI_NAME_MAX]);

/* The kernel's hosts (pci_init.c). */

/*
 * Looks for hosts, scans them, settles their BARs; needs acpi_init(),
 * ioremap() and mm_map().
 */
void pci_init(void);

/* How many functions there are, and function `index` of them. */
unsigned pci_device_count(void);
const struct pci_device *pci_device_at(unsigned index);

/* Host `index`, NULL behind the last. */
const struct pci_host *pci_host_at(unsigned index);

/* The windows that new BARs may go to, where any are known. */
const struct pci_window *pci_windows(unsigned *count);

/*
 * Maps [offset, offset+len) of a BAR, uncached. NULL, with a log line, if that
 * is not inside the BAR, the BAR fails pci_bar_check(), or the function has a
 * problem. End it by iounmap().
 */
struct mmio *pci_bar_map(const struct pci_device *dev, const struct pci_bar *bar,
			 uint64_t offset, size_t len);

/* Prints the lines of the boot report about PCI. */
void pci_report(void);

/* Print a line for a function, one for each of its BARs; and both for all functions. */
void pci_print_function(const struct pci_device *dev);
void pci_print_bars(const struct pci_device *dev);
void pci_print(void);

struct json;
/* Writes the value of "pci" (Documentation/machine.md). */
void pci_report_json(struct json *j);
