// SPDX-License-Identifier: MIT
/* What the parsers of both boot protocols put into struct boot_info. */
#include "arch/x86/boot/boot.h"

#include "kernel/lib/string.h"

#define LOG_SUBSYS boot
#include "kernel/log.h"

LOG_DEFINE();

static __noload struct region map_regions[BOOT_REGIONS_MAX];

__noload struct boot_info boot_info;

void boot_info_init(struct boot_info *out)
{
	out->protocol = "none";
	str_copy(out->loader, sizeof(out->loader), "unnamed");
	out->cmdline[0] = '\0';
	out->cmdline_lost = 0;
	regions_init(&out->map, map_regions, ARRAY_SIZE(map_regions));
	out->map_entries = 0;
	out->module_count = 0;
	out->modules_lost = 0;
	out->modules_empty = 0;
	out->framebuffer_tags = 0;
	out->range_count = 0;
	out->framebuffer.kind = BOOT_FRAMEBUFFER_NONE;
	out->framebuffer.base = 0;
	out->rsdp = 0;
	out->rsdp_copy_len = 0;
}

/* What a terminal would act on must not come from the loader. */
static void clean(char *text)
{
	for (; *text; text++) {
		if (*text == '\t' || *text == '\n' || *text == '\r')
			*text = ' ';
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

void boot_info_set_loader(struct boot_info *out, const char *text, size_t len)
{
	len = min(len, sizeof(out->loader) - 1);
	memcpy(out->loader, text, len);
	out->loader[len] = '\0';
	clean(out->loader);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void boot_info_set_cmdline(struct boot_info *out, const char *text, size_t len)
{
	size_t keep = min(len, (size_t)BOOT_CMDLINE_MAX - 1);

	if (keep < len) {
		while (keep > 0 && !is_blank(text[keep]))
			keep--;
	}
	memmove(out->cmdline, text, keep);
	out->cmdline[keep] = '\0';
	out->cmdline_lost = len - keep;
	clean(out->cmdline);
}

static enum region_kind e820_kind(uint32_t type, const char **name)
{
	switch (type) {
	case 1:
		*name = "RAM";
		return REGION_USABLE;
	case 3:
		*name = "ACPI tables";
		return REGION_RECLAIMABLE;
	case 4:
		*name = "ACPI NVS";
		return REGION_NVS;
	case 5:
		*name = "bad RAM";
		return REGION_BAD;
	case 7:
	case 12:
		*name = "persistent memory";
		return REGION_PERSISTENT;
	default:
		*name = "firmware";
		return REGION_RESERVED;
	}
}

void boot_info_add_e820(struct boot_info *out, uint64_t base, uint64_t len,
			uint32_t type, bool usable_pass)
{
	const char *name;
	enum region_kind kind = e820_kind(type, &name);

	if ((kind == REGION_USABLE) != usable_pass)
		return;
	out->map_entries++;
	regions_add(&out->map, base, len, kind, name);
}

void boot_info_add_range(struct boot_info *out, paddr_t start, uint64_t len)
{
	if (len == 0)
		return;
	if (out->range_count == BOOT_RANGES_MAX) {
		log_err("boot information in more than %d pieces", BOOT_RANGES_MAX);
		return;
	}
	out->ranges[out->range_count++] = (struct boot_range){ start, start + len };
}

void boot_info_add_module(struct boot_info *out, paddr_t start, paddr_t end,
			  const char *name, size_t name_len)
{
	struct boot_module *m;
	size_t len = min(name_len, (size_t)BOOT_NAME_MAX - 1);

	if (end <= start) {
		out->modules_empty++;
		return;
	}
	if (out->module_count == BOOT_MODULES_MAX) {
		/* Not listed, but never given to the heap. */
		regions_add(&out->map, start, end - start, REGION_CLAIMED, "module");
		out->modules_lost++;
		return;
	}
	m = &out->modules[out->module_count++];
	m->start = start;
	m->end = end;
	memcpy(m->name, name, len);
	m->name[len] = '\0';
	clean(m->name);
}
