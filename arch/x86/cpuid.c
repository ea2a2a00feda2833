// SPDX-License-Identifier: MIT
#include "arch/x86/cpuid.h"

#include "kernel/lib/string.h"

struct cpuid_model cpuid_model(uint32_t eax)
{
	struct cpuid_model m = {
		.family = eax >> 8 & 0xf, .model = eax >> 4 & 0xf, .stepping = eax & 0xf,
	};

	if (m.family == 6 || m.family == 15)
		m.model |= eax >> 12 & 0xf0;
	if (m.family == 15)
		m.family += eax >> 20 & 0xff;
	return m;
}

/* `len` bytes of registers, ended by a zero where there is one. */
static void text(char *buf, const uint32_t *registers, size_t len)
{
	const char *bytes = (const char *)registers;
	size_t from = 0, n = 0;

	len = strnlen(bytes, len);
	while (from < len && bytes[from] == ' ')
		from++;
	while (len > from && bytes[len - 1] == ' ')
		len--;
	for (; from < len; from++)
		buf[n++] = bytes[from] < ' ' || bytes[from] > '~' ? '?' : bytes[from];
	buf[n] = '\0';
}

void cpuid_vendor(const struct cpuid *leaf0, char *buf)
{
	const uint32_t registers[] = { leaf0->ebx, leaf0->edx, leaf0->ecx };

	text(buf, registers, CPUID_VENDOR_LEN);
}

void cpuid_brand(const struct cpuid parts[3], char *buf)
{
	uint32_t registers[12];

	for (unsigned i = 0; i < 3; i++) {
		registers[4 * i] = parts[i].eax;
		registers[4 * i + 1] = parts[i].ebx;
		registers[4 * i + 2] = parts[i].ecx;
		registers[4 * i + 3] = parts[i].edx;
	}
	text(buf, registers, CPUID_BRAND_LEN);
}

void cpuid_hypervisor(const struct cpuid *leaf, char *buf)
{
	const uint32_t registers[] = { leaf->ebx, leaf->ecx, leaf->edx };

	text(buf, registers, CPUID_VENDOR_LEN);
}
