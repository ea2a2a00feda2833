// SPDX-License-Identifier: MIT
/*
 * From definition blocks (the DSDT, then the SSDTs) to the namespace. A stack
 * of scopes, each with its end, stands for the nesting. Where something cannot
 * be understood the rest of the innermost scope is left out, and that is said.
 */
#include "drivers/acpi/aml.h"

#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

/* Terms that cannot be read and are logged; of more only the number is. */
enum { NOTES_MAX = 8 };

struct load {
	struct aml_space *space;
	unsigned table;
	const uint8_t *base;		/* of the table */
	const char *problem;		/* the first */
	unsigned notes;
	unsigned depth;
	struct {
		const uint8_t *end;
		unsigned scope;
	} stack[AML_DEPTH_MAX];
};

static unsigned scope_of(const struct load *l)
{
	return l->stack[l->depth].scope;
}

static bool push(struct load *l, struct aml *a, const struct aml *body, unsigned scope)
{
	if (l->depth + 1 == AML_DEPTH_MAX)
		return false;
	l->depth++;
	l->stack[l->depth].end = body->end;
	l->stack[l->depth].scope = scope;
	*a = *body;
	return true;
}

/*
 * A scope that is opened: of what there is; declared if nothing is there, as
 * its declaration may stand in a part that is not read.
 */
static bool open_scope(struct load *l, struct aml *a)
{
	struct aml body;
	struct aml_name name;
	unsigned node = 0;

	if (!aml_bytes(a, 1) || !aml_package(a, &body) || !aml_name(&body, &name))
		return false;
	if (name.count > 0)
		node = aml_find(l->space, scope_of(l), &name);
	if (node == 0 && !aml_declare(l->space, scope_of(l), &name, &node))
		return false;
	return push(l, a, &body, node);
}

/* A device and the like: a name, `fields` bytes, then its terms. */
static bool open_object(struct load *l, struct aml *a, size_t fields)
{
	struct aml body;
	struct aml_name name;
	unsigned node;

	return aml_bytes(a, 2) && aml_package(a, &body) && aml_name(&body, &name) &&
	       aml_bytes(&body, fields) && aml_declare(l->space, scope_of(l), &name, &node) &&
	       push(l, a, &body, node);
}

/* An identifier as a string, or compressed (19.3.4, EISAID). */
static enum aml_class class_of(struct aml *a)
{
	static const struct {
		const char *text;
		uint32_t eisa;
		enum aml_class class;
	} known[] = {
		{ "PNP0A03", 0x030ad041, AML_CLASS_PCI_HOST },
		{ "PNP0A08", 0x080ad041, AML_CLASS_PCI_HOST },
		{ "LNRO0005", 0, AML_CLASS_VIRTIO_MMIO },
	};
	bool is_text = aml_peek(a) == AML_STRING;
	const char *text = (const char *)a->at + 1;
	size_t room = is_text ? a->end - a->at - 1 : 0;
	uint64_t id = 0;

	if (!is_text && !aml_integer(a, &id))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i].text) + 1;

		if (is_text ? len <= room && memcmp(text, known[i].text, len) == 0
			    : id != 0 && id == known[i].eisa)
			return known[i].class;
	}
	return 0;
}

static bool is_package(const struct aml *a)
{
	return aml_peek(a) == AML_PACKAGE || aml_peek(a) == AML_VAR_PACKAGE;
}

/* _CID may be a package of identifiers (6.1.2). */
static unsigned classes_of(struct aml a)
{
	unsigned classes = 0;
	struct aml body;

	if (!is_package(&a))
		return class_of(&a);
	if (!aml_elements(&a, &body))
		return 0;
	while (body.at < body.end) {
		struct aml element = body;

		classes |= class_of(&element);
		if (!aml_skip(&body))
			break;
	}
	return classes;
}

enum interest { NOT_KEPT, KEPT_IF_PACKAGE, KEPT_INTEGER, KEPT_DATA, KEPT_CLASS };

static enum interest interest_in(uint32_t segment)
{
	switch (segment) {
	case AML_SEG('_', 'H', 'I', 'D'):
	case AML_SEG('_', 'C', 'I', 'D'):
		return KEPT_CLASS;
	case AML_SEG('_', 'A', 'D', 'R'):
	case AML_SEG('_', 'B', 'B', 'N'):
	case AML_SEG('_', 'S', 'E', 'G'):
	case AML_SEG('_', 'S', 'T', 'A'):
	case AML_SEG('_', 'U', 'I', 'D'):
		return KEPT_INTEGER;
	case AML_SEG('_', 'C', 'B', 'A'):
	case AML_SEG('_', 'C', 'R', 'S'):
	case AML_SEG('_', 'P', 'R', 'T'):
	case AML_SEG('_', 'S', '5', '_'):
		return KEPT_DATA;
	}
	return KEPT_IF_PACKAGE;
}

/* Notes a name or a method that is declared at `at`. What has the name already keeps it. */
static bool keep(struct load *l, const struct aml_name *name, enum aml_kind kind,
		 const uint8_t *at, uint64_t value)
{
	unsigned before = l->space->count;
	struct aml_node *n;
	unsigned node;

	if (!aml_declare(l->space, scope_of(l), name, &node) || node == 0)
		return false;
	if (node < before)
		return true;
	n = &l->space->nodes[node];
	n->kind = kind;
	n->table = (uint8_t)l->table;
	n->offset = (uint32_t)(at - l->base);
	n->value = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	return true;
}

static bool keep_class(struct load *l, const struct aml_name *name, const struct aml *value)
{
	unsigned device;

	if (!aml_declare_parent(l->space, scope_of(l), name, &device))
		return false;
	if (l->space->nodes[device].kind == AML_KIND_SCOPE)
		l->space->nodes[device].value |= classes_of(*value);
	return true;
}

/* DefName: a name and a data object. */
static bool read_name(struct load *l, struct aml *a)
{
	struct aml_name name;
	struct aml value, integer;
	uint64_t number;

	if (!aml_bytes(a, 1) || !aml_name(a, &name) || name.count == 0)
		return false;
	value = integer = *a;
	if (!aml_skip(a))
		return false;
	switch (interest_in(aml_segment(&name, name.count - 1))) {
	case KEPT_CLASS:
		return keep_class(l, &name, &value);
	case KEPT_INTEGER:
		return !aml_integer(&integer, &number) ||
		       keep(l, &name, AML_KIND_INTEGER, value.at, number);
	case KEPT_DATA:
		return keep(l, &name, AML_KIND_DATA, value.at, 0);
	case KEPT_IF_PACKAGE:
		return !is_package(&value) ||
		       keep(l, &name, AML_KIND_DATA, value.at, 0);
	default:
		return true;
	}
}

/* DefMethod: a package of a name, flags, and what is not read. */
static bool read_method(struct load *l, struct aml *a)
{
	struct aml body;
	struct aml_name name;
	uint32_t segment;

	if (!aml_bytes(a, 1) || !aml_package(a, &body) || !aml_name(&body, &name) ||
	    !aml_bytes(&body, 1) || name.count == 0)
		return false;
	segment = aml_segment(&name, name.count - 1);
	if (interest_in(segment) == KEPT_IF_PACKAGE && segment != AML_SEG('_', 'P', 'I', 'C'))
		return true;
	if (interest_in(segment) == KEPT_CLASS)
		return true;
	return keep(l, &name, AML_KIND_METHOD, body.at, body.end - body.at);
}

/* Whether a term may hold a call: a name, an expression, a region with its address. */
static bool may_call(enum aml_opcode op)
{
	return op == AML_A_NAME || (op >= AML_STORE && op < AML_IF) || op == AML_REGION;
}

static bool is_constant(enum aml_opcode op)
{
	return op == AML_ZERO || op == AML_ONE || op == AML_ONES || op == AML_BYTE ||
	       op == AML_WORD || op == AML_DWORD || op == AML_QWORD || op == AML_STRING;
}

/*
 * A term that is not read. Behind one with a call stand the constants that are
 * its last arguments: as many as a method can have for each of a few calls.
 */
static bool skip_term(struct aml *a)
{
	enum { CONSTANTS_MAX = 16 };
	bool called = may_call(aml_peek(a));

	if (!aml_skip(a))
		return false;
	for (unsigned i = 0; called && i < CONSTANTS_MAX && is_constant(aml_peek(a)); i++) {
		if (!aml_skip(a))
			return false;
	}
	return true;
}

/* One term of a scope. A constant alone is none. */
static bool read_term(struct load *l, struct aml *a)
{
	switch (aml_peek(a)) {
	case AML_SCOPE:
		return open_scope(l, a);
	case AML_DEVICE:
	case AML_THERMAL_ZONE:
		return open_object(l, a, 0);
	case AML_PROCESSOR:
		return open_object(l, a, 6);
	case AML_POWER_RESOURCE:
		return open_object(l, a, 3);
	case AML_NAME:
		return read_name(l, a);
	case AML_METHOD:
		return read_method(l, a);
	default:
		return !is_constant(aml_peek(a)) && skip_term(a);
	}
}

static void note(struct load *l, const uint8_t *at)
{
	const struct acpi_table *t = &l->space->info->tables[l->table];
	bool full = l->space->count == AML_NODES_MAX;
	const char *problem = full ? "more names than are kept" : "a term that cannot be read";

	if (l->notes++ < NOTES_MAX)
		log_warn("%s at 0x%llx: %s, at byte %zu", t->signature, (unsigned long long)t->pa,
			 problem, (size_t)(at - l->base));
	if (!l->problem)
		l->problem = problem;
}

static void load_table(struct load *l, unsigned table)
{
	struct aml a;

	if (!aml_open(l->space, table, &a))
		return;
	l->table = table;
	l->base = a.at;
	a.at += sizeof(struct acpi_header);
	l->depth = 0;
	l->stack[0].end = a.end;
	l->stack[0].scope = 0;
	for (;;) {
		const uint8_t *before = a.at;

		if (a.at == l->stack[l->depth].end) {
			if (l->depth == 0)
				return;
			a.end = l->stack[--l->depth].end;
		} else if (!read_term(l, &a)) {
			note(l, before);
			a.at = a.end = l->stack[l->depth].end;
		}
	}
}

static void load_all(struct load *l, const char *signature)
{
	const struct acpi_info *info = l->space->info;

	for (unsigned i = 0; i < info->table_count; i++) {
		if (strcmp(info->tables[i].signature, signature) == 0)
			load_table(l, i);
	}
}

const char *aml_load(struct aml_space *s)
{
	struct load l = { .space = s };

	load_all(&l, "DSDT");
	load_all(&l, "SSDT");
	if (l.notes > NOTES_MAX)
		log_warn("AML: %u more terms that are left out", l.notes - NOTES_MAX);
	return l.problem;
}
