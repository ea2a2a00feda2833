// SPDX-License-Identifier: MIT
/* The command `lsacpi`. */
#include "drivers/acpi/table.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"

static const char *trigger(const struct acpi_gsi *g)
{
	return g->level ? "level" : "edge";
}

static const char *polarity(const struct acpi_gsi *g)
{
	return g->active_low ? "low" : "high";
}

static void list_tables(const struct acpi_info *info)
{
	for (unsigned i = 0; i < info->table_count; i++) {
		const struct acpi_table *t = &info->tables[i];

		print("%s  0x%09llx  %7u bytes%s%s\n", t->signature, (unsigned long long)t->pa,
		      t->length, t->problem ? "  " : "", t->problem ? t->problem : "");
	}
	if (info->tables_lost)
		print("%u more\n", info->tables_lost);
}

static void list_interrupts(const struct acpi_info *info)
{
	print("interrupts from %s: %u processors, local APIC at 0x%llx, %s\n",
	      info->interrupts_from ? info->interrupts_from : "nobody", info->processors,
	      (unsigned long long)info->lapic, info->has_pic ? "two 8259" : "no 8259");
	for (unsigned i = 0; i < info->ioapic_count; i++)
		print("IOAPIC %u at 0x%llx from GSI %u\n", info->ioapics[i].id,
		      (unsigned long long)info->ioapics[i].base, info->ioapics[i].gsi_base);
	for (unsigned i = 0; i < info->override_count; i++) {
		const struct acpi_override *o = &info->overrides[i];

		print("ISA interrupt %u is GSI %u, %s, active %s\n", o->source, o->to.gsi,
		      trigger(&o->to), polarity(&o->to));
	}
}

/* 5.2.3.2: an address of 0 says that there is none. */
static void print_register(const char *name, const struct acpi_address *at)
{
	if (at->address)
		print(", %s at %s0x%llx", name, at->space ? "port " : "",
		      (unsigned long long)at->address);
	else
		print(", no %s", name);
}

static void list_registers(const struct acpi_info *info)
{
	const struct acpi_fadt *f = &info->fadt;

	if (f->present) {
		print("FADT: %s", f->hardware_reduced ? "hardware-reduced" : "fixed registers");
		print_register("PM timer", &f->pm_timer);
		print_register("reset register", &f->reset);
		if (f->hardware_reduced)
			print_register("sleep control", &f->sleep_control);
		else
			print_register("PM1a control", &f->pm1a_control);
		print("\n");
	}
	if (info->hpet.present)
		print("HPET at 0x%llx\n", (unsigned long long)info->hpet.base);
	if (info->spcr.present)
		print("console: type %u at %s0x%llx\n", info->spcr.type,
		      info->spcr.base.space ? "port " : "",
		      (unsigned long long)info->spcr.base.address);
	for (unsigned i = 0; i < info->mcfg_count; i++)
		print("configuration space of %04x:%02x-%02x at 0x%llx\n",
		      info->mcfg[i].segment, info->mcfg[i].bus_first, info->mcfg[i].bus_last,
		      (unsigned long long)info->mcfg[i].base);
}

static void list_bridge(const struct acpi_bridge *b)
{
	print("%s: host bridge of %04x:%02x, %s, %s\n", b->path, b->segment, b->bus,
	      b->prt_problem ? b->prt_problem : "_PRT is read",
	      b->crs_static ? "_CRS says" : b->crs_problem);
	for (unsigned i = 0; i < b->window_count; i++) {
		const struct acpi_window *w = &b->windows[i];

		print("  0x%llx-0x%llx %s%s\n", (unsigned long long)w->start,
		      (unsigned long long)w->end - 1, w->io ? "ports" : "memory",
		      w->prefetchable ? ", prefetchable" : "");
	}
}

static void list_devices(const struct acpi_info *info)
{
	for (unsigned i = 0; i < info->bridge_count; i++)
		list_bridge(&info->bridges[i]);
	for (unsigned i = 0; i < info->virtio_count; i++) {
		const struct acpi_virtio_mmio *v = &info->virtio[i];

		print("%s: virtio-mmio at 0x%llx, %u bytes, GSI %u, %s, active %s\n", v->path,
		      (unsigned long long)v->base, v->size, v->line.gsi, trigger(&v->line),
		      polarity(&v->line));
	}
	if (info->aml_problem)
		print("AML: %s\n", info->aml_problem);
}

static int lsacpi_run(int argc, char **argv)
{
	const struct acpi_info *info = acpi_info();
	bool verbose = argc == 2 && strcmp(argv[1], "-v") == 0;

	if (argc > 1 && !verbose)
		return -EINVAL;
	if (info->rsdp_from)
		print("RSDP 0x%llx from the %s\n", (unsigned long long)info->rsdp,
		      info->rsdp_from);
	else
		print("no RSDP\n");
	list_tables(info);
	if (verbose) {
		list_interrupts(info);
		list_registers(info);
		list_devices(info);
	}
	return 0;
}

static const char *const words[] = { "-v", NULL };

SHELL_COMMAND(lsacpi, "[-v]", "list firmware's tables; -v: and what they say", lsacpi_run,
	      .words = words);
