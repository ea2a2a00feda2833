/* SPDX-License-Identifier: MIT */
/*
 * The log: lines with a level and a subsystem, kept in a ring and sent to
 * every console. A line is formatted once, into the ring, and sent once to
 * each console; a console that appears later gets what the ring still holds.
 *
 *	#define LOG_SUBSYS mm
 *	#include "kernel/log.h"
 *	log_info("heap: %zu KiB", kib);
 *
 * The ceiling is CONFIG_LOG_<SUBSYS>_LEVEL: what lies above it leaves the
 * image, strings and all. Below it, `loglevel=mm:debug,pci:info` (or
 * `loglevel=debug` for all) chooses at boot.
 *
 * Context: anywhere, interrupt and exception handlers included. The logger
 * adds the newline.
 */
#pragma once

#include "kernel/lib/table.h"
#include "kernel/lib/types.h"

enum log_level {
	LOG_NONE = 0,
	LOG_ERR = 1,	/* something promised does not work */
	LOG_WARN = 2,	/* works, but not as it should */
	LOG_INFO = 3,	/* what was found */
	LOG_DEBUG = 4,	/* how it was found */
};

/* One per subsystem, defined once with LOG_DEFINE() beside its main file. */
struct log_subsys {
	const char *name;
	uint8_t *level;		/* run time's choice, enum log_level */
	uint8_t ceiling;	/* compile time's */
};

TABLE_DECLARE(log_subsystems, const struct log_subsys);

/* The ceilings; a new subsystem adds a line here and a symbol in Kconfig. */
#define LOG_CEILING_boot	CONFIG_LOG_BOOT_LEVEL
#define LOG_CEILING_kernel	CONFIG_LOG_KERNEL_LEVEL
#define LOG_CEILING_mm		CONFIG_LOG_MM_LEVEL
#define LOG_CEILING_console	CONFIG_LOG_CONSOLE_LEVEL
#define LOG_CEILING_acpi	CONFIG_LOG_ACPI_LEVEL
#define LOG_CEILING_irq		CONFIG_LOG_IRQ_LEVEL
#define LOG_CEILING_clock	CONFIG_LOG_CLOCK_LEVEL
#define LOG_CEILING_pci		CONFIG_LOG_PCI_LEVEL
#define LOG_CEILING_virtio	CONFIG_LOG_VIRTIO_LEVEL
#define LOG_CEILING_rng		CONFIG_LOG_RNG_LEVEL
#define LOG_CEILING_block	CONFIG_LOG_BLOCK_LEVEL
#define LOG_CEILING_net		CONFIG_LOG_NET_LEVEL

#define LOG_PASTE_(a, b)	a##b
#define LOG_PASTE(a, b)		LOG_PASTE_(a, b)
#define LOG_CEILING		LOG_PASTE(LOG_CEILING_, LOG_SUBSYS)
#define LOG_LEVEL_VARIABLE	LOG_PASTE(log_level_, LOG_SUBSYS)
#define LOG_STRING_(x)		#x
#define LOG_STRING(x)		LOG_STRING_(x)

/* Defines the file's LOG_SUBSYS; in exactly one file of the subsystem. */
#define LOG_DEFINE() \
	uint8_t LOG_LEVEL_VARIABLE = \
		LOG_CEILING < CONFIG_LOG_DEFAULT ? LOG_CEILING : CONFIG_LOG_DEFAULT; \
	static const struct log_subsys log_subsys_here = { \
		LOG_STRING(LOG_SUBSYS), &LOG_LEVEL_VARIABLE, LOG_CEILING \
	}; \
	TABLE_ADD(log_subsystems, log_subsys_here)

#ifdef LOG_SUBSYS
extern uint8_t LOG_LEVEL_VARIABLE;
#endif

#define log_at(lvl, ...) do { \
	if ((lvl) <= LOG_CEILING && (lvl) <= LOG_LEVEL_VARIABLE) \
		log_line((lvl), LOG_STRING(LOG_SUBSYS), __VA_ARGS__); \
} while (0)

#define log_err(...)	log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_DEBUG, __VA_ARGS__)

/* Formats one line; use the macros above. */
void log_line(enum log_level level, const char *subsys, const char *fmt, ...)
	__printf(3, 4);

/*
 * Prints text as it stands, without level or prefix: the report, the shell,
 * the tests. Not filtered; kept in the ring like every line. The caller
 * writes the newlines.
 */
void print(const char *fmt, ...) __printf(1, 2);

/* Keeps text in the ring that the consoles have shown already. */
void log_keep(const char *text, size_t len);

/* How many bytes the ring was ever given. */
uint64_t log_position(void);

/* Lines of errors and warnings since entry. */
unsigned log_complaints(void);

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);
