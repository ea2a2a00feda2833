// SPDX-License-Identifier: MIT
/* Takes over what the entry code found; see arch/x86/boot/boot.h. */
#include "arch/x86/boot/boot.h"

#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"

/* Set by arch/x86/boot/entry.S. */
extern const struct boot_handover *boot_handover_record;
const struct boot_handover *boot_handover_record;

const struct boot_handover *boot_handover(void)
{
	return boot_handover_record;
}

int boot_read_physical(void *context __unused, paddr_t pa, void *buf, size_t len)
{
	const void *mapped = early_map(pa, len);

	if (!mapped)
		return -EFAULT;
	memcpy(buf, mapped, len);
	early_unmap();
	return 0;
}

static void read_multiboot2(paddr_t pa)
{
	struct { uint32_t total_size, reserved; } head;
	const char *why;
	const void *info;

	if (pa % 8 != 0)
		panic("boot: Multiboot2 information at %#llx: not 8-byte aligned",
		      (unsigned long long)pa);
	if (boot_read_physical(NULL, pa, &head, sizeof(head)))
		panic("boot: Multiboot2 information at %#llx: not an address of this processor",
		      (unsigned long long)pa);
	if (head.total_size < 16 || head.total_size > MULTIBOOT2_SIZE_MAX)
		panic("boot: Multiboot2 information at %#llx: its size %u is not in 16..%u",
		      (unsigned long long)pa, head.total_size, MULTIBOOT2_SIZE_MAX);
	info = early_map(pa, head.total_size);
	if (!info)
		panic("boot: Multiboot2 information at %#llx: its %u bytes cannot be mapped",
		      (unsigned long long)pa, head.total_size);
	if (multiboot2_parse(info, head.total_size, pa, &boot_info, &why))
		panic("boot: Multiboot2 information at %#llx: %s", (unsigned long long)pa, why);
	early_unmap();
}

void boot_info_read(void)
{
	const struct boot_handover *h = boot_handover();
	const char *why;

	boot_info_init(&boot_info);
	switch (h->protocol) {
	case BOOT_MULTIBOOT2:
		if (h->magic != MULTIBOOT2_MAGIC)
			panic("boot: entered with magic %#x in eax, not %#x (Multiboot2)",
			      h->magic, MULTIBOOT2_MAGIC);
		read_multiboot2(h->info);
		return;
	case BOOT_PVH:
		if (pvh_parse(boot_read_physical, NULL, h->info, &boot_info, &why))
			panic("boot: PVH start information at %#llx: %s",
			      (unsigned long long)h->info, why);
		return;
	}
	panic("boot: entered through an unknown door (%u)", h->protocol);
}
