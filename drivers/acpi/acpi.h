/* SPDX-License-Identifier: MIT */
/*
 * What firmware says of the machine (ACPI 6.4): tables found, checked, read
 * once and turned into the structures below. A table is mapped only while it is
 * read. Nobody above this directory sees a table's bytes or AML.
 *
 * Without ACPI (no RSDP, or CONFIG_ACPI off) every count is 0 and every
 * `present` is false. Where there is no MADT the MultiProcessor table
 * (MP specification 1.4) is read instead, for the same structures;
 * acpi_info.interrupts_from says which.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	ACPI_LIST_MAX = 65,		/* listed, one of them the DSDT; more are counted */
	ACPI_IOAPICS_MAX = 16,
	ACPI_OVERRIDES_MAX = 16,	/* one for each ISA interrupt */
	ACPI_MCFG_MAX = 16,
	ACPI_VIRTIO_MAX = 64,
	ACPI_BRIDGES_MAX = 16,
	ACPI_WINDOWS_MAX = 16,		/* of a host bridge */
};

/* A table as found; all of it that was listed, good or bad. */
struct acpi_table {
	char signature[5];
	paddr_t pa;
	uint32_t length;		/* bytes, as it says itself */
	const char *problem;		/* why it is not used, else NULL */
};

/* An interrupt line: a GSI and how it is signalled. */
struct acpi_gsi {
	uint32_t gsi;
	bool level;
	bool active_low;
};

struct acpi_ioapic {
	uint8_t id;
	paddr_t base;
	uint32_t gsi_base;
};

struct acpi_override {
	uint8_t source;			/* ISA interrupt, 0 to 15 */
	struct acpi_gsi to;
};

struct acpi_mcfg {
	paddr_t base;			/* of bus 0, as the table has it */
	uint16_t segment;
	uint8_t bus_first, bus_last;
};

/* Generic address structure (5.2.3.2), as far as registers here need it. */
struct acpi_address {
	uint8_t space;			/* 0 memory, 1 ports, 2 PCI configuration */
	uint8_t width, offset;		/* bits */
	uint8_t access;			/* of an access: 1 << (n - 1) bytes; 0: untold */
	uint64_t address;
};

struct acpi_fadt {
	bool present;
	paddr_t dsdt;			/* where its AML begins; 0: none */
	bool hardware_reduced;		/* no fixed registers, PM timer included */
	bool has_reset;
	struct acpi_address reset;
	uint8_t reset_value;
	bool has_pm_timer;
	bool pm_timer_32bit;		/* else 24 */
	struct acpi_address pm_timer;
	/* IAPC_BOOT_ARCH (5.2.9.3) */
	bool legacy_devices, has_8042, no_vga, no_msi, no_cmos_rtc;
	/* Hardware-reduced (4.8.3.7); address 0: none. */
	struct acpi_address sleep_control, sleep_status;
	/* Else: PM1 control (4.8.3.2.1), one register or two halves; address 0: none. */
	struct acpi_address pm1a_control, pm1b_control;
	/* What hands the fixed registers over to us, if firmware still has them; 0: nothing. */
	uint32_t smi_command;		/* port */
	uint8_t acpi_enable;		/* what to write there */
};

struct acpi_hpet {
	bool present;
	paddr_t base;
	uint16_t minimum_tick;
};

struct acpi_spcr {
	bool present;
	uint8_t type;			/* interface type */
	struct acpi_address base;
	uint32_t baud;			/* 0: as it is */
	uint32_t clock;			/* Hz; 0: not told */
	bool has_gsi;
	uint32_t gsi;
};

/* A device LNRO0005 of the namespace. */
struct acpi_virtio_mmio {
	paddr_t base;
	uint32_t size;
	struct acpi_gsi line;
	uint32_t uid;			/* _UID if it is a number, else 0 */
	char path[24];			/* "\\_SB.VR07", cut */
};

/* A range that a host bridge forwards (6.4.3.5), from a static _CRS. */
struct acpi_window {
	uint64_t start, end;		/* end: one past the last byte */
	bool io;			/* ports; else memory */
	bool prefetchable;
};

/* A PCI host bridge, PNP0A03 or PNP0A08. */
struct acpi_bridge {
	char path[24];			/* "\\_SB.PCI0" */
	uint32_t uid;			/* _UID if it is a number, else 0 */
	uint16_t segment;		/* _SEG */
	uint8_t bus;			/* _BBN, or the first bus of _CRS; else 0 */
	uint8_t bus_last;		/* of _CRS; else 255 */
	/*
	 * _CBA: configuration space of bus 0, which MCFG need not list (PCI
	 * Firmware Specification 3.0, 4.1.3). 0: none, or none that is static.
	 */
	paddr_t config_base;
	bool crs_static;		/* windows are what _CRS says */
	const char *crs_problem;	/* else why not: "_CRS is code", "no _CRS", ... */
	const char *prt_problem;	/* why its _PRT cannot be read, NULL if it can */
	struct acpi_window windows[ACPI_WINDOWS_MAX];
	unsigned window_count;
};

struct acpi_info {
	const char *rsdp_from;		/* "boot loader", "BIOS area"; NULL: none found */
	paddr_t rsdp;			/* 0 if only a copy was handed over */
	struct acpi_table tables[ACPI_LIST_MAX];
	unsigned table_count;
	unsigned tables_lost;

	const char *interrupts_from;	/* "MADT", "MP table"; NULL: neither */
	paddr_t lapic;			/* as the table has it; the MSR has the last word */
	bool has_pic;			/* two 8259 to be masked (PCAT_COMPAT) */
	unsigned processors;		/* enabled ones */
	struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
	unsigned ioapic_count;
	struct acpi_override overrides[ACPI_OVERRIDES_MAX];
	unsigned override_count;

	struct acpi_mcfg mcfg[ACPI_MCFG_MAX];
	unsigned mcfg_count;
	struct acpi_fadt fadt;
	struct acpi_hpet hpet;
	struct acpi_spcr spcr;

	struct acpi_virtio_mmio virtio[ACPI_VIRTIO_MAX];
	unsigned virtio_count;
	struct acpi_bridge bridges[ACPI_BRIDGES_MAX];
	unsigned bridge_count;
	const char *aml_problem;	/* where the reader had to stop, else NULL */
};

/* Finds and reads all of it, once. Never fails: what is wrong is logged and left out. */
void acpi_init(void);

/* Valid after acpi_init(), for ever. */
const struct acpi_info *acpi_info(void);

/*
 * The line of INTA# to INTD# (pin 1 to 4) of slot `device` on a bus, by that
 * bus's own _PRT (6.2.13). The bus is named by its host bridge and the
 * bridges on the way: path[0] is the address (device << 3 | function) of the
 * bridge on the root bus, and so on; depth 0 is the root bus itself.
 * Returns 0; -ENOENT (that bus has no _PRT, or it has no such entry), -ENOTSUP
 * (its _PRT is code, or leads to a link device that is), -EPROTO (broken).
 */
int __must_check acpi_pci_route(uint16_t segment, uint8_t root_bus, const uint8_t *path,
				unsigned depth, uint8_t device, unsigned pin,
				struct acpi_gsi *out);

/* Prints the lines of the boot report about firmware's tables. */
void acpi_report(void);

struct json;
/* Writes the value of "acpi" (Documentation/machine.md). */
void acpi_report_json(struct json *j);
