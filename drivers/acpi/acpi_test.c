// SPDX-License-Identifier: MIT
/* What the tables of this machine say can be true of a machine. */
#include "drivers/acpi/acpi.h"

#include "arch/x86/paging.h"
#include "drivers/acpi/table.h"
#include "kernel/json.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const struct acpi_info *info;

/* Whether there are tables; if not, nothing may be said to be from them. */
static bool has_tables(struct ktest_run *t)
{
	info = acpi_info();
	if (info->rsdp_from)
		return true;
	expect_eq(t, info->table_count + info->mcfg_count, 0);
	expect_eq(t, info->virtio_count + info->bridge_count, 0);
	expect(t, !info->fadt.present && !info->hpet.present && !info->spcr.present);
	return false;
}

KTEST(acpi_tables_are_good)
{
	if (!has_tables(t))
		return;
	expect(t, info->table_count > 0 && info->table_count <= ACPI_LIST_MAX);
	for (unsigned i = 0; i < info->table_count; i++) {
		const struct acpi_table *table = &info->tables[i];
		const void *bytes = acpi_map_table(acpi_memory(), table);

		expect_eq(t, strlen(table->signature), 4);
		expect(t, table->problem || bytes);
		if (!bytes)
			continue;
		expect_eq(t, acpi_sum(bytes, table->length), 0);
		expect(t, memcmp(bytes, table->signature, 4) == 0);
		acpi_memory()->unmap(acpi_memory());
	}
}

KTEST(acpi_tables_are_not_mapped_after_boot)
{
	const void *window = early_map(0, 1);

	expect(t, window != NULL);		/* nobody holds the window */
	if (window)
		early_unmap();
}

KTEST(acpi_interrupts_are_plausible)
{
	info = acpi_info();
	if (!info->interrupts_from) {
		expect_eq(t, info->ioapic_count + info->override_count, 0);
		return;
	}
	expect(t, info->processors > 0);
	expect(t, info->lapic != 0 && is_aligned(info->lapic, PAGE_SIZE));
	for (unsigned i = 0; i < info->ioapic_count; i++) {
		expect(t, is_aligned(info->ioapics[i].base, KIB));
		expect(t, info->ioapics[i].base >> cpu_physical_bits() == 0);
	}
	for (unsigned i = 0; i < info->override_count; i++)
		expect(t, info->overrides[i].source < 16);
}

KTEST(acpi_devices_are_plausible)
{
	if (!has_tables(t))
		return;
	expect(t, !info->aml_problem);
	for (unsigned i = 0; i < info->virtio_count; i++) {
		const struct acpi_virtio_mmio *v = &info->virtio[i];

		expect(t, v->path[0] == '\\' && is_aligned(v->base, 4) && v->size >= 0x100);
		for (unsigned j = 0; j < i; j++)
			expect(t, v->base != info->virtio[j].base);
	}
	for (unsigned i = 0; i < info->bridge_count; i++) {
		const struct acpi_bridge *b = &info->bridges[i];

		expect(t, b->path[0] == '\\' && b->crs_static == !b->crs_problem);
		for (unsigned w = 0; w < b->window_count; w++)
			expect(t, b->windows[w].start < b->windows[w].end);
	}
}

KTEST(acpi_routes_agree_with_what_is_said_of_them)
{
	struct acpi_gsi line;

	if (!has_tables(t))
		return;
	for (unsigned i = 0; i < info->bridge_count; i++) {
		const struct acpi_bridge *b = &info->bridges[i];
		int rc = acpi_pci_route(b->segment, b->bus, NULL, 0, 1, 1, &line);

		expect(t, rc == 0 || rc == -ENOENT || rc == -ENOTSUP);
		expect(t, !b->prt_problem || rc != 0);
	}
	expect_eq(t, acpi_pci_route(0xffff, 0xff, NULL, 0, 1, 1, &line), -ENOENT);
}

static void swallow(struct json *j __unused, const char *text __unused, size_t len __unused)
{
}

KTEST(acpi_report_as_json_is_closed)
{
	struct json j = { .write = swallow };

	json_object(&j, NULL);
	acpi_report_json(&j);
	json_end(&j);
	expect(t, !j.broken && j.depth == 0);
}
