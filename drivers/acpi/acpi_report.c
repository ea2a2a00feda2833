// SPDX-License-Identifier: MIT
/* What firmware said, in the boot report and as JSON. */
#include "drivers/acpi/acpi.h"

#include "kernel/json.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

static unsigned count_signature(const struct acpi_info *info, const char *signature)
{
	unsigned count = 0;

	for (unsigned i = 0; i < info->table_count; i++)
		count += strcmp(info->tables[i].signature, signature) == 0;
	return count;
}

static bool is_first(const struct acpi_info *info, unsigned i)
{
	for (unsigned j = 0; j < i; j++) {
		if (strcmp(info->tables[j].signature, info->tables[i].signature) == 0)
			return false;
	}
	return true;
}

/* Each signature once, with how many there are if there are several. */
static void print_signatures(const struct acpi_info *info)
{
	for (unsigned i = 0; i < info->table_count; i++) {
		const char *signature = info->tables[i].signature;
		unsigned count = count_signature(info, signature);

		if (!is_first(info, i))
			continue;
		print(" %s", signature);
		if (count > 1)
			print("*%u", count);
	}
}

static unsigned count_problems(const struct acpi_info *info)
{
	unsigned count = info->aml_problem != NULL;

	for (unsigned i = 0; i < info->table_count; i++)
		count += info->tables[i].problem != NULL;
	return count;
}

void acpi_report(void)
{
	const struct acpi_info *info = acpi_info();
	unsigned problems = count_problems(info);

	if (!info->rsdp_from) {
		print("acpi    none%s\n", info->interrupts_from ? ", but an MP table" : "");
		return;
	}
	print("acpi    RSDP from the %s, %u tables:", info->rsdp_from, info->table_count);
	print_signatures(info);
	if (problems)
		print("; %u with a problem", problems);
	print("\n");
}

static void json_tables(struct json *j, const struct acpi_info *info)
{
	json_array(j, "tables");
	for (unsigned i = 0; i < info->table_count; i++) {
		const struct acpi_table *t = &info->tables[i];

		json_object(j, NULL);
		json_string(j, "signature", t->signature);
		json_hex(j, "address", t->pa);
		json_number(j, "length", t->length);
		json_string(j, "problem", t->problem);
		json_end(j);
	}
	json_end(j);
}

static void json_virtio(struct json *j, const struct acpi_info *info)
{
	json_array(j, "virtio");
	for (unsigned i = 0; i < info->virtio_count; i++) {
		const struct acpi_virtio_mmio *v = &info->virtio[i];

		json_object(j, NULL);
		json_string(j, "path", v->path);
		json_hex(j, "address", v->base);
		json_number(j, "size", v->size);
		json_number(j, "gsi", v->line.gsi);
		json_bool(j, "level", v->line.level);
		json_bool(j, "active_low", v->line.active_low);
		json_end(j);
	}
	json_end(j);
}

static void json_windows(struct json *j, const struct acpi_bridge *b)
{
	json_array(j, "windows");
	for (unsigned i = 0; i < b->window_count; i++) {
		json_object(j, NULL);
		json_hex(j, "start", b->windows[i].start);
		json_hex(j, "end", b->windows[i].end);
		json_bool(j, "io", b->windows[i].io);
		json_bool(j, "prefetchable", b->windows[i].prefetchable);
		json_end(j);
	}
	json_end(j);
}

static void json_bridges(struct json *j, const struct acpi_info *info)
{
	json_array(j, "bridges");
	for (unsigned i = 0; i < info->bridge_count; i++) {
		const struct acpi_bridge *b = &info->bridges[i];

		json_object(j, NULL);
		json_string(j, "path", b->path);
		json_number(j, "segment", b->segment);
		json_number(j, "bus", b->bus);
		json_string(j, "crs_problem", b->crs_problem);
		json_string(j, "prt_problem", b->prt_problem);
		json_windows(j, b);
		json_end(j);
	}
	json_end(j);
}

void acpi_report_json(struct json *j)
{
	const struct acpi_info *info = acpi_info();

	json_object(j, "acpi");
	json_object(j, "rsdp");
	if (info->rsdp)
		json_hex(j, "address", info->rsdp);
	else
		json_null(j, "address");
	json_string(j, "from", info->rsdp_from);
	json_end(j);
	json_tables(j, info);
	json_number(j, "tables_lost", info->tables_lost);
	json_string(j, "aml_problem", info->aml_problem);
	if (info->hpet.present)
		json_hex(j, "hpet", info->hpet.base);
	else
		json_null(j, "hpet");
	json_virtio(j, info);
	json_bridges(j, info);
	json_end(j);
}
