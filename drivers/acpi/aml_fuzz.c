// SPDX-License-Identifier: MIT
/*
 * Any bytes as AML: loaded, searched for devices, asked for routes. What
 * follows the four letters SSDT is a second table.
 */
#define _GNU_SOURCE	/* memmem() */

#include "kernel/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/acpi/aml.h"
#include "drivers/acpi/fake_memory.h"
#include "kernel/lib/errno.h"

#define SPLIT	"SSDT"

enum { TABLE_AT = 0x100000, TABLE_APART = 0x100000 };

static struct acpi_info info;
static struct aml_space space;
static struct fake_memory fake;

/* Lists a table of these terms behind a header. The caller frees it. */
static uint8_t *add_table(const char *signature, const uint8_t *data, size_t size)
{
	struct acpi_table *t = &info.tables[info.table_count];
	size_t length = size + sizeof(struct acpi_header);
	uint8_t *table = calloc(1, length);

	memcpy(table, signature, 4);
	memcpy(table + sizeof(struct acpi_header), data, size);
	memcpy(t->signature, signature, 5);
	t->pa = TABLE_AT + info.table_count++ * TABLE_APART;
	t->length = (uint32_t)length;
	fake_memory_add(&fake, t->pa, table, length);
	return table;
}

static void expect_space_is_sound(void)
{
	char path[24];

	fuzz_expect(space.count >= 1 && space.count <= AML_NODES_MAX);
	for (unsigned i = 1; i < space.count; i++) {
		const struct aml_node *n = &space.nodes[i];

		fuzz_expect(n->parent < i);
		fuzz_expect(aml_child(&space, n->parent, n->segment) == i);
		fuzz_expect(n->table < info.table_count);
		aml_path(&space, i, path, sizeof(path));
		fuzz_expect(path[0] == '\\' && strlen(path) < sizeof(path));
	}
}

static void expect_devices_are_sound(void)
{
	fuzz_expect(info.virtio_count <= ACPI_VIRTIO_MAX && info.bridge_count <= ACPI_BRIDGES_MAX);
	for (unsigned i = 0; i < info.virtio_count; i++)
		fuzz_expect(info.virtio[i].size > 0 && info.virtio[i].base > 0);
	for (unsigned i = 0; i < info.bridge_count; i++) {
		const struct acpi_bridge *b = &info.bridges[i];

		fuzz_expect(b->crs_static == !b->crs_problem);
		for (unsigned w = 0; w < b->window_count; w++)
			fuzz_expect(b->windows[w].start < b->windows[w].end);
	}
}

static void ask_routes(void)
{
	static const uint8_t path[] = { 0x20 };
	struct acpi_gsi line;

	for (unsigned i = 0; i < info.bridge_count; i++) {
		const struct acpi_bridge *b = &info.bridges[i];

		for (uint8_t device = 0; device < 3; device++) {
			int rc = aml_route(&space, b->segment, b->bus, path, device == 2, device, 1,
					   &line);

			fuzz_expect(rc == 0 || rc == -ENOENT || rc == -ENOTSUP || rc == -EPROTO);
		}
	}
}

FUZZ(acpi_aml)
{
	const uint8_t *split = size ? memmem(data, size, SPLIT, 4) : NULL;
	size_t first = split ? (size_t)(split - data) : size;
	uint8_t *dsdt, *ssdt;

	memset(&info, 0, sizeof(info));
	fake_memory_init(&fake);
	dsdt = add_table("DSDT", data, first);
	ssdt = split ? add_table("SSDT", split + 4, size - first - 4) : NULL;
	aml_read(&space, &fake.memory, &info);
	fuzz_expect(!fake_memory_is_mapped());
	expect_space_is_sound();
	expect_devices_are_sound();
	ask_routes();
	fuzz_expect(!fake_memory_is_mapped());
	free(dsdt);
	free(ssdt);
}
