/* SPDX-License-Identifier: MIT */
/*
 * Inside drivers/acpi: the static reader of AML (chapter 20). It knows the
 * grammar, but executes nothing: what has a length is stepped over by it, and
 * what is declared under conditions or in methods is not seen.
 *
 * aml_parse.c steps through bytes, aml_space.c keeps what is declared,
 * aml_load.c fills that from the DSDT and the SSDTs, aml_resource.c decodes
 * resource descriptors, aml_devices.c and aml_route.c answer what is asked.
 * Every step goes forward, so all work is linear in the length of the tables,
 * but for looking up names, which a hash bounds in practice and AML_NODES_MAX
 * in any case.
 */
#pragma once

#include "drivers/acpi/table.h"

enum {
	AML_NODES_MAX = 4096,
	AML_BUCKETS = 1024,		/* a power of two */
	AML_DEPTH_MAX = 24,		/* of scopes in one another, of terms in one another */
};

/* Opcodes (20.3), those of two bytes as AML_EXT and the second. */
enum aml_opcode {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_QWORD = 0x0e,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_VAR_PACKAGE = 0x13,
	AML_METHOD = 0x14,
	AML_ARG0 = 0x68,
	AML_STORE = 0x70,
	AML_LNOT = 0x92,
	AML_LEQUAL = 0x93,
	AML_LGREATER = 0x94,
	AML_LLESS = 0x95,
	AML_IF = 0xa0,
	AML_ELSE = 0xa1,
	AML_NOOP = 0xa3,
	AML_RETURN = 0xa4,
	AML_ONES = 0xff,
	AML_EXT = 0x5b00,
	AML_REGION = AML_EXT + 0x80,
	AML_DEVICE = AML_EXT + 0x82,
	AML_PROCESSOR = AML_EXT + 0x83,
	AML_POWER_RESOURCE = AML_EXT + 0x84,
	AML_THERMAL_ZONE = AML_EXT + 0x85,
	AML_A_NAME = 0x10000,		/* no opcode: a name begins here */
	AML_NOTHING,			/* the end, or a byte that begins nothing */
};

/* Bytes that are read one after the other; `at` never passes `end`. */
struct aml {
	const uint8_t *at, *end;
};

/* A NameString (20.2.2). */
struct aml_name {
	bool absolute;			/* begins with a backslash */
	unsigned parents;		/* carets */
	unsigned count;			/* segments, 0 to 255 */
	const uint8_t *segments;	/* of four bytes each */
};

/* Four characters as they lie in memory. */
#define AML_SEG(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/*
 * Stepping (aml_parse.c). Each returns whether that was there, complete; if
 * not, where `a` then stands means nothing, but it is within its bounds.
 */
enum aml_opcode aml_peek(const struct aml *a);
bool aml_opcode(struct aml *a, enum aml_opcode expected);
bool aml_bytes(struct aml *a, size_t n);			/* steps over n bytes */
bool aml_package(struct aml *a, struct aml *body);		/* PkgLength; steps over all */
bool aml_name(struct aml *a, struct aml_name *out);
bool aml_integer(struct aml *a, uint64_t *out);			/* a constant */
bool aml_skip(struct aml *a);					/* a term, whatever it is */
bool aml_buffer(struct aml *a, struct aml *bytes);		/* of a constant size */
bool aml_elements(struct aml *a, struct aml *elements);		/* of a package */

uint32_t aml_segment(const struct aml_name *name, unsigned i);

/* What is kept of a table (aml_space.c). */
enum aml_kind {
	AML_KIND_SCOPE,			/* device, processor, zone, or only a part of a path */
	AML_KIND_INTEGER,		/* a name with an integer: `value` */
	AML_KIND_DATA,			/* a name with anything else, at `offset` */
	AML_KIND_METHOD,		/* its body, `value` bytes at `offset` */
};

/* What a device is by _HID or _CID; in `value` of a scope. */
enum aml_class {
	AML_CLASS_PCI_HOST = BIT(0),
	AML_CLASS_VIRTIO_MMIO = BIT(1),
};

struct aml_node {
	uint32_t segment;
	uint32_t offset;		/* from the beginning of its table */
	uint32_t value;
	uint16_t parent;
	uint16_t next;			/* in its bucket; 0: the last */
	uint8_t table;			/* in acpi_info.tables */
	uint8_t kind;			/* enum aml_kind */
};

/* Numbers of nodes: 0 is the root, and as a result "none", as nobody looks for the root. */
struct aml_space {
	const struct acpi_memory *memory;
	const struct acpi_info *info;
	unsigned count;
	uint16_t buckets[AML_BUCKETS];
	struct aml_node nodes[AML_NODES_MAX];
	uint16_t bridges[ACPI_BRIDGES_MAX];	/* of acpi_info.bridges */
	const uint8_t *mapped;		/* a table, or NULL */
	unsigned mapped_table;
	unsigned complaints;		/* about devices, logged or not */
};

void aml_space_init(struct aml_space *s, const struct acpi_memory *m,
		    const struct acpi_info *info);

/* The child of `parent` with that name; 0 if there is none. */
unsigned aml_child(const struct aml_space *s, unsigned parent, uint32_t segment);

/* What a name means in a scope (5.3): a single segment is looked for upwards too. 0: nothing. */
unsigned aml_find(const struct aml_space *s, unsigned scope, const struct aml_name *name);

/*
 * The node that a name declares in a scope, or all of it but its last segment;
 * missing parts are made. False if there is no room for them, or the carets
 * lead above the root.
 */
bool aml_declare(struct aml_space *s, unsigned scope, const struct aml_name *name,
		 unsigned *node);
bool aml_declare_parent(struct aml_space *s, unsigned scope, const struct aml_name *name,
			unsigned *node);

/* "\_SB.PCI0" into `buf`, cut. */
void aml_path(const struct aml_space *s, unsigned node, char *buf, size_t size);

/* Maps a table, instead of another; all its bytes, or false. aml_close() unmaps. */
bool aml_open(struct aml_space *s, unsigned table, struct aml *out);
void aml_close(struct aml_space *s);

/* Opens a node's table at the node. */
bool aml_open_node(struct aml_space *s, unsigned node, struct aml *out);

/*
 * Reads the DSDT and the SSDTs of `info` into the space (aml_load.c). Returns
 * NULL, or what kept it from reading all.
 */
const char *aml_load(struct aml_space *s);

/* A resource of a _CRS (6.4). */
enum aml_resource_kind {
	AML_RESOURCE_OTHER,
	AML_RESOURCE_MEMORY,
	AML_RESOURCE_PORTS,
	AML_RESOURCE_BUSES,
	AML_RESOURCE_INTERRUPT,
};

struct aml_resource {
	enum aml_resource_kind kind;
	uint64_t start, end;		/* end: one past the last */
	bool window;			/* forwarded, not consumed */
	bool prefetchable;
	struct acpi_gsi interrupt;
};

/*
 * Steps over one descriptor (aml_resource.c). False at the end tag, at the end
 * of the bytes, and at what is cut.
 */
bool aml_resource(struct aml *a, struct aml_resource *out);

/* Finds the devices and bridges of the space and fills them into *info (aml_devices.c). */
void aml_find_devices(struct aml_space *s, struct acpi_info *info);

/* Whether a bus's _PRT can be read: NULL, or why not (aml_route.c). */
const char *aml_route_problem(struct aml_space *s, unsigned bus);

/* acpi_pci_route(). */
int __must_check aml_route(struct aml_space *s, uint16_t segment, uint8_t root_bus,
			   const uint8_t *path, unsigned depth, uint8_t device, unsigned pin,
			   struct acpi_gsi *out);

/* What brings the machine to sleep state S5, soft off (7.4.2): 3 bits each. */
struct aml_sleep_type {
	uint8_t a, b;			/* for PM1a and PM1b control */
};

/*
 * Reads \_S5 (aml_sleep.c). Returns 0, -ENOENT (there is none), -ENOTSUP (it
 * is code), or -EPROTO (broken).
 */
int __must_check aml_sleep_type(struct aml_space *s, struct aml_sleep_type *out);

/* The kernel's own space; NULL where ACPI is off (acpi_init.c). */
struct aml_space *acpi_space(void);

/* All of the above, for acpi_init(): fills what AML says into *info. */
void aml_read(struct aml_space *s, const struct acpi_memory *m, struct acpi_info *info);
