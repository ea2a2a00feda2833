// SPDX-License-Identifier: MIT
/*
 * PVH: struct hvm_start_info of Xen's public interface (start_info.h), as
 * QEMU, Firecracker and Cloud Hypervisor pass it. Everything it points to is
 * read through a function, so nothing needs to be mapped at a place of its
 * own choice.
 */
#include "arch/x86/boot/boot.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS boot
#include "kernel/log.h"

struct hvm_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules;
	uint64_t cmdline;
	uint64_t rsdp;
	/* version 1 */
	uint64_t memmap;
	uint32_t memmap_entries;
	uint32_t reserved;
} __packed;
static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info, version 1");

struct hvm_module {
	uint64_t start;
	uint64_t size;
	uint64_t cmdline;
	uint64_t reserved;
} __packed;

struct hvm_memmap_entry {
	uint64_t base;
	uint64_t len;
	uint32_t type;
	uint32_t reserved;
} __packed;

enum {
	TEXT_MAX = 1 << 16,	/* bytes looked at for the end of a command line */
};

struct reader {
	boot_read_fn *read;
	void *context;
};

static int read_at(const struct reader *r, paddr_t pa, void *buf, size_t len)
{
	return r->read(r->context, pa, buf, len);
}

/*
 * Copies a text of unknown length, page by page; *total is its length (up to
 * about `limit`), the buffer holds what fits of it.
 */
static int read_text(const struct reader *r, paddr_t pa, char *buf, size_t size, size_t limit,
		     size_t *total)
{
	char piece[256];
	size_t done = 0;

	while (done < limit) {
		size_t n = sizeof(piece) - (pa + done) % sizeof(piece);
		size_t len;

		if (read_at(r, pa + done, piece, n))
			return -EFAULT;
		len = strnlen(piece, n);
		if (done < size)
			memcpy(buf + done, piece, min(len, size - done));
		done += len;
		if (len < n)
			break;
	}
	*total = done;
	return 0;
}

static const char *read_cmdline(const struct reader *r, paddr_t pa, struct boot_info *out)
{
	size_t total;

	if (pa == 0)
		return NULL;
	/* The whole buffer: a byte more than is kept shows where the cut falls. */
	if (read_text(r, pa, out->cmdline, sizeof(out->cmdline), TEXT_MAX, &total))
		return "the command line cannot be read";
	boot_info_add_range(out, pa, total + 1);
	boot_info_set_cmdline(out, out->cmdline, total);
	return NULL;
}

static const char *read_map(const struct reader *r, const struct hvm_start_info *si,
			    struct boot_info *out)
{
	if (si->memmap_entries > PVH_MAP_MAX)
		return "the memory map has more than 16384 entries";
	boot_info_add_range(out, si->memmap,
			    si->memmap_entries * sizeof(struct hvm_memmap_entry));
	/* Usable ranges first, so that a full table loses only those. */
	for (int usable = 1; usable >= 0; usable--) {
		for (uint32_t i = 0; i < si->memmap_entries; i++) {
			struct hvm_memmap_entry e;

			if (read_at(r, si->memmap + i * sizeof(e), &e, sizeof(e)))
				return "the memory map cannot be read";
			boot_info_add_e820(out, e.base, e.len, e.type, usable);
		}
	}
	return NULL;
}

static const char *read_modules(const struct reader *r, const struct hvm_start_info *si,
				struct boot_info *out)
{
	if (si->module_count > PVH_MAP_MAX)
		return "there are more than 16384 modules";
	boot_info_add_range(out, si->modules, si->module_count * sizeof(struct hvm_module));
	for (uint32_t i = 0; i < si->module_count; i++) {
		struct hvm_module m;
		char name[BOOT_NAME_MAX];
		size_t len = 0;

		if (read_at(r, si->modules + i * sizeof(m), &m, sizeof(m)))
			return "the module list cannot be read";
		if (m.cmdline && read_text(r, m.cmdline, name, sizeof(name), sizeof(name), &len))
			return "the name of a module cannot be read";
		if (m.start + m.size < m.start)
			return "a module wraps around the address space";
		boot_info_add_module(out, m.start, m.start + m.size, name,
				     min(len, sizeof(name)));
	}
	return NULL;
}

int pvh_parse(boot_read_fn *read, void *context, paddr_t pa,
	      struct boot_info *out, const char **why)
{
	const struct reader r = { read, context };
	struct hvm_start_info si;

	out->protocol = "PVH";
	*why = "hvm_start_info cannot be read";
	if (read_at(&r, pa, &si, sizeof(si)))
		return -EPROTO;
	*why = "the magic number of hvm_start_info is not 0x336ec578 "
	       "(a long command line overwrites it under some loaders)";
	if (si.magic != PVH_MAGIC)
		return -EPROTO;
	*why = "hvm_start_info has no memory map (version 0)";
	if (si.version == 0)
		return -EPROTO;
	boot_info_add_range(out, pa, sizeof(si));
	out->rsdp = si.rsdp;
	*why = read_map(&r, &si, out);
	if (!*why)
		*why = read_modules(&r, &si, out);
	if (!*why)
		*why = read_cmdline(&r, si.cmdline, out);
	if (!*why && out->map_entries == 0)
		*why = "the memory map of hvm_start_info is empty";
	return *why ? -EPROTO : 0;
}
