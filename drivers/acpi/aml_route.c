// SPDX-License-Identifier: MIT
/*
 * Interrupt routing of PCI buses: _PRT (6.2.13). It is a package, or a method
 * that returns one. Of methods those are read that only choose between
 * packages by the variable in which \_PIC(), called with 1 for the APIC
 * (5.8.1), keeps its argument; the branch is taken that is right for 1.
 */
#include "drivers/acpi/aml.h"

#include "kernel/lib/errno.h"

#define SEG_PRT	AML_SEG('_', 'P', 'R', 'T')
#define SEG_PIC	AML_SEG('_', 'P', 'I', 'C')

/* An entry of the package. */
struct prt_entry {
	uint64_t address, pin, index;
	bool named;			/* its source is a link device */
	struct aml_name source;
};

static uint32_t last_segment(const struct aml_name *name)
{
	return name->count ? aml_segment(name, name->count - 1) : 0;
}

/* A store of the argument: its target. Steps over any statement. */
static bool stores_argument(struct aml *a, struct aml_name *target)
{
	struct aml s = *a;

	if (!aml_skip(a))
		a->at = a->end;
	return aml_opcode(&s, AML_STORE) && aml_opcode(&s, AML_ARG0) && aml_name(&s, target);
}

/*
 * The names, by their last segments, that \_PIC() sets to its argument. They
 * are copied, for another table may have to be mapped.
 */
struct pic_names {
	uint32_t segments[4];
	unsigned count;
};

static void find_pic_names(struct aml_space *s, struct pic_names *out)
{
	unsigned pic = aml_child(s, 0, SEG_PIC);
	struct aml_name target;
	struct aml a;

	out->count = 0;
	if (!pic || s->nodes[pic].kind != AML_KIND_METHOD || !aml_open_node(s, pic, &a))
		return;
	while (a.at < a.end && out->count < ARRAY_SIZE(out->segments)) {
		if (stores_argument(&a, &target) && target.count > 0)
			out->segments[out->count++] = last_segment(&target);
	}
}

/* A constant, or what \_PIC(1) left in a variable. */
static bool operand(struct aml *a, const struct pic_names *pic, uint64_t *out)
{
	struct aml_name name;

	if (aml_integer(a, out))
		return true;
	if (aml_peek(a) != AML_A_NAME || !aml_name(a, &name))
		return false;
	for (unsigned i = 0; i < pic->count; i++) {
		if (pic->segments[i] == last_segment(&name)) {
			*out = 1;
			return true;
		}
	}
	return false;
}

/* The predicate of an If. False: it computes. */
static bool predicate(struct aml *a, const struct pic_names *pic, bool *out)
{
	bool inverted = false;
	enum aml_opcode op;
	uint64_t x, y;

	while (aml_opcode(a, AML_LNOT))
		inverted = !inverted;
	op = aml_peek(a);
	if (op == AML_LEQUAL || op == AML_LGREATER || op == AML_LLESS) {
		if (!aml_bytes(a, 1) || !operand(a, pic, &x) || !operand(a, pic, &y))
			return false;
		x = op == AML_LEQUAL ? x == y : op == AML_LGREATER ? x > y : x < y;
	} else if (!operand(a, pic, &x)) {
		return false;
	}
	*out = (x != 0) != inverted;
	return true;
}

/*
 * Steps from a method's body to what it returns: `a` then stands before a name
 * or a package. A branch that is taken replaces what comes after it. False:
 * the method computes.
 */
static bool find_return(struct aml *a, const struct pic_names *pic)
{
	struct aml branch, other;
	bool taken;

	for (;;) {
		switch (aml_peek(a)) {
		case AML_RETURN:
			return aml_bytes(a, 1);
		case AML_NOOP:
			if (!aml_bytes(a, 1))
				return false;
			continue;
		case AML_IF:
			if (!aml_bytes(a, 1) || !aml_package(a, &branch) ||
			    !predicate(&branch, pic, &taken))
				return false;
			other = *a;
			if (taken)
				*a = branch;
			else if (aml_opcode(&other, AML_ELSE) && !aml_package(&other, a))
				return false;
			continue;
		default:
			return false;
		}
	}
}

/* Opens the package that a name stands for. */
static int open_named(struct aml_space *s, unsigned scope, const struct aml_name *name,
		      struct aml *out)
{
	unsigned node = aml_find(s, scope, name);

	if (!node || s->nodes[node].kind != AML_KIND_DATA)
		return -ENOTSUP;
	return aml_open_node(s, node, out) ? 0 : -EPROTO;
}

/* Opens the _PRT of a bus: `out` is what is in the package, behind its count. */
static int open_prt(struct aml_space *s, unsigned bus, struct aml *out)
{
	unsigned prt = aml_child(s, bus, SEG_PRT);
	struct pic_names pic = { .count = 0 };
	struct aml_name name;
	struct aml a;
	int error = 0;

	if (!prt || s->nodes[prt].kind == AML_KIND_SCOPE)
		return -ENOENT;
	if (s->nodes[prt].kind == AML_KIND_METHOD)
		find_pic_names(s, &pic);
	if (!aml_open_node(s, prt, &a))
		return -EPROTO;
	if (s->nodes[prt].kind == AML_KIND_METHOD && !find_return(&a, &pic))
		return -ENOTSUP;
	if (aml_peek(&a) == AML_A_NAME) {
		if (!aml_name(&a, &name))
			return -EPROTO;
		error = open_named(s, bus, &name, &a);
	}
	if (error)
		return error;
	if (aml_peek(&a) != AML_PACKAGE && aml_peek(&a) != AML_VAR_PACKAGE)
		return -ENOTSUP;
	return aml_elements(&a, out) ? 0 : -EPROTO;
}

const char *aml_route_problem(struct aml_space *s, unsigned bus)
{
	struct aml a;

	switch (open_prt(s, bus, &a)) {
	case 0:
		return NULL;
	case -ENOENT:
		return "no _PRT";
	case -ENOTSUP:
		return "_PRT is code";
	default:
		return "_PRT is broken";
	}
}

/*
 * One entry: a package of address, pin, source and index (table 6.15). There
 * is firmware that has the last two the wrong way round; a name can only be
 * the source.
 */
static bool read_entry(struct aml *a, struct prt_entry *e)
{
	struct aml body;

	if (!aml_elements(a, &body) ||
	    !aml_integer(&body, &e->address) || !aml_integer(&body, &e->pin))
		return false;
	e->named = aml_peek(&body) == AML_A_NAME;
	if (e->named)
		return aml_name(&body, &e->source) && aml_integer(&body, &e->index);
	if (!aml_integer(&body, &e->index))
		return false;
	e->named = aml_peek(&body) == AML_A_NAME;
	return e->named ? aml_name(&body, &e->source) : aml_integer(&body, &e->index);
}

/* The interrupt that a link device says it is set to. */
static int link_line(struct aml_space *s, unsigned bus, const struct prt_entry *e,
		     struct acpi_gsi *out)
{
	unsigned device = aml_find(s, bus, &e->source);
	unsigned crs = device ? aml_child(s, device, AML_SEG('_', 'C', 'R', 'S')) : 0;
	struct aml_resource r;
	struct aml a, bytes;

	if (!crs)
		return -EPROTO;
	if (s->nodes[crs].kind != AML_KIND_DATA || e->index != 0)
		return -ENOTSUP;
	if (!aml_open_node(s, crs, &a) || !aml_buffer(&a, &bytes))
		return -EPROTO;
	while (aml_resource(&bytes, &r)) {
		if (r.kind == AML_RESOURCE_INTERRUPT) {
			*out = r.interrupt;
			return 0;
		}
	}
	return -EPROTO;
}

static int read_prt(struct aml_space *s, unsigned bus, uint8_t device, unsigned pin,
		    struct acpi_gsi *out)
{
	struct prt_entry e;
	struct aml a;
	int error = open_prt(s, bus, &a);

	if (error)
		return error;
	while (a.at < a.end) {
		if (!read_entry(&a, &e))
			return -EPROTO;
		if (e.address >> 16 != device || e.pin + 1 != pin)
			continue;
		if (e.named)
			return link_line(s, bus, &e, out);
		if (e.index > UINT32_MAX)
			return -EPROTO;
		/* Wired to an IOAPIC: as PCI has it, level-triggered and active low. */
		*out = (struct acpi_gsi){ (uint32_t)e.index, true, true };
		return 0;
	}
	return -ENOENT;
}

/* The device with this _ADR on a bus; 0 if there is none. */
static unsigned device_at(const struct aml_space *s, unsigned bus, uint8_t address)
{
	uint32_t adr = (uint32_t)(address >> 3) << 16 | (address & 7);

	for (unsigned i = 1; i < s->count; i++) {
		const struct aml_node *n = &s->nodes[i];

		if (n->kind == AML_KIND_INTEGER && n->segment == AML_SEG('_', 'A', 'D', 'R') &&
		    n->value == adr && n->parent != 0 && s->nodes[n->parent].parent == bus)
			return n->parent;
	}
	return 0;
}

int aml_route(struct aml_space *s, uint16_t segment, uint8_t root_bus, const uint8_t *path,
	      unsigned depth, uint8_t device, unsigned pin, struct acpi_gsi *out)
{
	const struct acpi_info *info = s->info;
	unsigned bus = 0;
	int error;

	for (unsigned i = 0; i < info->bridge_count && !bus; i++) {
		if (info->bridges[i].segment == segment && info->bridges[i].bus == root_bus)
			bus = s->bridges[i];
	}
	for (unsigned i = 0; i < depth && bus; i++)
		bus = device_at(s, bus, path[i]);
	if (!bus)
		return -ENOENT;
	error = read_prt(s, bus, device, pin, out);
	aml_close(s);
	return error;
}
