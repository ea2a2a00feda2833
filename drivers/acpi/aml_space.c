// SPDX-License-Identifier: MIT
/*
 * The namespace (5.3), as far as it matters: scopes, and of names and methods
 * those that somebody may ask for. A node's children are found by a hash of
 * parent and name, so it does not matter over how many Scope() and tables they
 * are spread.
 */
#include "drivers/acpi/aml.h"

#include "kernel/lib/string.h"

static unsigned bucket_of(unsigned parent, uint32_t segment)
{
	uint64_t hash = (segment + (uint64_t)parent * 0x9e3779b1) * UINT64_C(0x9e3779b97f4a7c15);

	return (hash >> 40) % AML_BUCKETS;
}

unsigned aml_child(const struct aml_space *s, unsigned parent, uint32_t segment)
{
	unsigned n = s->buckets[bucket_of(parent, segment)];

	while (n && (s->nodes[n].segment != segment || s->nodes[n].parent != parent))
		n = s->nodes[n].next;
	return n;
}

/* The child, made if need be; 0 if there is no room. */
static unsigned child_make(struct aml_space *s, unsigned parent, uint32_t segment)
{
	unsigned n = aml_child(s, parent, segment);
	uint16_t *bucket = &s->buckets[bucket_of(parent, segment)];

	if (n || s->count == AML_NODES_MAX)
		return n;
	n = s->count++;
	s->nodes[n] = (struct aml_node){
		.segment = segment, .parent = (uint16_t)parent, .next = *bucket,
		.kind = AML_KIND_SCOPE,
	};
	*bucket = (uint16_t)n;
	return n;
}

/* The root has its children before any table is read (5.3.1). */
void aml_space_init(struct aml_space *s, const struct acpi_memory *m,
		    const struct acpi_info *info)
{
	s->memory = m;
	s->info = info;
	s->mapped = NULL;
	memset(s->buckets, 0, sizeof(s->buckets));
	s->nodes[0] = (struct aml_node){ .kind = AML_KIND_SCOPE };
	s->count = 1;
	child_make(s, 0, AML_SEG('_', 'S', 'B', '_'));
	child_make(s, 0, AML_SEG('_', 'G', 'P', 'E'));
	child_make(s, 0, AML_SEG('_', 'P', 'R', '_'));
	child_make(s, 0, AML_SEG('_', 'S', 'I', '_'));
	child_make(s, 0, AML_SEG('_', 'T', 'Z', '_'));
}

/* Where a name begins: the scope, the root, or above. False above the root. */
static bool start_of(const struct aml_space *s, unsigned scope, const struct aml_name *name,
		     unsigned *node)
{
	*node = name->absolute ? 0 : scope;
	for (unsigned i = 0; i < name->parents; i++) {
		if (*node == 0)
			return false;
		*node = s->nodes[*node].parent;
	}
	return true;
}

unsigned aml_find(const struct aml_space *s, unsigned scope, const struct aml_name *name)
{
	unsigned node, found;

	if (!start_of(s, scope, name, &node) || name->count == 0)
		return 0;
	found = aml_child(s, node, aml_segment(name, 0));
	while (!found && node != 0 && name->count == 1 && name->parents == 0) {
		node = s->nodes[node].parent;
		found = aml_child(s, node, aml_segment(name, 0));
	}
	for (unsigned i = 1; i < name->count && found; i++)
		found = aml_child(s, found, aml_segment(name, i));
	return found;
}

static bool declare(struct aml_space *s, unsigned scope, const struct aml_name *name,
		    unsigned count, unsigned *node)
{
	if (!start_of(s, scope, name, node))
		return false;
	for (unsigned i = 0; i < count; i++) {
		*node = child_make(s, *node, aml_segment(name, i));
		if (*node == 0)
			return false;
	}
	return true;
}

bool aml_declare(struct aml_space *s, unsigned scope, const struct aml_name *name, unsigned *node)
{
	return declare(s, scope, name, name->count, node);
}

bool aml_declare_parent(struct aml_space *s, unsigned scope, const struct aml_name *name,
			unsigned *node)
{
	return name->count > 0 && declare(s, scope, name, name->count - 1, node);
}

/* The ancestor of `node` that is `up` steps above it. */
static unsigned ancestor(const struct aml_space *s, unsigned node, unsigned up)
{
	while (up--)
		node = s->nodes[node].parent;
	return node;
}

/* Adds a segment, without the underscores that fill it up; false if it does not fit. */
static bool path_add(char *buf, size_t size, size_t *len, uint32_t segment, bool first)
{
	size_t width = 4;

	while (width > 1 && (uint8_t)(segment >> (8 * (width - 1))) == '_')
		width--;
	if (*len + !first + width + 1 > size)
		return false;
	if (!first)
		buf[(*len)++] = '.';
	for (size_t i = 0; i < width; i++)
		buf[(*len)++] = (char)(segment >> (8 * i));
	buf[*len] = '\0';
	return true;
}

void aml_path(const struct aml_space *s, unsigned node, char *buf, size_t size)
{
	unsigned depth = 0;
	size_t len = str_copy(buf, size, "\\");

	for (unsigned n = node; n; n = s->nodes[n].parent)
		depth++;
	for (unsigned i = depth; i-- > 0;) {
		uint32_t segment = s->nodes[ancestor(s, node, i)].segment;

		if (!path_add(buf, size, &len, segment, i == depth - 1))
			break;
	}
}

void aml_close(struct aml_space *s)
{
	if (s->mapped)
		s->memory->unmap(s->memory);
	s->mapped = NULL;
}

bool aml_open(struct aml_space *s, unsigned table, struct aml *out)
{
	if (!s->mapped || s->mapped_table != table) {
		aml_close(s);
		s->mapped = acpi_map_table(s->memory, &s->info->tables[table]);
		s->mapped_table = table;
	}
	if (!s->mapped)
		return false;
	out->at = s->mapped;
	out->end = s->mapped + s->info->tables[table].length;
	return true;
}

bool aml_open_node(struct aml_space *s, unsigned node, struct aml *out)
{
	const struct aml_node *n = &s->nodes[node];

	if (!aml_open(s, n->table, out) || !aml_bytes(out, n->offset))
		return false;
	if (n->kind != AML_KIND_METHOD)
		return true;
	if (n->value > (size_t)(out->end - out->at))
		return false;
	out->end = out->at + n->value;
	return true;
}
