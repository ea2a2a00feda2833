// SPDX-License-Identifier: MIT
/*
 * The boot, one phase a line. Each phase is stamped with the time-stamp
 * counter; what follows the last is the report, then what the command line
 * asks for: tests, benchmarks, or the shell.
 */
#include <asm/cpu.h>

#include "arch/x86/boot/boot.h"
#include "arch/x86/boot/watch.h"
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "drivers/acpi/acpi.h"
#include "drivers/block/block.h"
#include "drivers/clock/clock_init.h"
#include "drivers/console/fbcon.h"
#include "drivers/console/i8042.h"
#include "drivers/console/serial.h"
#include "drivers/console/vgatext.h"
#include "drivers/irq/irq_init.h"
#include "drivers/net/netdev.h"
#include "drivers/pci/pci.h"
#include "drivers/rng/rng.h"
#include "drivers/virtio/virtio.h"
#include "kernel/bench.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/irq.h"
#include "kernel/json.h"
#include "kernel/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"
#include "kernel/phase.h"
#include "kernel/report.h"
#include "kernel/run.h"
#include "kernel/shell.h"
#include "kernel/time.h"
#include "kernel/wait.h"
#include "mm/fault.h"
#include "mm/mm.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

void kmain(void);

static void parse_cmdline(void)
{
	if (boot_info.cmdline_lost)
		log_warn("the command line is cut at a word: %zu bytes kept, %u lost",
			 strlen(boot_info.cmdline), boot_info.cmdline_lost);
	cmdline_parse(boot_info.cmdline);
	run_options_known();
}

static void init_memory(void)
{
	mm_init(&boot_info);
}

static void init_screen(void)
{
	if (IS_ENABLED(CONFIG_FRAMEBUFFER))
		fbcon_init(&boot_info.framebuffer);
	if (IS_ENABLED(CONFIG_VGA_TEXT))
		vgatext_init(&boot_info.framebuffer);
}

/* A phase of an option: what is off is NULL and leaves nothing in the image. */
#define PHASE_OF(option, name, run) \
	{ IS_ENABLED(option) ? (name) : NULL, IS_ENABLED(option) ? (run) : NULL }

static const struct {
	const char *name;
	void (*run)(void);
} phases[] = {
	{ "cpu", cpu_init },
	{ "console", console_early_init },
	{ "boot information", boot_info_read },
	{ "command line", parse_cmdline },
	PHASE_OF(CONFIG_KTEST, "watch", boot_watch_begin),
	{ "memory", init_memory },
	PHASE_OF(CONFIG_SCREEN, "screen", init_screen),
	{ "acpi", acpi_init },
	PHASE_OF(CONFIG_SERIAL, "serial lines", serial_init),
	{ "interrupts", irq_init },
	{ "clocks", clock_init },
	PHASE_OF(CONFIG_KEYBOARD, "keyboard", i8042_init),
	{ "input", console_connect },
	PHASE_OF(CONFIG_PCI, "pci", pci_init),
	PHASE_OF(CONFIG_VIRTIO, "virtio", virtio_init),
	{ "protect", paging_protect_after_init },
};

static struct phase_record records[ARRAY_SIZE(phases)];
static uint64_t end_of_init;

const struct phase_record *phase_record(size_t i)
{
	return i < ARRAY_SIZE(records) ? &records[i] : NULL;
}

uint64_t phase_total(void)
{
	return end_of_init - boot_handover()->tsc;
}

static void run_phases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		uint64_t began = cycles();
		uint64_t waited = wait_total();
		uint64_t halted = loop_stats().halted;

		if (!phases[i].run)
			continue;
		phases[i].run();
		records[i].name = phases[i].name;
		records[i].ticks = cycles() - began;
		records[i].halted = loop_stats().halted - halted;
		records[i].waited = wait_total() - waited + records[i].halted;
	}
	end_of_init = cycles();
}

static void report_text(void)
{
	report_boot();
	mm_report();
	acpi_report();
	irq_report();
	time_report();
	if (IS_ENABLED(CONFIG_PCI))
		pci_report();
	if (IS_ENABLED(CONFIG_VIRTIO))
		virtio_report();
	if (IS_ENABLED(CONFIG_VIRTIO_BLK))
		block_report();
	if (IS_ENABLED(CONFIG_VIRTIO_NET))
		netdev_report();
	if (IS_ENABLED(CONFIG_VIRTIO_RNG))
		rng_report();
	report_time();
}

/* What the short report leaves out. */
static void report_details(void)
{
	irq_print_routes();
	if (IS_ENABLED(CONFIG_PCI))
		pci_print();
	if (IS_ENABLED(CONFIG_VIRTIO))
		virtio_print();
	mm_print_map();
}

/* A member of the report, whose writer knows only the value. */
static void report_member(struct json *j, const char *key, void (*write)(struct json *j))
{
	json_key(j, key);
	write(j);
}

static void report_json(void)
{
	struct json j = { 0 };
	bool whole;

	print("-----BEGIN CAIRN REPORT-----\n");
	json_object(&j, NULL);
	json_number(&j, "schema", 1);
	report_member(&j, "kernel", report_kernel_json);
	report_member(&j, "boot", report_boot_json);
	report_member(&j, "memory", mm_report_json);
	report_member(&j, "acpi", acpi_report_json);
	report_member(&j, "interrupts", irq_report_json);
	report_member(&j, "clocks", time_report_json);
	if (IS_ENABLED(CONFIG_PCI))
		report_member(&j, "pci", pci_report_json);
	if (IS_ENABLED(CONFIG_VIRTIO))
		report_member(&j, "virtio", virtio_report_json);
	if (IS_ENABLED(CONFIG_VIRTIO_BLK))
		report_member(&j, "block", block_report_json);
	if (IS_ENABLED(CONFIG_VIRTIO_NET))
		report_member(&j, "net", netdev_report_json);
	report_member(&j, "phases", report_phases_json);
	json_end(&j);
	whole = json_finish(&j);
	print("-----END CAIRN REPORT-----\n");
	if (!whole)
		log_err("the JSON report is not whole: what a part wrote does not nest");
}

void report_print(unsigned parts)
{
	if (parts & REPORT_SHORT)
		report_text();
	if (parts & REPORT_FULL)
		report_details();
	if (parts & REPORT_JSON)
		report_json();
}

static void run_command_line(void)
{
	bool passed = !run_options.refused;

	if (IS_ENABLED(CONFIG_BENCH) && run_options.bench[0])
		passed = bench_run_all(run_options.bench) > 0;
	if (IS_ENABLED(CONFIG_KTEST) && run_options.test[0]) {
		passed = ktest_run_all(run_options.test) == 0 && passed;
		passed = boot_watch_end() && passed;
	}
	if (run_options.bench[0] || run_options.test[0] || run_options.refused)
		machine_exit(passed);
}

void kmain(void)
{
	run_phases();
	report_print(report_wanted);
	fault_boot_end();
	run_command_line();
	print("ready\n");
	if (IS_ENABLED(CONFIG_SHELL))
		shell_run();
	cpu_halt_for_ever();
}
