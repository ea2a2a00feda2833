// SPDX-License-Identifier: MIT
/* Both boot protocols' parsers, fed with good, cut, overlong and random data. */
#include <stdlib.h>
#include <string.h>

#include "arch/x86/boot/boot.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/*
 * Boot information being built: an exact-size copy is parsed, so that the
 * sanitizer sees every step beyond it.
 */
struct builder {
	uint8_t bytes[65536];
	size_t len;
};

static struct builder b;
static struct boot_info out;

static void put(const void *data, size_t len)
{
	memcpy(b.bytes + b.len, data, len);
	b.len += len;
}

static void put32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put64(uint64_t v)
{
	put(&v, sizeof(v));
}

static void begin(void)
{
	b.len = 0;
	put64(0);
}

static void tag(uint32_t type, const void *payload, size_t len)
{
	static const uint8_t zeros[8];

	put32(type);
	put32(8 + len);
	put(payload, len);
	put(zeros, -b.len % 8);
}

static int parse(const char **why)
{
	uint32_t size = b.len;
	void *copy = malloc(b.len);
	int result;

	memcpy(b.bytes, &size, sizeof(size));
	memcpy(copy, b.bytes, b.len);
	boot_info_init(&out);
	result = multiboot2_parse(copy, b.len, 0x10000, &out, why);
	free(copy);
	return result;
}

static void tag_map(uint32_t entry_size, unsigned count, const uint64_t (*entries)[3])
{
	uint8_t payload[4096] = { 0 };
	size_t at = 8;

	memcpy(payload, &entry_size, 4);
	for (unsigned i = 0; i < count; i++, at += entry_size) {
		memcpy(payload + at, entries[i], 16);
		memcpy(payload + at + 16, &entries[i][2], 4);
	}
	tag(6, payload, at);
}

static const uint64_t one_region[1][3] = { { 0x100000, 0x7f00000, 1 } };

static void good(void)
{
	begin();
	tag(1, "test=a b", 9);
	tag(2, "GRUB 2.06", 10);
	tag(3, "\0\0\x40\0\0\0\x41\0initrd", 15);
	tag_map(24, 1, one_region);
	tag(0, "", 0);
}

KTEST(multiboot2_reads_good_information)
{
	const char *why;

	good();
	require(t, parse(&why) == 0);
	expect_str(t, out.cmdline, "test=a b");
	expect_str(t, out.loader, "GRUB 2.06");
	expect_eq(t, out.module_count, 1);
	expect_eq(t, out.modules[0].start, 0x400000);
	expect_eq(t, out.modules[0].end, 0x410000);
	expect_str(t, out.modules[0].name, "initrd");
	expect_eq(t, out.map.count, 1);
	expect(t, regions_usable(&out.map, 0x100000, 0x7f00000));
	expect_eq(t, out.range_count, 1);
	expect_eq(t, out.ranges[0].start, 0x10000);
	expect_eq(t, out.ranges[0].end, 0x10000 + b.len);
}

struct framebuffer_payload {
	uint64_t base;
	uint32_t pitch, width, height;
	uint8_t bpp, type;
	uint16_t reserved;
	struct boot_colour_field colours[3];
} __packed;

static const struct framebuffer_payload rgb_screen = {
	0xfd000000, 4096, 1024, 768, 32, 1, 0, { { 16, 8 }, { 8, 8 }, { 0, 8 } },
};
static const struct framebuffer_payload text_screen = { 0xb8000, 160, 80, 25, 16, 2, 0, { { 0 } } };

/* What becomes of a framebuffer, whose tag may end before the colours. */
static enum boot_framebuffer_kind framebuffer(struct framebuffer_payload f, bool colours)
{
	const char *why;

	begin();
	tag_map(24, 1, one_region);
	tag(8, &f, sizeof(f) - (colours ? 0 : sizeof(f.colours)));
	tag(0, "", 0);
	return parse(&why) ? -1 : (int)out.framebuffer.kind;
}

#define RGB_WITH(...) ({ \
	struct framebuffer_payload f = rgb_screen; \
	__VA_ARGS__; \
	framebuffer(f, true); \
})

KTEST(multiboot2_takes_framebuffers_of_any_depth_and_pitch)
{
	static const uint8_t depths[] = { 15, 16, 24, 32 };

	expect_eq(t, framebuffer(rgb_screen, true), BOOT_FRAMEBUFFER_RGB);
	expect_eq(t, out.framebuffer.width, 1024);
	expect_eq(t, out.framebuffer.red.position, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(depths); i++) {
		struct framebuffer_payload f = rgb_screen;

		f.bpp = depths[i];
		f.pitch = 4099;
		f.colours[0] = (struct boot_colour_field){ depths[i] - 5, 5 };
		f.colours[1].size = f.colours[2].size = 5;
		expect_eq(t, framebuffer(f, true), BOOT_FRAMEBUFFER_RGB);
		expect_eq(t, out.framebuffer.bpp, depths[i]);
		f.colours[0].size = 6;
		expect_eq(t, framebuffer(f, true), BOOT_FRAMEBUFFER_NONE);
	}
}

KTEST(multiboot2_refuses_framebuffers_that_cannot_be)
{
	expect_eq(t, RGB_WITH(f.bpp = 8), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.bpp = 255), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.base = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.width = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.height = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.width = 1u << 31), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.height = UINT32_MAX), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.pitch = 4095), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.pitch = UINT32_MAX), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.colours[1].position = 25), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.colours[2].position = 255), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.colours[2].size = 255), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.colours[0].size = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.type = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, RGB_WITH(f.type = 3), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, framebuffer(rgb_screen, false), BOOT_FRAMEBUFFER_NONE);
}

#define TEXT_WITH(...) ({ \
	struct framebuffer_payload f = text_screen; \
	__VA_ARGS__; \
	framebuffer(f, false); \
})

KTEST(multiboot2_takes_text_screens_within_a_vga_only)
{
	expect_eq(t, framebuffer(text_screen, false), BOOT_FRAMEBUFFER_TEXT);
	expect_eq(t, framebuffer(text_screen, true), BOOT_FRAMEBUFFER_TEXT);
	expect_eq(t, out.framebuffer.base, 0xb8000);
	expect_eq(t, out.framebuffer.height, 25);
	expect_eq(t, TEXT_WITH(f.base = 0xb0000), BOOT_FRAMEBUFFER_TEXT);
	expect_eq(t, TEXT_WITH(f.base = 0x100000), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.base = 0x9fff0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.base = 0xb8001), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.base = 0xbf800), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.base = ~0ull), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.width = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.height = 0), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.width = 1u << 31), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.height = 257), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.pitch = 158), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.pitch = 161), BOOT_FRAMEBUFFER_NONE);
	expect_eq(t, TEXT_WITH(f.pitch = 0x80000000), BOOT_FRAMEBUFFER_NONE);
}

KTEST(multiboot2_any_cut_is_refused_or_understood)
{
	size_t whole;

	good();
	whole = b.len;
	for (size_t len = 8; len < whole; len++) {
		const char *why = NULL;

		b.len = len;
		if (parse(&why))
			expect(t, why != NULL);
		else
			expect(t, out.map_entries > 0);
	}
}

KTEST(multiboot2_refuses_what_it_should)
{
	static const uint64_t map[1][3] = { { 0, 0x100000, 1 } };
	const char *why;

	begin();
	tag(0, "", 0);
	expect_eq(t, parse(&why), -EPROTO);
	expect_str(t, why, "there is no memory map (tag 6)");

	begin();
	tag_map(20, 1, map);
	expect_eq(t, parse(&why), -EPROTO);
	begin();
	tag_map(28, 1, map);
	expect_eq(t, parse(&why), -EPROTO);

	good();
	memcpy(b.bytes + 12, "\7\0\0\0", 4);	/* first tag: size 7 */
	expect_eq(t, parse(&why), -EPROTO);
	expect_str(t, why, "a tag is smaller than its own header");

	good();
	memcpy(b.bytes + 12, "\xff\xff\xff\xff", 4);
	expect_eq(t, parse(&why), -EPROTO);
	expect_str(t, why, "a tag reaches beyond the end");

	begin();
	tag_map(24, 1, one_region);
	tag(18, "", 0);
	tag(0, "", 0);
	expect_eq(t, parse(&why), -EPROTO);
	expect(t, why && strstr(why, "boot services") != NULL);
}

KTEST(multiboot2_larger_map_entries_are_understood)
{
	static const uint64_t map[2][3] = { { 0x100000, 0x100000, 1 }, { 0x400000, 0x1000, 2 } };
	const char *why;

	begin();
	tag_map(40, 2, map);
	tag(0, "", 0);
	require(t, parse(&why) == 0);
	expect_eq(t, out.map.count, 2);
	expect_eq(t, out.map.list[1].kind, REGION_RESERVED);
}

KTEST(multiboot2_efi_map_only_withholds)
{
	struct {
		uint32_t size, version;
		uint64_t d[3][5];
	} efi = { 40, 1, {
		{ 7, 0x10000000, 0, 16, 0 },	/* conventional: adds nothing */
		{ 6, 0x200000, 0, 2, 0 },	/* runtime data */
		{ 15, 0x300000, 0, 1, 0 },	/* unaccepted */
	} };
	const char *why;

	begin();
	tag(17, &efi, sizeof(efi));
	tag_map(24, 1, one_region);
	tag(0, "", 0);
	require(t, parse(&why) == 0);
	expect(t, !regions_overlap(&out.map, 0x10000000, 0x10000));
	expect(t, !regions_usable(&out.map, 0x200000, 1));
	expect(t, !regions_usable(&out.map, 0x201fff, 1));
	expect(t, regions_usable(&out.map, 0x202000, 1));
	expect(t, !regions_usable(&out.map, 0x300fff, 1));
}

KTEST(multiboot2_random_damage_is_survived)
{
	uint64_t rounds = min(ktest_operations() / 20, (uint64_t)200000);

	for (uint64_t i = 0; i < rounds; i++) {
		const char *why = NULL;

		good();
		for (uint64_t n = 1 + ktest_random_below(t, 6); n > 0; n--)
			b.bytes[8 + ktest_random_below(t, b.len - 8)] = ktest_random(t);
		if (parse(&why))
			expect(t, why != NULL);
	}
}

KTEST(multiboot2_more_modules_than_fit_are_withheld)
{
	const char *why;
	uint32_t module[3] = { 0 };

	begin();
	tag_map(24, 1, one_region);
	for (uint32_t i = 0; i < BOOT_MODULES_MAX + 5; i++) {
		module[0] = 0x400000 + i * 0x10000;
		module[1] = module[0] + 0x1000;
		tag(3, module, sizeof(module));
	}
	tag(0, "", 0);
	require(t, parse(&why) == 0);
	expect_eq(t, out.module_count, BOOT_MODULES_MAX);
	expect_eq(t, out.modules_lost, 5);
	expect(t, !regions_usable(&out.map, module[0], 1));
}

KTEST(boot_cmdline_is_cut_at_a_word)
{
	static char text[10000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 7 == 6 ? ' ' : 'x';
	boot_info_set_cmdline(&out, text, sizeof(text));
	expect(t, strlen(out.cmdline) < BOOT_CMDLINE_MAX);
	expect(t, strlen(out.cmdline) > BOOT_CMDLINE_MAX - 9);
	expect(t, text[strlen(out.cmdline)] == ' ');
	expect_eq(t, out.cmdline_lost, sizeof(text) - strlen(out.cmdline));

	memset(text, 'x', sizeof(text));
	boot_info_set_cmdline(&out, text, sizeof(text));
	expect_str(t, out.cmdline, "");
	boot_info_set_cmdline(&out, "one two", 7);
	expect_str(t, out.cmdline, "one two");
	expect_eq(t, out.cmdline_lost, 0);
}

/* Physical memory for pvh_parse(): one block from address BASE. */
enum { BASE = 0x1000, MEMORY = 0x8000 };
static uint8_t memory[MEMORY];

static int read_memory(void *context __unused, paddr_t pa, void *buf, size_t len)
{
	if (pa < BASE || pa - BASE > MEMORY || len > MEMORY - (pa - BASE))
		return -EFAULT;
	memcpy(buf, memory + (pa - BASE), len);
	return 0;
}

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

static struct start_info *good_pvh(void)
{
	struct start_info *si = (void *)memory;
	static const uint64_t map[2][3] = { { 0, 0x9fc00, 1 }, { 0x100000, 0x7f00000, 1 } };

	memset(memory, 0, sizeof(memory));
	*si = (struct start_info){ PVH_MAGIC, 1, 0, 1, BASE + 0x100, BASE + 0x200, 0xf0000,
				   BASE + 0x300, 2, 0 };
	memcpy(memory + 0x100, (uint64_t[]){ 0x400000, 0x1000, BASE + 0x180, 0 }, 32);
	memcpy(memory + 0x180, "module", 7);
	memcpy(memory + 0x200, "test loglevel=debug", 20);
	memcpy(memory + 0x300, map, sizeof(map));
	return si;
}

static int parse_pvh(const char **why)
{
	boot_info_init(&out);
	return pvh_parse(read_memory, NULL, BASE, &out, why);
}

KTEST(pvh_reads_good_information)
{
	const char *why;

	good_pvh();
	require(t, parse_pvh(&why) == 0);
	expect_str(t, out.cmdline, "test loglevel=debug");
	expect_str(t, out.protocol, "PVH");
	expect_eq(t, out.rsdp, 0xf0000);
	expect_eq(t, out.module_count, 1);
	expect_str(t, out.modules[0].name, "module");
	expect(t, regions_usable(&out.map, 0x100000, 0x7f00000));
	expect(t, regions_usable(&out.map, 0, 0x9f000));
	expect(t, !regions_usable(&out.map, 0x9f000, 0x1000));
}

KTEST(pvh_refuses_what_it_should)
{
	const char *why;
	struct start_info *si = good_pvh();

	si->magic = 0x20202020;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	expect(t, strstr(why, "magic") != NULL);
	good_pvh()->version = 0;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->memmap_entries = 0;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->memmap_entries = UINT32_MAX;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->memmap = UINT64_MAX - 30;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->module_count = UINT32_MAX;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->cmdline = 1;
	expect_eq(t, parse_pvh(&why), -EPROTO);
	good_pvh()->modules = 0x10;
	expect_eq(t, parse_pvh(&why), -EPROTO);
}

KTEST(pvh_long_command_line_is_cut_at_a_word)
{
	const char *why;
	struct start_info *si = good_pvh();

	si->cmdline = BASE + 0x1000;
	for (size_t i = 0; i < 10000; i++)
		memory[0x1000 + i] = i % 9 == 8 ? ' ' : 'w';
	memory[0x1000 + 10000] = '\0';
	require(t, parse_pvh(&why) == 0);
	expect(t, strlen(out.cmdline) < BOOT_CMDLINE_MAX);
	expect(t, memory[0x1000 + strlen(out.cmdline)] == ' ');
	expect_eq(t, strlen(out.cmdline) + out.cmdline_lost, 10000);
	/* Exactly what fits, and one byte more. */
	memset(memory + 0x1000, 'a', BOOT_CMDLINE_MAX);
	memory[0x1000 + 100] = ' ';
	memory[0x1000 + BOOT_CMDLINE_MAX - 1] = '\0';
	require(t, parse_pvh(&why) == 0);
	expect_eq(t, strlen(out.cmdline), BOOT_CMDLINE_MAX - 1);
	memory[0x1000 + BOOT_CMDLINE_MAX - 1] = 'a';
	memory[0x1000 + BOOT_CMDLINE_MAX] = '\0';
	require(t, parse_pvh(&why) == 0);
	expect_eq(t, strlen(out.cmdline), 100);
}

KTEST(pvh_random_damage_is_survived)
{
	uint64_t rounds = min(ktest_operations() / 20, (uint64_t)200000);

	for (uint64_t i = 0; i < rounds; i++) {
		const char *why = NULL;

		good_pvh();
		for (uint64_t n = 1 + ktest_random_below(t, 6); n > 0; n--)
			memory[ktest_random_below(t, 0x340)] = ktest_random(t);
		if (parse_pvh(&why))
			expect(t, why != NULL);
	}
}
