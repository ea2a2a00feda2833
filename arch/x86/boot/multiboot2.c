// SPDX-License-Identifier: MIT
/*
 * Multiboot2 boot information (specification 2.0, section 3.6): a total size
 * and a sequence of tags, each 8-byte aligned with its type and size. Every
 * size is checked against what is left before anything behind it is read; a
 * tag that does not fit condemns the whole, because what it should have said
 * (a module, a reserved range) may matter.
 */
#include "arch/x86/boot/boot.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS boot
#include "kernel/log.h"

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MMAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	TAG_EFI_MMAP = 17,
	TAG_EFI_BOOT_SERVICES = 18,
};

struct tag {
	uint32_t type;
	uint32_t size;
} __packed;

struct tag_module {
	struct tag tag;
	uint32_t start;
	uint32_t end;
	char name[];
} __packed;

struct tag_mmap {
	struct tag tag;
	uint32_t entry_size;
	uint32_t entry_version;
} __packed;

struct mmap_entry {
	uint64_t base;
	uint64_t len;
	uint32_t type;
	uint32_t reserved;
} __packed;
static_assert(sizeof(struct mmap_entry) == 24, "Multiboot2 3.6.8");

struct tag_framebuffer {
	struct tag tag;
	uint64_t base;
	uint32_t pitch;
	uint32_t width;
	uint32_t height;
	uint8_t bpp;
	uint8_t type;
	uint16_t reserved;
	struct boot_colour_field red, green, blue;	/* of type RGB */
} __packed;
static_assert(offsetof(struct tag_framebuffer, red) == 32, "Multiboot2 3.6.12");
static_assert(sizeof(struct tag_framebuffer) == 38, "Multiboot2 3.6.12");

enum framebuffer_type { FRAMEBUFFER_INDEXED, FRAMEBUFFER_RGB, FRAMEBUFFER_TEXT };

struct tag_efi_mmap {
	struct tag tag;
	uint32_t descriptor_size;
	uint32_t descriptor_version;
} __packed;

/* EFI_MEMORY_DESCRIPTOR (UEFI 7.2.3). */
struct efi_descriptor {
	uint32_t type;
	uint32_t padding;
	uint64_t physical_start;
	uint64_t virtual_start;
	uint64_t pages;
	uint64_t attribute;
} __packed;
static_assert(sizeof(struct efi_descriptor) == 40, "UEFI 7.2.3");

/* Length of the text that fills the rest of a tag, up to its terminator. */
static size_t text_len(const struct tag *tag, const char *text)
{
	return strnlen(text, (const char *)tag + tag->size - text);
}

static const char *parse_cmdline(const struct tag *tag, struct boot_info *out)
{
	const char *text = (const char *)(tag + 1);

	boot_info_set_cmdline(out, text, text_len(tag, text));
	return NULL;
}

static const char *parse_loader(const struct tag *tag, struct boot_info *out)
{
	const char *text = (const char *)(tag + 1);

	boot_info_set_loader(out, text, text_len(tag, text));
	return NULL;
}

static const char *parse_module(const struct tag *tag, struct boot_info *out)
{
	const struct tag_module *m = (const void *)tag;

	if (tag->size < sizeof(*m))
		return "module tag (3) is too short";
	boot_info_add_module(out, m->start, m->end, m->name, text_len(tag, m->name));
	return NULL;
}

static const char *parse_mmap(const struct tag *tag, struct boot_info *out)
{
	const struct tag_mmap *map = (const void *)tag;
	const uint8_t *first = (const uint8_t *)(map + 1);
	size_t n;

	if (tag->size < sizeof(*map))
		return "memory map tag (6) is too short";
	if (map->entry_size < sizeof(struct mmap_entry) || map->entry_size % 8 != 0)
		return "memory map tag (6) has an entry size that is below 24 or no multiple of 8";
	if (out->map_entries > 0)
		return NULL;	/* a second one: the first counts */
	n = (tag->size - sizeof(*map)) / map->entry_size;
	/* Usable ranges first, so that a full table loses only those. */
	for (int usable = 1; usable >= 0; usable--) {
		for (size_t i = 0; i < n; i++) {
			const struct mmap_entry *e = (const void *)(first + i * map->entry_size);

			boot_info_add_e820(out, e->base, e->len, e->type, usable);
		}
	}
	return NULL;
}

static bool field_fits(struct boot_colour_field f, uint8_t bpp)
{
	return f.size > 0 && f.position + f.size <= bpp;
}

/* NULL, or what is wrong with a linear framebuffer. */
static const char *rgb_problem(const struct boot_framebuffer *fb)
{
	enum { SIDE_MAX = 16384, PITCH_MAX = SIDE_MAX * 8 };
	uint8_t bpp = fb->bpp;

	if (bpp != 15 && bpp != 16 && bpp != 24 && bpp != 32)
		return "pixels of this size are not known";
	if (fb->width == 0 || fb->height == 0 || fb->width > SIDE_MAX || fb->height > SIDE_MAX)
		return "its size is impossible";
	if (fb->pitch < fb->width * ((bpp + 7) / 8) || fb->pitch > PITCH_MAX)
		return "the length of its lines is impossible";
	if (!field_fits(fb->red, bpp) || !field_fits(fb->green, bpp) || !field_fits(fb->blue, bpp))
		return "its colours are not within its pixels";
	if (fb->base == 0)
		return "it has no address";
	return NULL;
}

/* NULL, or what is wrong with a text screen, which is in a VGA's own memory. */
static const char *text_problem(const struct boot_framebuffer *fb)
{
	enum { VGA_START = 0xa0000, VGA_END = 0xc0000, SIDE_MAX = 256 };

	if (fb->base < VGA_START || fb->base >= VGA_END || fb->base % 2 != 0)
		return "its address is no VGA's";
	if (fb->width == 0 || fb->height == 0 || fb->width > SIDE_MAX || fb->height > SIDE_MAX)
		return "its size is impossible";
	if (fb->pitch < fb->width * 2 || fb->pitch % 2 != 0 ||
	    fb->pitch > (VGA_END - fb->base) / fb->height)
		return "the length of its lines is impossible";
	return NULL;
}

static const char *framebuffer_problem(uint8_t type, struct boot_framebuffer *fb)
{
	switch (type) {
	case FRAMEBUFFER_RGB:
		fb->kind = BOOT_FRAMEBUFFER_RGB;
		return rgb_problem(fb);
	case FRAMEBUFFER_TEXT:
		fb->kind = BOOT_FRAMEBUFFER_TEXT;
		return text_problem(fb);
	case FRAMEBUFFER_INDEXED:
		return "its colours are a palette's";
	default:
		return "its type is not known";
	}
}

/* GRUB sets a VGA's planes where it found no other screen, whether there is one or not. */
static bool is_last_resort(uint8_t type, const struct boot_framebuffer *fb)
{
	return type == FRAMEBUFFER_INDEXED && fb->bpp == 1;
}

/* A text screen's tag, and one with a palette, end before the colours. */
static const char *parse_framebuffer(const struct tag *tag, struct boot_info *out)
{
	struct tag_framebuffer t = { .tag = { 0 } };
	struct boot_framebuffer fb;
	const char *problem;

	if (tag->size < offsetof(struct tag_framebuffer, red) || out->framebuffer_tags++ > 0)
		return NULL;
	memcpy(&t, tag, min((size_t)tag->size, sizeof(t)));
	fb = (struct boot_framebuffer){
		.base = t.base,
		.pitch = t.pitch,
		.width = t.width,
		.height = t.height,
		.bpp = t.bpp,
		.red = t.red,
		.green = t.green,
		.blue = t.blue,
	};
	problem = framebuffer_problem(t.type, &fb);
	if (!problem)
		out->framebuffer = fb;
	else if (is_last_resort(t.type, &fb))
		log_info("no screen but perhaps a VGA, with a palette");
	else
		log_warn("framebuffer %ux%u with %u bits at %#llx is not used: %s", fb.width,
			 fb.height, fb.bpp, (unsigned long long)fb.base, problem);
	return NULL;
}

static const char *parse_acpi(const struct tag *tag, struct boot_info *out)
{
	uint32_t len = tag->size - sizeof(*tag);

	if (tag->type == TAG_ACPI_OLD && out->rsdp_copy_len > 0)
		return NULL;	/* the newer one was there */
	out->rsdp_copy_len = min(len, (uint32_t)sizeof(out->rsdp_copy));
	memcpy(out->rsdp_copy, tag + 1, out->rsdp_copy_len);
	return NULL;
}

/* What the EFI map withholds; the rest of it is in the memory map tag. */
static const char *efi_withheld(uint32_t type)
{
	switch (type) {
	case 5:
	case 6:
		return "EFI runtime";
	case 11:
	case 12:
		return "EFI MMIO";
	case 15:
		return "EFI unaccepted";
	default:
		return NULL;
	}
}

static const char *parse_efi_mmap(const struct tag *tag, struct boot_info *out)
{
	const struct tag_efi_mmap *map = (const void *)tag;
	size_t n;

	if (tag->size < sizeof(*map))
		return "EFI memory map tag (17) is too short";
	if (map->descriptor_size < sizeof(struct efi_descriptor) || map->descriptor_size % 8 != 0)
		return "EFI memory map tag (17) has an impossible descriptor size";
	n = (tag->size - sizeof(*map)) / map->descriptor_size;
	for (size_t i = 0; i < n; i++) {
		const struct efi_descriptor *d =
			(const void *)((const uint8_t *)(map + 1) + i * map->descriptor_size);
		const char *name = efi_withheld(d->type);
		uint64_t pages = min(d->pages, UINT64_MAX >> PAGE_SHIFT);

		if (name)
			regions_add(&out->map, d->physical_start, pages << PAGE_SHIFT,
				    REGION_RESERVED, name);
	}
	return NULL;
}

static const char *parse_boot_services(const struct tag *tag __unused,
				       struct boot_info *out __unused)
{
	return "EFI boot services are still running (tag 18); the loader must end them";
}

/*
 * The memory map is read before all that withholds from it (regions.h), so
 * the tags are walked once for each pass.
 */
enum pass { PASS_MAP, PASS_EFI_MAP, PASS_REST, PASS_COUNT };

static const struct {
	uint32_t type;
	enum pass pass;
	const char *(*parse)(const struct tag *tag, struct boot_info *out);
} parsers[] = {
	{ TAG_MMAP, PASS_MAP, parse_mmap },
	{ TAG_EFI_MMAP, PASS_EFI_MAP, parse_efi_mmap },
	{ TAG_CMDLINE, PASS_REST, parse_cmdline },
	{ TAG_LOADER, PASS_REST, parse_loader },
	{ TAG_MODULE, PASS_REST, parse_module },
	{ TAG_FRAMEBUFFER, PASS_REST, parse_framebuffer },
	{ TAG_ACPI_OLD, PASS_REST, parse_acpi },
	{ TAG_ACPI_NEW, PASS_REST, parse_acpi },
	{ TAG_EFI_BOOT_SERVICES, PASS_REST, parse_boot_services },
};

static const char *parse_tag(const struct tag *tag, enum pass pass, struct boot_info *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
		if (parsers[i].type == tag->type && parsers[i].pass == pass)
			return parsers[i].parse(tag, out);
	}
	return NULL;
}

static const char *walk(const uint8_t *info, size_t size, enum pass pass, struct boot_info *out)
{
	size_t at = 8;

	while (at < size && sizeof(struct tag) <= size - at) {
		const struct tag *tag = (const void *)(info + at);
		const char *why;

		if (tag->size < sizeof(*tag))
			return "a tag is smaller than its own header";
		if (tag->size > size - at)
			return "a tag reaches beyond the end";
		if (tag->type == TAG_END)
			return NULL;
		why = parse_tag(tag, pass, out);
		if (why)
			return why;
		at += align_up((size_t)tag->size, 8);
	}
	if (pass == PASS_REST)
		log_warn("Multiboot2 information has no end tag");
	return NULL;
}

int multiboot2_parse(const void *info, size_t size, paddr_t pa,
		     struct boot_info *out, const char **why)
{
	out->protocol = "Multiboot2";
	boot_info_add_range(out, pa, size);
	*why = NULL;
	for (enum pass pass = 0; pass < PASS_COUNT && !*why; pass++)
		*why = walk(info, size, pass, out);
	if (!*why && out->map_entries == 0)
		*why = "there is no memory map (tag 6)";
	return *why ? -EPROTO : 0;
}
