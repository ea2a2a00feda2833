// SPDX-License-Identifier: MIT
/* The sleep type of soft off, from the package \_S5 (7.4.2.6). */
#include "drivers/acpi/aml.h"

#include "kernel/lib/errno.h"

enum { SLEEP_TYPE_MAX = 7 };

static bool sleep_type(struct aml *elements, uint8_t *out)
{
	uint64_t value;

	if (!aml_integer(elements, &value) || value > SLEEP_TYPE_MAX)
		return false;
	*out = (uint8_t)value;
	return true;
}

/* Some firmware leaves the second out: PM1b's is as PM1a's then. */
static int read_package(struct aml *a, struct aml_sleep_type *out)
{
	struct aml elements;

	if (!aml_elements(a, &elements) || !sleep_type(&elements, &out->a))
		return -EPROTO;
	out->b = out->a;
	if (aml_peek(&elements) != AML_NOTHING && !sleep_type(&elements, &out->b))
		return -EPROTO;
	return 0;
}

int aml_sleep_type(struct aml_space *s, struct aml_sleep_type *out)
{
	unsigned node = aml_child(s, 0, AML_SEG('_', 'S', '5', '_'));
	struct aml a;
	int result;

	if (!node)
		return -ENOENT;
	if (s->nodes[node].kind == AML_KIND_METHOD)
		return -ENOTSUP;
	if (s->nodes[node].kind != AML_KIND_DATA)
		return -EPROTO;
	result = aml_open_node(s, node, &a) ? read_package(&a, out) : -EPROTO;
	aml_close(s);
	return result;
}
