// SPDX-License-Identifier: MIT
/* Resource descriptors (6.4), as a _CRS holds them. */
#include "drivers/acpi/aml.h"

/* Small ones: bits 6:3 of the first byte are the type, 2:0 the length. */
enum small_type {
	SMALL_IRQ = 0x4,
	SMALL_IO = 0x8,
	SMALL_FIXED_IO = 0x9,
	SMALL_END = 0xf,
};

/* Large ones: bits 6:0 are the type, the length follows in two bytes. */
enum large_type {
	LARGE_MEMORY32 = 0x5,
	LARGE_MEMORY32_FIXED = 0x6,
	LARGE_DWORD = 0x7,
	LARGE_WORD = 0x8,
	LARGE_INTERRUPT = 0x9,
	LARGE_QWORD = 0xa,
	LARGE_EXTENDED = 0xb,
};

/* A little-endian number of `width` bytes. */
static uint64_t number(const uint8_t *p, unsigned width)
{
	uint64_t n = 0;

	while (width-- > 0)
		n = n << 8 | p[width];
	return n;
}

static void set_range(struct aml_resource *out, enum aml_resource_kind kind, uint64_t start,
		      uint64_t len)
{
	if (len == 0 || start + len < start)
		return;			/* unused, or nonsense */
	out->kind = kind;
	out->start = start;
	out->end = start + len;
}

/* 6.4.2.1: a mask of ISA interrupts; without flags edge-triggered and active high. */
static void read_irq(const uint8_t *d, size_t len, struct aml_resource *out)
{
	unsigned mask = len >= 2 ? (unsigned)number(d, 2) : 0;

	if (mask == 0)
		return;
	out->kind = AML_RESOURCE_INTERRUPT;
	out->interrupt.gsi = (uint32_t)__builtin_ctz(mask);
	out->interrupt.level = len >= 3 && !(d[2] & BIT(0));
	out->interrupt.active_low = len >= 3 && d[2] & BIT(3);
}

static void read_small(unsigned type, const uint8_t *d, size_t len, struct aml_resource *out)
{
	if (type == SMALL_IRQ)
		read_irq(d, len, out);
	else if (type == SMALL_IO && len >= 7)
		set_range(out, AML_RESOURCE_PORTS, number(d + 1, 2), d[6]);
	else if (type == SMALL_FIXED_IO && len >= 3)
		set_range(out, AML_RESOURCE_PORTS, number(d, 2), d[2]);
}

/* 6.4.3.5: type, flags, flags of the type; then five numbers of `width` bytes. */
static void read_space(const uint8_t *d, const uint8_t *numbers, unsigned width,
		       struct aml_resource *out)
{
	enum { PREFETCHABLE = 3 };
	static const enum aml_resource_kind kinds[] = {
		AML_RESOURCE_MEMORY, AML_RESOURCE_PORTS, AML_RESOURCE_BUSES,
	};
	uint64_t first = number(numbers + width, width);
	uint64_t last = number(numbers + 2 * width, width);
	uint64_t translation = number(numbers + 3 * width, width);
	uint64_t len = number(numbers + 4 * width, width);

	/* What appears elsewhere on the other side is of no use here. */
	if (d[0] >= ARRAY_SIZE(kinds) || last < first || translation != 0)
		return;
	if (last - first < len)
		len = last - first + 1;
	set_range(out, kinds[d[0]], first, len);
	out->window = !(d[1] & BIT(0));
	out->prefetchable = d[0] == 0 && FIELD_GET(GENMASK(2, 1), d[2]) == PREFETCHABLE;
}

/* 6.4.3.6: flags, a count, and so many numbers, of which the first is taken. */
static void read_interrupt(const uint8_t *d, size_t len, struct aml_resource *out)
{
	if (len < 6 || d[1] == 0)
		return;
	out->kind = AML_RESOURCE_INTERRUPT;
	out->interrupt.gsi = (uint32_t)number(d + 2, 4);
	out->interrupt.level = !(d[0] & BIT(1));
	out->interrupt.active_low = d[0] & BIT(2);
}

static void read_large(unsigned type, const uint8_t *d, size_t len, struct aml_resource *out)
{
	unsigned width = type == LARGE_WORD ? 2 : type == LARGE_DWORD ? 4 :
			 type == LARGE_QWORD || type == LARGE_EXTENDED ? 8 : 0;
	size_t numbers = type == LARGE_EXTENDED ? 5 : 3;	/* a revision and a byte more */

	if (type == LARGE_MEMORY32_FIXED && len >= 9)
		set_range(out, AML_RESOURCE_MEMORY, number(d + 1, 4), number(d + 5, 4));
	else if (type == LARGE_MEMORY32 && len >= 17)
		set_range(out, AML_RESOURCE_MEMORY, number(d + 1, 4), number(d + 13, 4));
	else if (type == LARGE_INTERRUPT)
		read_interrupt(d, len, out);
	else if (width && len >= numbers + 5 * (size_t)width)
		read_space(d, d + numbers, width, out);
}

bool aml_resource(struct aml *a, struct aml_resource *out)
{
	const uint8_t *d = a->at;
	bool large = d < a->end && d[0] & BIT(7);
	size_t head = large ? 3 : 1, len;

	*out = (struct aml_resource){ .kind = AML_RESOURCE_OTHER };
	if (!aml_bytes(a, head))
		return false;
	len = large ? number(d + 1, 2) : d[0] & GENMASK(2, 0);
	if ((!large && d[0] >> 3 == SMALL_END) || !aml_bytes(a, len))
		return false;
	if (large)
		read_large(d[0] & GENMASK(6, 0), d + head, len, out);
	else
		read_small(d[0] >> 3, d + head, len, out);
	return true;
}
