/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/host_machine.h"

#include "mm/ioremap.h"
#include "mm/mm.h"

struct acpi_info host_acpi;
struct regions host_map;
unsigned host_ioremap_fails, host_ioremaps;

__weak const struct acpi_info *acpi_info(void)
{
	return &host_acpi;
}

__weak const struct regions *mm_map(void)
{
	return &host_map;
}

__weak struct mmio *ioremap(paddr_t pa, size_t len __unused, enum ioremap_cache cache __unused)
{
	if (host_ioremap_fails) {
		host_ioremap_fails--;
		return NULL;
	}
	host_ioremaps++;
	return (struct mmio *)(uintptr_t)pa;
}

__weak void iounmap(struct mmio *base __unused)
{
	host_ioremaps--;
}
