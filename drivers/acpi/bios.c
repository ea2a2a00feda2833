// SPDX-License-Identifier: MIT
/* What reading of firmware's tables shares: sums, addresses, searching the BIOS area. */
#include "drivers/acpi/table.h"

#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

LOG_DEFINE();

/* A word at any address. */
struct word {
	uint64_t v;
} __packed;

/*
 * Eight bytes at a time, each in a lane of its own: the lower seven bits are
 * added, where no carry leaves the lane, and the eighth is exclusive-or.
 */
uint8_t acpi_sum(const void *bytes, size_t len)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	const uint8_t *p = bytes;
	uint64_t lanes = 0;
	uint8_t sum = 0;

	for (; len >= sizeof(struct word); p += sizeof(struct word), len -= sizeof(struct word)) {
		uint64_t v = ((const struct word *)p)->v;

		lanes = ((lanes & low) + (v & low)) ^ ((lanes ^ v) & ~low);
	}
	for (; lanes; lanes >>= 8)
		sum += (uint8_t)lanes;
	while (len--)
		sum += *p++;
	return sum;
}

struct acpi_address acpi_address_of(const struct acpi_gas *gas)
{
	return (struct acpi_address){
		.space = gas->space, .width = gas->width, .offset = gas->offset,
		.access = gas->access, .address = gas->address,
	};
}

const void *acpi_map_table(const struct acpi_memory *m, const struct acpi_table *t)
{
	return t->problem ? NULL : m->map(m, t->pa, t->length);
}

/* The first place of `area` from `at` on with this signature; `size` if there is none. */
static size_t find_signature(const char *area, size_t at, size_t size, const char *signature,
			     size_t len)
{
	for (; at < size; at += 16) {
		if (area[at] == signature[0] && memcmp(area + at, signature, len) == 0)
			break;
	}
	return at;
}

bool bios_search(const struct acpi_memory *m, paddr_t start, paddr_t end, const char *signature,
		 size_t len, bios_accept_fn *accept, void *context)
{
	size_t size = end - start;

	for (size_t at = 0; at < size; at += 16) {
		const char *area = m->map(m, start, size);

		if (!area)
			return false;
		at = find_signature(area, at, size, signature, len);
		m->unmap(m);
		if (at < size && accept(m, start + at, context))
			return true;
	}
	return false;
}

paddr_t bios_ebda(const struct acpi_memory *m)
{
	enum { DATA_AREA_END = 0x500 };
	const uint8_t *word = m->map(m, BIOS_EBDA_POINTER, 2);
	paddr_t ebda;

	if (!word)
		return 0;
	ebda = (paddr_t)(word[0] | word[1] << 8) << 4;
	m->unmap(m);
	return ebda >= DATA_AREA_END && ebda <= BIOS_BASE_END - KIB ? ebda : 0;
}
