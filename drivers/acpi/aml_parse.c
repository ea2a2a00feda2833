// SPDX-License-Identifier: MIT
/*
 * Stepping through AML by its grammar (20.2). What follows an opcode is a
 * string of letters:
 *
 *	T  a term: an expression, a name, a target	N  a name
 *	P  a package, stepped over by its length	Z  a string up to its 0
 *	1 2 4 8  so many bytes
 *
 * A name where a term is wanted may call a method, whose number of arguments
 * only its declaration tells, perhaps in another table. It is taken to have
 * none. Where that is wrong the arguments stand where a statement should: most
 * are steps forward like any other, and aml_load.c expects constants there.
 */
#include "drivers/acpi/aml.h"

#include "kernel/lib/string.h"

struct word16 { uint16_t v; } __packed;
struct word32 { uint32_t v; } __packed;
struct word64 { uint64_t v; } __packed;

static const char *const plain[256] = {
	[0x00] = "", [0x01] = "", [0x06] = "NN", [0x08] = "NT",
	[0x0a] = "1", [0x0b] = "2", [0x0c] = "4", [0x0d] = "Z", [0x0e] = "8",
	[0x10 ... 0x14] = "P", [0x15] = "N2",
	[0x60 ... 0x6e] = "",			/* locals and arguments */
	[0x70] = "TT", [0x71] = "T", [0x72 ... 0x74] = "TTT", [0x75 ... 0x76] = "T",
	[0x77] = "TTT", [0x78] = "TTTT", [0x79 ... 0x7f] = "TTT",
	[0x80 ... 0x82] = "TT", [0x83] = "T", [0x84 ... 0x85] = "TTT", [0x86] = "TT",
	[0x87] = "T", [0x88] = "TTT", [0x89] = "T1T1TT", [0x8a ... 0x8d] = "TTN",
	[0x8e] = "T", [0x8f] = "TTN",
	[0x90 ... 0x91] = "TT", [0x92] = "T", [0x93 ... 0x99] = "TT", [0x9c] = "TTT",
	[0x9d] = "TT", [0x9e] = "TTTT", [0x9f] = "",
	[0xa0 ... 0xa2] = "P", [0xa3] = "", [0xa4] = "T", [0xa5] = "",
	[0xcc] = "", [0xff] = "",
};

static const char *const extended[] = {		/* behind 0x5b */
	[0x01] = "N1", [0x02] = "N", [0x12] = "TT", [0x13] = "TTTN", [0x1f] = "TTTTTT",
	[0x20] = "NT", [0x21 ... 0x22] = "T", [0x23] = "T2", [0x24] = "T", [0x25] = "TT",
	[0x26 ... 0x27] = "T", [0x28 ... 0x29] = "TT", [0x2a] = "T",
	[0x30 ... 0x31] = "", [0x32] = "14T", [0x33] = "",
	[0x80] = "N1TT", [0x81 ... 0x87] = "P", [0x88] = "NTTT",
};

static bool is_lead_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(uint8_t c)
{
	return is_lead_char(c) || (c >= '0' && c <= '9');
}

static size_t left(const struct aml *a)
{
	return a->end - a->at;
}

bool aml_bytes(struct aml *a, size_t n)
{
	if (n > left(a))
		return false;
	a->at += n;
	return true;
}

/* A name begins with a letter, or with \ ^ or the prefix of two (.) or more (/) segments. */
static bool begins_name(uint8_t c)
{
	return is_lead_char(c) || c == '\\' || c == '^' || c == '.' || c == '/';
}

enum aml_opcode aml_peek(const struct aml *a)
{
	uint8_t second;

	if (left(a) == 0)
		return AML_NOTHING;
	if (begins_name(a->at[0]))
		return AML_A_NAME;
	if (a->at[0] != AML_EXT >> 8)
		return plain[a->at[0]] ? (enum aml_opcode)a->at[0] : AML_NOTHING;
	if (left(a) < 2)
		return AML_NOTHING;
	second = a->at[1];
	return second < ARRAY_SIZE(extended) && extended[second] ? AML_EXT + second : AML_NOTHING;
}

static size_t opcode_size(enum aml_opcode op)
{
	return op >= AML_EXT ? 2 : 1;
}

bool aml_opcode(struct aml *a, enum aml_opcode expected)
{
	return aml_peek(a) == expected && aml_bytes(a, opcode_size(expected));
}

/* PkgLength (20.2.4): bits 7:6 of the first byte say how many follow. It counts itself. */
bool aml_package(struct aml *a, struct aml *body)
{
	size_t more, length;

	if (left(a) == 0)
		return false;
	more = a->at[0] >> 6;
	if (more >= left(a))
		return false;
	length = a->at[0] & (more ? 0x0f : 0x3f);
	for (size_t i = 0; i < more; i++)
		length |= (size_t)a->at[1 + i] << (4 + 8 * i);
	if (length <= more || length > left(a))
		return false;
	body->at = a->at + 1 + more;
	body->end = a->at + length;
	a->at = body->end;
	return true;
}

/* How many segments follow; steps to the first. */
static bool segment_count(struct aml *a, unsigned *count)
{
	*count = 1;
	if (left(a) == 0)
		return false;
	switch (a->at[0]) {
	case 0:
		*count = 0;
		return aml_bytes(a, 1);
	case '.':
		*count = 2;
		return aml_bytes(a, 1);
	case '/':
		if (left(a) < 2)
			return false;
		*count = a->at[1];
		return *count > 0 && aml_bytes(a, 2);
	}
	return true;
}

static bool is_segment(const uint8_t *s)
{
	return is_lead_char(s[0]) && is_name_char(s[1]) && is_name_char(s[2]) && is_name_char(s[3]);
}

bool aml_name(struct aml *a, struct aml_name *out)
{
	*out = (struct aml_name){ 0 };
	if (left(a) > 0 && a->at[0] == '\\') {
		out->absolute = true;
		a->at++;
	}
	for (; left(a) > 0 && a->at[0] == '^' && !out->absolute; a->at++)
		out->parents++;
	if (!segment_count(a, &out->count))
		return false;
	out->segments = a->at;
	if (!aml_bytes(a, 4 * (size_t)out->count))
		return false;
	for (unsigned i = 0; i < out->count; i++) {
		if (!is_segment(out->segments + 4 * i))
			return false;
	}
	return true;
}

uint32_t aml_segment(const struct aml_name *name, unsigned i)
{
	return ((const struct word32 *)(name->segments + 4 * i))->v;
}

bool aml_integer(struct aml *a, uint64_t *out)
{
	static const uint8_t sizes[] = {
		[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4, [AML_QWORD] = 8,
	};
	enum aml_opcode op = aml_peek(a);
	const uint8_t *bytes;

	if (op == AML_ZERO || op == AML_ONE || op == AML_ONES) {
		*out = op == AML_ONES ? ~UINT64_C(0) : op;
		return aml_bytes(a, 1);
	}
	if (op >= ARRAY_SIZE(sizes) || !sizes[op])
		return false;
	bytes = a->at + 1;
	if (!aml_bytes(a, 1 + sizes[op]))
		return false;
	switch (sizes[op]) {
	case 1:
		*out = bytes[0];
		break;
	case 2:
		*out = ((const struct word16 *)bytes)->v;
		break;
	case 4:
		*out = ((const struct word32 *)bytes)->v;
		break;
	default:
		*out = ((const struct word64 *)bytes)->v;
	}
	return true;
}

static bool skip_string(struct aml *a)
{
	while (left(a) > 0) {
		if (*a->at++ == 0)
			return true;
	}
	return false;
}

/* One part that is no term. */
static bool skip_part(struct aml *a, char part)
{
	struct aml_name name;
	struct aml body;

	switch (part) {
	case 'N':
		return aml_name(a, &name);
	case 'P':
		return aml_package(a, &body);
	case 'Z':
		return skip_string(a);
	default:
		return aml_bytes(a, part - '0');
	}
}

/* The parts of the term that begins here, and steps over its opcode; NULL if none begins. */
static const char *parts_of(struct aml *a)
{
	enum aml_opcode op = aml_peek(a);

	if (op == AML_A_NAME)
		return "N";
	if (op == AML_NOTHING)
		return NULL;
	a->at += opcode_size(op);
	return op >= AML_EXT ? extended[op - AML_EXT] : plain[op];
}

bool aml_skip(struct aml *a)
{
	const char *todo[AML_DEPTH_MAX];	/* what is left of each term */
	unsigned depth = 0;

	todo[0] = "T";
	for (;;) {
		char part = *todo[depth];

		if (part == '\0') {
			if (depth == 0)
				return true;
			depth--;
			continue;
		}
		todo[depth]++;
		if (part != 'T') {
			if (!skip_part(a, part))
				return false;
			continue;
		}
		if (*todo[depth] != '\0' && ++depth == AML_DEPTH_MAX)
			return false;
		todo[depth] = parts_of(a);
		if (!todo[depth])
			return false;
	}
}

bool aml_elements(struct aml *a, struct aml *elements)
{
	uint64_t count;

	if (aml_opcode(a, AML_PACKAGE))
		return aml_package(a, elements) && aml_bytes(elements, 1);
	return aml_opcode(a, AML_VAR_PACKAGE) && aml_package(a, elements) &&
	       aml_integer(elements, &count);
}

bool aml_buffer(struct aml *a, struct aml *bytes)
{
	uint64_t size;

	if (!aml_opcode(a, AML_BUFFER) || !aml_package(a, bytes) || !aml_integer(bytes, &size))
		return false;
	/* What is declared beyond the bytes that are given is zeros, and no resource. */
	if (size < left(bytes))
		bytes->end = bytes->at + size;
	return true;
}
