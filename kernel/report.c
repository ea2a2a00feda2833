// SPDX-License-Identifier: MIT
/* The report of a boot: what was found, through what, and what it cost. */
#include "kernel/report.h"

#include <asm/cpu.h>

#include "arch/x86/boot/boot.h"
#include "drivers/rng/rng.h"
#include "drivers/virtio/virtio.h"
#include "kernel/boot_info.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/phase.h"
#include "kernel/version.h"
#include "kernel/wait.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"

static void report_boot(void)
{
	print("Cairn %s, configuration %s, %s\n", version_kernel, version_config,
	      version_compiler);
	print("boot    %s, loader %s, image at %#llx\n", boot_info.protocol, boot_info.loader,
	      (unsigned long long)boot_handover()->base);
	if (boot_info.cmdline[0])
		print("        command line: %.200s\n", boot_info.cmdline);
}

static void report_memory(void)
{
	const struct regions *map = mm_map();
	struct page_stats pages;

	page_allocator_stats(mm_pages(), &pages);
	print("memory  %u entries, %zu regions, %llu MiB usable, heap %llu KiB\n",
	      boot_info.map_entries, map->count,
	      (unsigned long long)(regions_total(map, REGION_USABLE) / MIB),
	      (unsigned long long)(pages.free * PAGE_SIZE / KIB));
}

/* A few bytes of each, as a proof that it answers. */
static void report_rng(void)
{
	for (unsigned i = 0; i < rng_count(); i++) {
		uint8_t bytes[16];
		int error = rng_read(i, bytes, sizeof(bytes));

		if (error) {
			print("rng%u    no bytes: %s\n", i, errno_name(error));
			continue;
		}
		print("rng%u    ", i);
		for (size_t j = 0; j < sizeof(bytes); j++)
			print("%02x%s", bytes[j], j + 1 < sizeof(bytes) ? " " : "\n");
	}
}

static void report_time(void)
{
	enum { A_LINE = 5 };
	uint64_t accounted = 0;
	const struct phase_record *p;
	unsigned printed = 0;

	print("time    since entry %llu ticks of the time-stamp counter (frequency unknown), "
	      "%llu of them waiting for devices\n",
	      (unsigned long long)(cycles() - boot_handover()->tsc),
	      (unsigned long long)wait_total());
	for (size_t i = 0; (p = phase_record(i)); i++) {
		accounted += p->ticks;
		if (!p->name)
			continue;
		print("%s%s %llu,", printed % A_LINE ? " " : printed ? "\n        " : "phases  ",
		      p->name, (unsigned long long)p->ticks);
		printed++;
	}
	print(" not accounted for %llu\n", (unsigned long long)(phase_total() - accounted));
}

void report(void)
{
	report_boot();
	report_memory();
	if (IS_ENABLED(CONFIG_VIRTIO))
		virtio_report();
	if (IS_ENABLED(CONFIG_VIRTIO_RNG))
		report_rng();
	report_time();
}
