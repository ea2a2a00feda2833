// SPDX-License-Identifier: MIT
/*
 * The root pointer (5.2.5): the one that the boot loader tells of, by address
 * or as a copy; else on a 16-byte boundary of the EBDA's first KiB or of the
 * BIOS area.
 */
#include "drivers/acpi/table.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS acpi
#include "kernel/log.h"

#define SIGNATURE	"RSD PTR "

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	/* revision 2 */
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __packed;
static_assert(sizeof(struct rsdp) == ACPI_RSDP_LEN_2, "5.2.5.3");

/* Reads a pointer of which `len` bytes can be read; NULL, or what is wrong with it. */
static const char *read_rsdp(const void *bytes, size_t len, struct acpi_root *out)
{
	const struct rsdp *r = bytes;

	if (len < ACPI_RSDP_LEN_1)
		return "too short";
	if (memcmp(r->signature, SIGNATURE, sizeof(r->signature)) != 0)
		return "bad signature";
	if (acpi_sum(r, ACPI_RSDP_LEN_1) != 0)
		return "bad checksum";
	out->rsdt = r->rsdt;
	out->xsdt = 0;
	if (r->revision < 2)
		return NULL;
	if (len < sizeof(*r) || r->length < sizeof(*r) || r->length > len ||
	    acpi_sum(r, r->length) != 0)
		log_warn("RSDP: bad extended checksum, so its XSDT is not used");
	else
		out->xsdt = r->xsdt;
	return NULL;
}

/* Reads the pointer at `pa`. */
static const char *read_rsdp_at(const struct acpi_memory *m, paddr_t pa, struct acpi_root *out)
{
	const void *bytes = m->map(m, pa, ACPI_RSDP_LEN_2);
	const char *problem;

	if (!bytes)
		return "cannot be mapped";
	problem = read_rsdp(bytes, ACPI_RSDP_LEN_2, out);
	m->unmap(m);
	if (!problem)
		out->rsdp = pa;
	return problem;
}

static bool find_told(const struct acpi_memory *m, const struct acpi_hint *hint,
		      struct acpi_root *out)
{
	const char *problem = NULL;

	if (!hint->rsdp && !hint->copy)
		return false;
	problem = hint->rsdp ? read_rsdp_at(m, hint->rsdp, out)
			     : read_rsdp(hint->copy, hint->copy_len, out);
	if (problem)
		log_warn("the boot loader's RSDP (0x%llx): %s", (unsigned long long)hint->rsdp,
			 problem);
	else
		out->from = "boot loader";
	return !problem;
}

static bool accept(const struct acpi_memory *m, paddr_t pa, void *context)
{
	const char *problem = read_rsdp_at(m, pa, context);

	if (problem)
		log_debug("RSDP at 0x%llx: %s", (unsigned long long)pa, problem);
	return !problem;
}

static bool search(const struct acpi_memory *m, paddr_t start, paddr_t end, struct acpi_root *out)
{
	return bios_search(m, start, end, SIGNATURE, sizeof(SIGNATURE) - 1, accept, out);
}

int acpi_find_root(const struct acpi_memory *m, const struct acpi_hint *hint,
		   struct acpi_root *out)
{
	paddr_t ebda;

	*out = (struct acpi_root){ 0 };
	if (find_told(m, hint, out))
		return 0;
	ebda = bios_ebda(m);
	if ((ebda && search(m, ebda, ebda + KIB, out)) ||
	    search(m, BIOS_AREA, BIOS_AREA_END, out)) {
		out->from = "BIOS area";
		return 0;
	}
	return -ENOENT;
}
