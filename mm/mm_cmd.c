// SPDX-License-Identifier: MIT
/* The commands `memmap` and `owner`. */
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/mm.h"
#include "mm/owner.h"

static int memmap_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	mm_print_map();
	return 0;
}

static int print_owner(const char *word)
{
	static const char prefix[] = "phys:";
	bool physical = str_has_prefix(word, prefix);
	const char *number = physical ? word + sizeof(prefix) - 1 : word;
	char text[OWNER_TEXT_MAX];
	const char *end;
	uint64_t address;
	int err = parse_u64(number, &end, &address);

	if (err == -ERANGE) {
		print("owner: %s: more than 64 bits\n", word);
		return err;
	}
	if (err || *end) {
		print("owner: %s: not a number (hexadecimal ones begin with 0x)\n", word);
		return -EINVAL;
	}
	if (physical)
		owner_describe_physical(address, text, sizeof(text));
	else
		owner_describe(address, text, sizeof(text));
	print("%s0x%llx: %s\n", physical ? prefix : "", (unsigned long long)address, text);
	return 0;
}

static int owner_run(int argc, char **argv)
{
	int result = 0;

	if (argc < 2)
		return -EINVAL;
	for (int i = 1; i < argc; i++) {
		int err = print_owner(argv[i]);

		result = err ? err : result;
	}
	return result;
}

SHELL_COMMAND(memmap, "", "list physical memory and who owns it", memmap_run);
SHELL_COMMAND(owner, "[phys:]ADDRESS...", "say who owns an address", owner_run);
