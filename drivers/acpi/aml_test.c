// SPDX-License-Identifier: MIT
/* The AML reader: DSDTs of real machines, and tables assembled here. */
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi/aml.h"
#include "drivers/acpi/fake_memory.h"
#include "kernel/hex_file.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"

#define FIXTURES	"drivers/acpi/fixtures/"

enum { HEADER = sizeof(struct acpi_header), TABLE_MAX = 16 << 10, TABLES_MAX = 3 };

static struct acpi_info info;
static struct aml_space space;
static struct fake_memory fake;

/* Tables; the one that is assembled is the last. */
static uint8_t tables[TABLES_MAX][TABLE_MAX];
static uint8_t *out;

static void begin(void)
{
	memset(&info, 0, sizeof(info));
	fake_memory_init(&fake);
}

static void begin_table(const char *signature)
{
	struct acpi_table *t = &info.tables[info.table_count];

	memset(t, 0, sizeof(*t));
	memcpy(t->signature, signature, 5);
	t->pa = (info.table_count + 1) * MIB;
	out = tables[info.table_count++] + HEADER;
}

static void end_table(void)
{
	struct acpi_table *t = &info.tables[info.table_count - 1];

	t->length = (uint32_t)(out - tables[info.table_count - 1]);
	fake_memory_add(&fake, t->pa, tables[info.table_count - 1], t->length);
}

static void read_all(struct ktest_run *t)
{
	aml_read(&space, &fake.memory, &info);
	expect(t, !fake_memory_is_mapped());
}

/* Assembling. A string literal's bytes, its terminator not. */
#define EMIT(text)	emit(text, sizeof(text) - 1)

static void emit(const void *bytes, size_t len)
{
	memcpy(out, bytes, len);
	out += len;
}

static void emit32(uint32_t v)
{
	emit(&v, sizeof(v));
}

/* A package with a length of three bytes: where it lies, for close_package(). */
static uint8_t *open_package(const char *opcode, size_t len)
{
	emit(opcode, len);
	out += 3;
	return out - 3;
}

static void close_package(uint8_t *at)
{
	size_t len = out - at;

	at[0] = (uint8_t)(0x80 | (len & 15));
	at[1] = (uint8_t)(len >> 4);
	at[2] = (uint8_t)(len >> 12);
}

#define OPEN(opcode)	open_package(opcode, sizeof(opcode) - 1)

/* A host bridge, left open. */
static uint8_t *open_bridge(void)
{
	uint8_t *p = OPEN("\x5b\x82");

	EMIT("PCI0" "\x08_HID\x0c\x41\xd0\x0a\x03");
	return p;
}

/* A package of one entry of a _PRT: device, pin 0, GSI. */
static void emit_prt(uint8_t device, uint8_t gsi)
{
	uint8_t *p = OPEN("\x12"), *e;

	EMIT("\x01");
	e = OPEN("\x12");
	EMIT("\x04\x0c");
	emit32((uint32_t)device << 16 | 0xffff);
	EMIT("\x00\x00\x0a");
	emit(&gsi, 1);
	close_package(e);
	close_package(p);
}

/* Name(AR00..) for the APIC, Name(PR00..) for the PIC. */
static void emit_both(void)
{
	EMIT("\x08" "AR00");
	emit_prt(1, 20);
	EMIT("\x08" "PR00");
	emit_prt(1, 10);
}

/* Method(_PIC, 1) { Store(Arg0, PICF) }, at the root */
static void emit_pic(void)
{
	uint8_t *p = OPEN("\x14");

	EMIT("\\_PIC\x01\x70\x68PICF");
	close_package(p);
}

static int route(const uint8_t *path, unsigned depth, uint8_t device, struct acpi_gsi *line)
{
	return aml_route(&space, 0, 0, path, depth, device, 1, line);
}

/* The line of pin 1 of device 1 where \_SB.PCI0._PRT is this method. */
static int route_of_method(struct ktest_run *t, const char *code, size_t len,
			   struct acpi_gsi *line)
{
	uint8_t *bridge, *method;

	begin();
	begin_table("DSDT");
	emit_pic();
	bridge = open_bridge();
	emit_both();
	method = OPEN("\x14");
	EMIT("_PRT\x00");
	emit(code, len);
	close_package(method);
	close_package(bridge);
	end_table();
	read_all(t);
	expect(t, !info.aml_problem && info.bridge_count == 1);
	return route(NULL, 0, 1, line);
}

#define ROUTE_OF_METHOD(t, code, line)	route_of_method(t, code, sizeof(code) - 1, line)

/* Real machines. */

static bool load(struct ktest_run *t, const char *machine, const char *signature)
{
	char path[80];
	size_t size;
	uint8_t *bytes;

	strcpy(path, FIXTURES);
	strcat(path, machine);
	strcat(path, signature);
	strcat(path, ".hex");
	bytes = hex_file_read(path, TABLE_MAX, &size);
	if (!expect(t, bytes != NULL))
		return false;
	begin_table(signature + 1);
	out -= HEADER;
	emit(bytes, size);
	end_table();
	free(bytes);
	return true;
}

static void read_machine(struct ktest_run *t, const char *machine)
{
	begin();
	if (load(t, machine, ".DSDT"))
		read_all(t);
	expect(t, !info.aml_problem);
}

static void expect_virtio(struct ktest_run *t, unsigned windows, uint32_t gsi_base)
{
	require(t, info.virtio_count == 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct acpi_virtio_mmio *v = &info.virtio[i];
		unsigned window = windows - 1 - i;

		expect_eq(t, v->base, 0xfeb00000 + window * 0x200);
		expect_eq(t, v->size, 0x200);
		expect_eq(t, v->line.gsi, gsi_base + window);
		expect_eq(t, v->uid, window);
		expect(t, v->line.level && !v->line.active_low);
	}
}

KTEST(aml_of_microvm_has_virtio_devices)
{
	read_machine(t, "microvm");
	expect_virtio(t, 24, 24);
	expect_str(t, info.virtio[0].path, "\\_SB.VR23");
	expect_eq(t, info.bridge_count, 0);
	read_machine(t, "microvm-ioapic2-off");
	expect_virtio(t, 8, 16);
	expect_str(t, info.virtio[2].path, "\\_SB.VR05");
}

static void expect_window(struct ktest_run *t, unsigned i, uint64_t start, uint64_t end, bool io)
{
	const struct acpi_window *w = &info.bridges[0].windows[i];

	expect_eq(t, w->start, start);
	expect_eq(t, w->end, end);
	expect_eq(t, w->io, io);
	expect(t, !w->prefetchable);
}

KTEST(aml_of_microvm_with_pcie_has_windows_and_routes)
{
	struct acpi_gsi line;

	read_machine(t, "microvm-pcie");
	expect_virtio(t, 24, 24);
	require(t, info.bridge_count == 1);
	expect(t, info.bridges[0].crs_static && !info.bridges[0].prt_problem);
	require(t, info.bridges[0].window_count == 2);
	expect_window(t, 0, 0xc0000000, 0xe0000000, false);
	expect_window(t, 1, UINT64_C(0xc000000000), UINT64_C(0x10000000000), false);
	for (uint8_t device = 0; device < 32; device++) {
		for (unsigned pin = 1; pin <= 4; pin++) {
			require(t, aml_route(&space, 0, 0, NULL, 0, device, pin, &line) == 0);
			expect_eq(t, line.gsi, 16 + (device + pin - 1) % 4);
			expect(t, line.level && !line.active_low);
		}
	}
}

KTEST(aml_of_q35_has_windows)
{
	read_machine(t, "q35-seabios");
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].path, "\\_SB.PCI0");
	expect_eq(t, info.bridges[0].bus, 0);
	require(t, info.bridges[0].window_count >= 5);
	expect_window(t, 0, 0, 0xcf8, true);
	expect_window(t, 1, 0xd00, 0x10000, true);
	expect_window(t, 2, 0xa0000, 0xc0000, false);
}

/* ICH9: slots 0 to 24 on PIRQ E to H in turn, which are GSI 20 to 23. */
KTEST(aml_of_q35_routes_by_the_branch_for_the_apic)
{
	struct acpi_gsi line;

	read_machine(t, "q35-ovmf");
	require(t, info.bridge_count == 1 && !info.bridges[0].prt_problem);
	for (uint8_t device = 0; device < 25; device++) {
		for (unsigned pin = 1; pin <= 4; pin++) {
			require(t, aml_route(&space, 0, 0, NULL, 0, device, pin, &line) == 0);
			expect_eq(t, line.gsi, 20 + (device + pin - 1) % 4);
			expect(t, line.level);
		}
	}
	require(t, aml_route(&space, 0, 0, NULL, 0, 31, 1, &line) == 0);
	expect_eq(t, line.gsi, 16);
	expect(t, !fake_memory_is_mapped());
}

KTEST(aml_of_pc_computes_its_routes)
{
	struct acpi_gsi line;

	read_machine(t, "pc-seabios");
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].prt_problem, "_PRT is code");
	expect(t, info.bridges[0].crs_static);
	expect_eq(t, route(NULL, 0, 3, &line), -ENOTSUP);
}

KTEST(aml_in_two_tables)
{
	begin();
	require(t, load(t, "q35-acpi-off", ".DSDT") && load(t, "q35-acpi-off", ".SSDT"));
	read_all(t);
	expect(t, !info.aml_problem);
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].crs_problem, "_CRS is code");
}

/* Stepping. */

static bool package_of(const char *bytes, size_t len, size_t *body)
{
	struct aml a = { (const uint8_t *)bytes, (const uint8_t *)bytes + len }, b;

	if (!aml_package(&a, &b))
		return false;
	*body = b.end - b.at;
	return true;
}

KTEST(aml_package_lengths)
{
	static char big[0x12400] = "\xc1\x23\x01";	/* 0x1231 in all */
	size_t body;

	expect(t, package_of("\x01", 1, &body) && body == 0);
	expect(t, package_of("\x03XYZ", 4, &body) && body == 2);
	expect(t, !package_of("\x00X", 2, &body));
	expect(t, !package_of("\x03X", 2, &body));
	expect(t, !package_of("", 0, &body));
	expect(t, !package_of("\x42", 1, &body));
	expect(t, package_of("\x44\x00XY", 4, &body) && body == 2);
	expect(t, !package_of("\x41\x00", 2, &body));
	expect(t, package_of(big, sizeof(big), &body) && body == 0x1231 - 4);
	big[3] = 1;
	expect(t, !package_of(big, 0x10000, &body));
}

static bool name_of(const char *bytes, size_t len, struct aml_name *name)
{
	struct aml a = { (const uint8_t *)bytes, (const uint8_t *)bytes + len };

	return aml_name(&a, name) && a.at == a.end;
}

KTEST(aml_names)
{
	struct aml_name name;

	expect(t, name_of("PCI0", 4, &name) && name.count == 1 && !name.absolute);
	expect(t, name_of("\\_SB_", 5, &name) && name.count == 1 && name.absolute);
	expect(t, name_of("^^.PCI0ISA_", 11, &name) && name.count == 2 && name.parents == 2);
	expect(t, name_of("\\/\x03_SB_PCI0ISA_", 15, &name) && name.count == 3);
	expect_eq(t, aml_segment(&name, 2), AML_SEG('I', 'S', 'A', '_'));
	expect(t, name_of("\\\0", 2, &name) && name.count == 0);
	expect(t, !name_of("PCI", 3, &name));
	expect(t, !name_of("0PCI", 4, &name));
	expect(t, !name_of("PCi0", 4, &name));
	expect(t, !name_of("/\0", 2, &name));
	expect(t, !name_of("/\x02PCI0ISA", 9, &name));
	expect(t, !name_of("\\", 1, &name));
	expect(t, !name_of("", 0, &name));
}

static long skipped(const char *bytes, size_t len)
{
	struct aml a = { (const uint8_t *)bytes, (const uint8_t *)bytes + len };

	return aml_skip(&a) ? a.at - (const uint8_t *)bytes : -1;
}

#define SKIPPED(text)	skipped(text, sizeof(text) - 1)

KTEST(aml_terms_are_stepped_over)
{
	expect_eq(t, SKIPPED("\x70\x68PICFx"), 6);		/* Store(Arg0, PICF) */
	expect_eq(t, SKIPPED("\x5b\x80" "DBG_\x01\x0b\x02\x04\x01"), 11);
	expect_eq(t, SKIPPED("\x5b\x81\x0b" "DBG_\x01" "DBGB\x08"), 13);
	expect_eq(t, SKIPPED("\xa4\x72\x72\x60\x01\x00\x0a\x05\x61"), 9);
	expect_eq(t, SKIPPED("\x0d" "abc\0d"), 5);
	expect_eq(t, SKIPPED("\x15\\._SB_PCI0\x06\x00"), 13);
	expect_eq(t, SKIPPED("\x92\x93\x60\x00"), 4);
	expect_eq(t, SKIPPED("\x0d" "abc"), -1);
	expect_eq(t, SKIPPED("\x0c\x01\x02\x03"), -1);
	expect_eq(t, SKIPPED("\x5b"), -1);
	expect_eq(t, SKIPPED("\x5b\x77"), -1);
	expect_eq(t, SKIPPED("\x02"), -1);
	expect_eq(t, SKIPPED("\x70\x68"), -1);
}

KTEST(aml_terms_nested_too_deeply_are_refused)
{
	char deep[200];

	memset(deep, 0x72, sizeof(deep));		/* Add(Add(Add(... */
	expect_eq(t, skipped(deep, sizeof(deep)), -1);
	memset(deep, 0x92, sizeof(deep));		/* the last part costs no depth */
	deep[sizeof(deep) - 1] = 1;
	expect_eq(t, skipped(deep, sizeof(deep)), sizeof(deep));
}

/* The namespace. */

KTEST(aml_device_is_put_together_from_scopes_and_tables)
{
	uint8_t *p, *q;
	struct acpi_gsi line;

	begin();
	begin_table("DSDT");
	p = OPEN("\x10");			/* Scope(\_SB.PCI0) before its declaration */
	EMIT("\\._SB_PCI0" "\x08_BBN\x0a\x05");
	close_package(p);
	p = OPEN("\x10");
	EMIT("_SB_");
	q = open_bridge();
	close_package(q);
	close_package(p);
	end_table();
	begin_table("SSDT");
	p = OPEN("\x10");
	EMIT("\\_SB_" "\x08.PCI0_SEG\x01");
	q = OPEN("\x10");
	EMIT("^._SB_PCI0" "\x08_PRT");
	emit_prt(1, 17);
	close_package(q);
	close_package(p);
	end_table();
	read_all(t);
	expect(t, !info.aml_problem);
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].path, "\\_SB.PCI0");
	expect_eq(t, info.bridges[0].bus, 5);
	expect_eq(t, info.bridges[0].segment, 1);
	expect_str(t, info.bridges[0].crs_problem, "no _CRS");
	expect_eq(t, aml_route(&space, 1, 5, NULL, 0, 1, 1, &line), 0);
	expect_eq(t, line.gsi, 17);
	expect(t, line.level && line.active_low);
	expect_eq(t, aml_route(&space, 1, 5, NULL, 0, 2, 1, &line), -ENOENT);
	expect_eq(t, aml_route(&space, 0, 5, NULL, 0, 1, 1, &line), -ENOENT);
}

KTEST(aml_single_segments_are_looked_for_upwards)
{
	uint8_t *p, *q;

	begin();
	begin_table("DSDT");
	p = OPEN("\x5b\x82");
	EMIT("DEV0");
	q = OPEN("\x10");			/* means \_SB, from within a device */
	EMIT("_SB_");
	close_package(open_bridge());
	close_package(q);
	close_package(p);
	end_table();
	read_all(t);
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].path, "\\_SB.PCI0");
}

KTEST(aml_identifiers_as_text_and_in_cid)
{
	uint8_t *p, *q;

	begin();
	begin_table("DSDT");
	p = OPEN("\x5b\x82");
	EMIT("AAAA" "\x08_HID\x0dPNP0A08\0");
	close_package(p);
	p = OPEN("\x5b\x82");
	EMIT("BBBB" "\x08_HID\x0dXYZ0000\0" "\x08_CID");
	q = OPEN("\x12");
	EMIT("\x02\x0dPNP0000\0\x0c\x41\xd0\x0a\x03");
	close_package(q);
	close_package(p);
	p = OPEN("\x5b\x82");
	EMIT("CCCC" "\x08_HID\x0dPNP0A080\0");		/* longer than it should be */
	close_package(p);
	p = OPEN("\x5b\x82");
	EMIT("DDDD" "\x08_HID\x0dPNP0A08\0" "\x08_STA\x00");	/* not there */
	close_package(p);
	end_table();
	read_all(t);
	require(t, info.bridge_count == 2);
	expect_str(t, info.bridges[0].path, "\\AAAA");
	expect_str(t, info.bridges[1].path, "\\BBBB");
}

KTEST(aml_carets_above_the_root_are_refused)
{
	begin();
	begin_table("DSDT");
	EMIT("\x08^^PCI0\x12\x02\x00");
	end_table();
	read_all(t);
	expect_str(t, info.aml_problem, "a term that cannot be read");
}

KTEST(aml_that_cannot_be_read_ends_its_scope_alone)
{
	uint8_t *p;

	begin();
	begin_table("DSDT");
	p = OPEN("\x5b\x82");
	EMIT("BAD_" "\x0a\x01");
	close_package(p);
	p = open_bridge();
	close_package(p);
	end_table();
	read_all(t);
	expect_str(t, info.aml_problem, "a term that cannot be read");
	expect_eq(t, info.bridge_count, 1);
}

/* As module-level code of real tables calls: only the callee's declaration tells how many. */
KTEST(aml_calls_with_arguments_do_not_end_a_scope)
{
	begin();
	begin_table("DSDT");
	EMIT("\\/\x03_SB_LPCBINIT\x0a\x05\x01\x0dON\0");	/* INIT (5, 1, "ON") */
	EMIT("\x70RDPC\x0b\x34\x12\x0a\x02" "TMP0");		/* Store (RDPC (...), TMP0) */
	EMIT("\x5b\x80GNVS\x00" "ADDR\x0a\x01\x0b\x00\x10");	/* OperationRegion */
	EMIT("NOTI\x11\x04\x0a\x01\xff\x68");			/* NOTI (Buffer {0xff}, Arg0) */
	close_package(open_bridge());
	end_table();
	read_all(t);
	expect(t, !info.aml_problem);
	expect_eq(t, info.bridge_count, 1);
}

/* More than there can be arguments are bytes that are no AML. */
KTEST(aml_constants_without_end_are_no_arguments)
{
	begin();
	begin_table("DSDT");
	EMIT("CALL");
	for (unsigned i = 0; i < 40; i++)
		EMIT("\x00");
	close_package(open_bridge());
	end_table();
	read_all(t);
	expect_str(t, info.aml_problem, "a term that cannot be read");
	expect_eq(t, info.bridge_count, 0);
}

/* 5.3: a name is declared once; a second declaration changes nothing. */
KTEST(aml_names_that_are_declared_twice_stay_what_they_were)
{
	uint8_t *p;

	begin();
	begin_table("DSDT");
	p = open_bridge();
	EMIT("\x08_UID\x0a\x05" "\x08_UID\x0a\x06");
	EMIT("\x08_CRS\x11\x05\x0a\x02\x79\0" "\x14\x07_CRS\x00\xa3");
	close_package(p);
	EMIT("\x08PCI0\x12\x02\x00");
	end_table();
	read_all(t);
	require(t, info.bridge_count == 1);
	expect_eq(t, info.bridges[0].uid, 5);
	expect(t, info.bridges[0].crs_static);
}

/* Each line takes time on a serial line, and a table may hold any number of scopes. */
KTEST(aml_that_cannot_be_read_is_logged_a_few_times)
{
	unsigned before = log_complaints();

	begin();
	begin_table("DSDT");
	for (unsigned i = 0; i < 200; i++)
		EMIT("\x10\x07" "BAD_" "\x0a\x01");
	close_package(open_bridge());
	end_table();
	read_all(t);
	expect_str(t, info.aml_problem, "a term that cannot be read");
	expect_eq(t, info.bridge_count, 1);
	expect(t, log_complaints() - before > 0 && log_complaints() - before < 16);
}

/* So is what is wrong with devices: one _CRS may hold thousands of windows. */
KTEST(aml_devices_that_are_wrong_are_logged_a_few_times)
{
	unsigned before = log_complaints();
	uint8_t *bridge, *buffer;

	begin();
	begin_table("DSDT");
	bridge = open_bridge();
	EMIT("\x08_CRS");
	buffer = OPEN("\x11");
	EMIT("\x0b\xff\xff");
	for (unsigned i = 0; i < 200; i++)	/* WordIO, 0x10 to 0x1f */
		EMIT("\x88\x0d\0\x01\x0c\0\0\0\x10\0\x1f\0\0\0\x10\0");
	close_package(buffer);
	close_package(bridge);
	for (unsigned i = 0; i < 50; i++) {
		uint8_t *p = OPEN("\x5b\x82"), name[4] = { 'V', 'R', 'A' + i / 26, 'A' + i % 26 };

		emit(name, 4);
		EMIT("\x08_HID\x0dLNRO0005\0");
		close_package(p);
	}
	end_table();
	read_all(t);
	require(t, info.bridge_count == 1);
	expect_eq(t, info.bridges[0].window_count, ACPI_WINDOWS_MAX);
	expect(t, log_complaints() - before > 0 && log_complaints() - before < 20);
}

KTEST(aml_scopes_nested_too_deeply_are_left_out)
{
	uint8_t *open[40];

	begin();
	begin_table("DSDT");
	for (unsigned i = 0; i < ARRAY_SIZE(open); i++) {
		open[i] = OPEN("\x5b\x82");
		EMIT("DEEP");
	}
	for (unsigned i = ARRAY_SIZE(open); i-- > 0;)
		close_package(open[i]);
	close_package(open_bridge());
	end_table();
	read_all(t);
	expect(t, info.aml_problem != NULL);
	require(t, info.bridge_count == 1);
	expect_str(t, info.bridges[0].path, "\\PCI0");
}

KTEST(aml_more_names_than_are_kept)
{
	static uint8_t many[HEADER + 6000 * 8];
	struct acpi_table *t0 = &info.tables[0];

	begin();
	out = many + HEADER;
	for (unsigned i = 0; i < 6000; i++) {		/* Device(Dxxx) {} */
		EMIT("\x5b\x82\x05" "D");
		for (unsigned shift = 0; shift < 12; shift += 4)
			*out++ = (uint8_t)('A' + (i >> shift) % 16);
		*out++ = 0xa3;
		out[-8 + 2] = 0x05;
		if (i >= 4096)
			out[-8 + 3] = 'E';
	}
	memcpy(t0->signature, "DSDT", 5);
	t0->pa = MIB;
	t0->length = sizeof(many);
	info.table_count = 1;
	fake_memory_add(&fake, MIB, many, sizeof(many));
	read_all(t);
	expect_eq(t, space.count, AML_NODES_MAX);
	expect_str(t, info.aml_problem, "more names than are kept");
}

KTEST(aml_paths_are_cut_to_fit)
{
	char path[24], small[8];
	struct aml_name name = { .absolute = true, .count = 7,
				 .segments = (const uint8_t *)"AAAABBBBCCCCDDDDEEEEFFFFGGGG" };
	unsigned node;

	begin();
	aml_space_init(&space, &fake.memory, &info);
	require(t, aml_declare(&space, 0, &name, &node));
	aml_path(&space, node, path, sizeof(path));
	expect_str(t, path, "\\AAAA.BBBB.CCCC.DDDD");
	aml_path(&space, node, small, sizeof(small));
	expect_str(t, small, "\\AAAA");
	aml_path(&space, 0, path, sizeof(path));
	expect_str(t, path, "\\");
}

/* Resources. */

static void expect_nothing(struct ktest_run *t, const char *bytes, size_t len)
{
	struct aml a = { (const uint8_t *)bytes, (const uint8_t *)bytes + len };
	struct aml_resource r;

	while (aml_resource(&a, &r))
		expect_eq(t, r.kind, AML_RESOURCE_OTHER);
	expect(t, a.at <= a.end);
}

#define EXPECT_NOTHING(t, text)	expect_nothing(t, text, sizeof(text) - 1)

static struct aml_resource resource(struct ktest_run *t, const char *bytes, size_t len)
{
	struct aml a = { (const uint8_t *)bytes, (const uint8_t *)bytes + len };
	struct aml_resource r;

	expect(t, aml_resource(&a, &r) && a.at == a.end);
	return r;
}

#define RESOURCE(t, text)	resource(t, text, sizeof(text) - 1)

KTEST(aml_resources_are_decoded)
{
	struct aml_resource r;

	r = RESOURCE(t, "\x86\x09\0\x01\0\0\xb0\xfe\0\x02\0\0");	/* Memory32Fixed */
	expect(t, r.kind == AML_RESOURCE_MEMORY && r.start == 0xfeb00000 && !r.window);
	expect_eq(t, r.end, 0xfeb00200);
	r = RESOURCE(t, "\x89\x06\0\x05\x01\x2f\0\0\0");		/* ExtendedInterrupt */
	expect(t, r.kind == AML_RESOURCE_INTERRUPT && r.interrupt.gsi == 47);
	expect(t, r.interrupt.level && r.interrupt.active_low);
	r = RESOURCE(t, "\x22\0\x02");					/* IRQNoFlags {9} */
	expect(t, r.interrupt.gsi == 9 && !r.interrupt.level && !r.interrupt.active_low);
	r = RESOURCE(t, "\x23\0\x08\x18");				/* IRQ {11}, level, low */
	expect(t, r.interrupt.gsi == 11 && r.interrupt.level && r.interrupt.active_low);
	r = RESOURCE(t, "\x47\x01\xf8\x0c\xf8\x0c\x01\x08");		/* IO */
	expect(t, r.kind == AML_RESOURCE_PORTS && r.start == 0xcf8 && r.end == 0xd00);
	expect(t, !r.window);
	r = RESOURCE(t, "\x4b\x60\0\x04");				/* FixedIO */
	expect(t, r.kind == AML_RESOURCE_PORTS && r.start == 0x60 && r.end == 0x64);
	r = RESOURCE(t, "\x88\x0d\0\x02\x0c\0\0\0\x10\0\x1f\0\0\0\x10\0");	/* buses */
	expect(t, r.kind == AML_RESOURCE_BUSES && r.start == 0x10 && r.end == 0x20);
	r = RESOURCE(t, "\x8a\x2b\0\0\x0c\x07" "\0\0\0\0\0\0\0\0" "\0\0\0\0\x01\0\0\0"
			"\xff\xff\xff\xff\x01\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\x01\0\0\0");
	expect(t, r.kind == AML_RESOURCE_MEMORY && r.window && r.prefetchable);
	expect_eq(t, r.start, UINT64_C(0x100000000));
	expect_eq(t, r.end, UINT64_C(0x200000000));
}

KTEST(aml_resources_that_are_none)
{
	EXPECT_NOTHING(t, "\x79\0\x86\x09\0\x01\0\0\xb0\xfe\0\x02\0\0");	/* behind the end */
	EXPECT_NOTHING(t, "\x86\x09\0\x01\0\0\xb0\xfe\0\0\0\0");		/* no length */
	EXPECT_NOTHING(t, "\x86\x09\0\x01\0\0\xb0\xfe\0\x02\0");		/* cut */
	EXPECT_NOTHING(t, "\x86\x08\0\x01\0\0\xb0\xfe\0\x02\0");		/* too short */
	EXPECT_NOTHING(t, "\x89\x02\0\x05\0");					/* no interrupt */
	EXPECT_NOTHING(t, "\x89\x05\0\x05\x01\x2f\0\0");
	EXPECT_NOTHING(t, "\x22\0\0");
	EXPECT_NOTHING(t, "\x86\xff\xff");
	EXPECT_NOTHING(t, "\x86");
	EXPECT_NOTHING(t, "");
	/* ends before it begins; translated; of a type nobody knows */
	EXPECT_NOTHING(t, "\x88\x0d\0\0\0\0\0\0\x20\0\x1f\0\0\0\x10\0");
	EXPECT_NOTHING(t, "\x88\x0d\0\0\0\0\0\0\x10\0\x1f\0\x01\0\x10\0");
	EXPECT_NOTHING(t, "\x88\x0d\0\x03\0\0\0\0\x10\0\x1f\0\0\0\x10\0");
}

/* The bridge whose _CRS, of a constant size, holds these descriptors. */
static void read_bridge_with(struct ktest_run *t, const char *descriptors, size_t len)
{
	uint8_t *bridge, *buffer;

	begin();
	begin_table("DSDT");
	bridge = open_bridge();
	EMIT("\x08_CRS");
	buffer = OPEN("\x11");
	EMIT("\x0a\xff");
	emit(descriptors, len);
	close_package(buffer);
	close_package(bridge);
	end_table();
	read_all(t);
	require(t, info.bridge_count == 1 && info.bridges[0].crs_static);
}

#define READ_BRIDGE_WITH(t, text)	read_bridge_with(t, text, sizeof(text) - 1)

KTEST(aml_buses_of_a_bridge_are_no_memory)
{
	READ_BRIDGE_WITH(t, "\x88\x0d\0\x02\x0c\0\0\0\x10\0\x1f\0\0\0\x10\0");
	expect_eq(t, info.bridges[0].bus, 0x10);
	expect_eq(t, info.bridges[0].bus_last, 0x1f);
	expect_eq(t, info.bridges[0].window_count, 0);
	/* 0x100 to 0x10f, of which there are none */
	READ_BRIDGE_WITH(t, "\x88\x0d\0\x02\x0c\0\0\0\0\x01\x0f\x01\0\0\x10\0");
	expect_eq(t, info.bridges[0].bus, 0);
	expect_eq(t, info.bridges[0].bus_last, 255);
	expect_eq(t, info.bridges[0].window_count, 0);
}

static unsigned bridges_with(struct ktest_run *t, const char *name, size_t len)
{
	uint8_t *bridge;

	begin();
	begin_table("DSDT");
	bridge = open_bridge();
	emit(name, len);
	close_package(bridge);
	end_table();
	read_all(t);
	return info.bridge_count;
}

#define BRIDGES_WITH(t, text)	bridges_with(t, text, sizeof(text) - 1)

KTEST(aml_bridges_of_segments_and_buses_that_do_not_exist)
{
	expect_eq(t, BRIDGES_WITH(t, "\x08_BBN\x0a\xff"), 1);
	expect_eq(t, info.bridges[0].bus, 255);
	expect_eq(t, BRIDGES_WITH(t, "\x08_BBN\x0b\0\x01"), 0);
	expect_eq(t, BRIDGES_WITH(t, "\x08_SEG\x0b\xff\xff"), 1);
	expect_eq(t, info.bridges[0].segment, 0xffff);
	expect_eq(t, BRIDGES_WITH(t, "\x08_SEG\x0c\0\0\x01\0"), 0);
}

KTEST(aml_virtio_device_without_what_it_needs)
{
	uint8_t *p;

	begin();
	begin_table("DSDT");
	p = OPEN("\x5b\x82");				/* no _CRS */
	EMIT("VR00" "\x08_HID\x0dLNRO0005\0");
	close_package(p);
	p = OPEN("\x5b\x82");				/* no interrupt */
	EMIT("VR01" "\x08_HID\x0dLNRO0005\0" "\x08_CRS\x11\x11\x0a\x0e"
	     "\x86\x09\0\x01\0\0\xb0\xfe\0\x02\0\0\x79\0");
	close_package(p);
	p = OPEN("\x5b\x82");				/* no buffer */
	EMIT("VR02" "\x08_HID\x0dLNRO0005\0" "\x08_CRS\x01");
	close_package(p);
	p = OPEN("\x5b\x82");				/* all of it, _CRS first */
	EMIT("VR03" "\x08_CRS\x11\x1a\x0a\x17" "\x86\x09\0\x01\0\0\xb0\xfe\0\x02\0\0"
	     "\x89\x06\0\x01\x01\x2f\0\0\0\x79\0" "\x08_HID\x0dLNRO0005\0");
	close_package(p);
	end_table();
	read_all(t);
	expect(t, !info.aml_problem);
	require(t, info.virtio_count == 1);
	expect_str(t, info.virtio[0].path, "\\VR03");
	expect_eq(t, info.virtio[0].line.gsi, 47);
}

/* Routes. */

KTEST(aml_route_by_the_branch_for_the_apic)
{
	struct acpi_gsi line;

	/* If (LEqual(PICF, Zero)) { Return (PR00) } Else { Return (AR00) } */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0c\x93PICF\x00\xa4PR00"
				     "\xa1\x06\xa4" "AR00", &line), 0);
	expect_eq(t, line.gsi, 20);
	/* If (PICF) { Return (AR00) } Return (PR00) */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0aPICF\xa4" "AR00\xa4PR00", &line), 0);
	expect_eq(t, line.gsi, 20);
	/* If (LNot(PICF)) { Return (PR00) } Noop Return (AR00) */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0b\x92PICF\xa4PR00\xa3\xa4" "AR00", &line), 0);
	expect_eq(t, line.gsi, 20);
	/* If (LNotEqual(One, PICF)) { Return (PR00) } Else { If (LGreater(PICF, 0)) {...} } */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0d\x92\x93\x01PICF\xa4PR00"
				     "\xa1\x0e\xa0\x0c\x94PICF\x00\xa4" "AR00", &line), 0);
	expect_eq(t, line.gsi, 20);
	/* If (LLess(PICF, One)) { Return (AR00) } Return (PR00) */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0c\x95PICF\x01\xa4" "AR00\xa4PR00", &line), 0);
	expect_eq(t, line.gsi, 10);
	/* Return (AR00), without a choice */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa4" "AR00", &line), 0);
	expect_eq(t, line.gsi, 20);
}

KTEST(aml_route_that_is_computed_is_refused)
{
	struct acpi_gsi line;

	/* a variable that _PIC does not set */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0aOSYS\xa4" "AR00\xa4PR00", &line), -ENOTSUP);
	expect_str(t, info.bridges[0].prt_problem, "_PRT is code");
	/* Store(AR00, Local0) Return(Local0) */
	expect_eq(t, ROUTE_OF_METHOD(t, "\x70" "AR00\x60\xa4\x60", &line), -ENOTSUP);
	/* a local; a call; nothing; a branch that does not return; what is no package */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa4\x60", &line), -ENOTSUP);
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa4MTHD", &line), -ENOTSUP);
	expect_eq(t, ROUTE_OF_METHOD(t, "", &line), -ENOTSUP);
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x06PICF\xa3\xa4" "AR00", &line), -ENOTSUP);
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa4\x01", &line), -ENOTSUP);
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x0e\x93PICFOSYS\xa4" "AR00\xa4PR00", &line),
		  -ENOTSUP);
	/* a method that is cut */
	expect_eq(t, ROUTE_OF_METHOD(t, "\xa0\x3fPICF\xa4" "AR00", &line), -ENOTSUP);
}

/* A bridge of which _PRT is this package's elements. */
static int route_of_package(struct ktest_run *t, const char *elements, size_t len,
			    struct acpi_gsi *line)
{
	uint8_t *bridge, *package, *link;

	begin();
	begin_table("DSDT");
	link = OPEN("\x5b\x82");
	EMIT("LNKA" "\x08_CRS\x11\x0e\x0a\x0b\x89\x06\0\x05\x01\x10\0\0\0\x79\0");
	close_package(link);
	link = OPEN("\x5b\x82");
	EMIT("LNKB" "\x14\x07_CRS\x00\xa3");
	close_package(link);
	bridge = open_bridge();
	EMIT("\x08_PRT");
	package = OPEN("\x12");
	EMIT("\x01");
	emit(elements, len);
	close_package(package);
	close_package(bridge);
	end_table();
	read_all(t);
	return route(NULL, 0, 1, line);
}

#define ROUTE_OF_PACKAGE(t, elements, line) \
	route_of_package(t, elements, sizeof(elements) - 1, line)

KTEST(aml_route_by_a_link_device)
{
	struct acpi_gsi line;

	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00LNKA\x00", &line), 0);
	expect_eq(t, line.gsi, 16);
	expect(t, line.level && line.active_low);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00LNKB\x00", &line),
		  -ENOTSUP);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00LNKA\x01", &line),
		  -ENOTSUP);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00LNKX\x00", &line),
		  -EPROTO);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x01LNKA\x00", &line),
		  -ENOENT);
}

KTEST(aml_route_by_a_link_device_behind_its_index)
{
	struct acpi_gsi line;

	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00\x00LNKA", &line), 0);
	expect_eq(t, line.gsi, 16);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0d\x04\x0c\xff\xff\x01\x00\x00\x00LNKX", &line),
		  -EPROTO);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x0c\x04\x0c\xff\xff\x01\x00\x00\x00LNK", &line),
		  -EPROTO);
}

KTEST(aml_route_of_a_broken_package)
{
	struct acpi_gsi line;

	expect_eq(t, ROUTE_OF_PACKAGE(t, "", &line), -ENOENT);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x00", &line), -EPROTO);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x05\x04\x00\x00\x00", &line), -EPROTO);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x3f\x04", &line), -EPROTO);
	expect_eq(t, ROUTE_OF_PACKAGE(t, "\x12\x10\x04\x0c\xff\xff\x01\x00\x00\x00"
				      "\x0e\0\0\0\0\x01\0\0\0", &line), -EPROTO);
}

KTEST(aml_route_behind_bridges)
{
	static const uint8_t path[] = { 4 << 3, 1 << 3 | 2 }, wrong[] = { 5 << 3 };
	uint8_t *bridge, *outer, *inner;
	struct acpi_gsi line;

	begin();
	begin_table("DSDT");
	bridge = open_bridge();
	outer = OPEN("\x5b\x82");
	EMIT("BR00" "\x08_ADR\x0c\x00\x00\x04\x00");
	inner = OPEN("\x5b\x82");
	EMIT("BR01" "\x08_ADR\x0c\x02\x00\x01\x00" "\x08_PRT");
	emit_prt(3, 21);
	close_package(inner);
	close_package(outer);
	close_package(bridge);
	end_table();
	read_all(t);
	expect_str(t, info.bridges[0].prt_problem, "no _PRT");
	expect_eq(t, route(path, 2, 3, &line), 0);
	expect_eq(t, line.gsi, 21);
	expect_eq(t, route(path, 1, 3, &line), -ENOENT);
	expect_eq(t, route(NULL, 0, 3, &line), -ENOENT);
	expect_eq(t, route(wrong, 1, 3, &line), -ENOENT);
}

/* Any bytes. */

/* Loads this many bytes of a real DSDT. */
static void read_cut(struct ktest_run *t, const uint8_t *bytes, size_t len)
{
	begin();
	begin_table("DSDT");
	out -= HEADER;
	emit(bytes, len);
	end_table();
	read_all(t);
}

KTEST(aml_cut_anywhere)
{
	unsigned before = 0;
	size_t size;
	uint8_t *bytes = hex_file_read(FIXTURES "microvm-pcie.DSDT.hex", TABLE_MAX, &size);

	require(t, bytes != NULL);
	for (size_t len = HEADER; len <= size; len++) {
		read_cut(t, bytes, len);
		expect(t, info.virtio_count + info.bridge_count >= before || info.aml_problem);
		before = info.virtio_count + info.bridge_count;
	}
	expect_eq(t, before, 4);
	free(bytes);
}

KTEST(aml_with_bytes_changed)
{
	static const char *const machines[] = { "microvm-pcie", "q35-seabios", "pc-seabios" };
	struct acpi_gsi line;

	for (unsigned i = 0; i < ARRAY_SIZE(machines); i++) {
		begin();
		require(t, load(t, machines[i], ".DSDT"));
		for (uint64_t n = ktest_operations() / 4000; n; n--) {
			size_t at = HEADER + ktest_random_below(t, info.tables[0].length - HEADER);
			uint8_t kept = tables[0][at];
			int rc;

			tables[0][at] = (uint8_t)ktest_random(t);
			info.virtio_count = info.bridge_count = 0;
			read_all(t);
			rc = aml_route(&space, 0, 0, NULL, 0, 3, 2, &line);
			expect(t, rc == 0 || rc == -ENOENT || rc == -ENOTSUP || rc == -EPROTO);
			tables[0][at] = kept;
		}
	}
}
