// SPDX-License-Identifier: MIT
/* The commands `hexdump`, `peek` and `poke`. */
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/complete.h"
#include "kernel/shell.h"
#include "mm/place.h"

enum { LINE = 16, DUMP_USUAL = 64, DUMP_MAX = 1024 * 1024 };

/* A line of up to LINE bytes. Returns how many there were; the rest cannot be read: *error. */
static unsigned read_line(const struct place *p, uint64_t at, uint8_t *bytes, int *error)
{
	unsigned n = 0;
	uint64_t value;

	while (n < LINE && at + n < p->len) {
		*error = place_read(p, at + n, 1, &value);
		if (*error)
			break;
		bytes[n++] = (uint8_t)value;
	}
	return n;
}

static void print_line(uint64_t address, const uint8_t *bytes, unsigned count)
{
	char hex[3 * LINE + 1] = "", text[LINE + 1];

	for (unsigned i = 0; i < count; i++) {
		format(hex + 3 * i, 4, " %02x", bytes[i]);
		text[i] = bytes[i] < ' ' || bytes[i] > '~' ? '.' : (char)bytes[i];
	}
	text[count] = '\0';
	print("%016llx %-48s  %s\n", (unsigned long long)address, hex, text);
}

static int dump(const struct place *p)
{
	uint8_t bytes[LINE];
	int error = 0;

	for (uint64_t at = 0; at < p->len && !error; at += LINE) {
		unsigned count;

		if (shell_interrupted())
			return -EINTR;
		count = read_line(p, at, bytes, &error);
		if (count > 0)
			print_line(p->address + at, bytes, count);
	}
	return error;
}

static int hexdump_run(int argc, char **argv)
{
	uint64_t len = DUMP_USUAL;
	const char *end;
	struct place p;
	int taken = place_parse(&p, argc - 1, argv + 1), rc;

	if (taken < 0)
		return taken;
	if (p.kind == PLACE_PORT)
		return shell_wrong(argv[1], "ports are read one at a time, by peek");
	if (argc - 1 > taken + 1)
		return -EINVAL;
	if (argc - 1 > taken && (parse_size(argv[taken + 1], &end, &len) || *end || len == 0 ||
				 len > DUMP_MAX))
		return shell_wrong(argv[taken + 1], "not a length from 1 to 1M");
	rc = place_open(&p, len);
	if (!rc)
		rc = dump(&p);
	place_close(&p);
	return rc;
}

/* "8" to "64" bits, in bytes; 0 if it is none. */
static unsigned width_parse(const char *word)
{
	static const char *const bits[] = { "8", "16", "32", "64" };

	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
		if (strcmp(word, bits[i]) == 0)
			return 1u << i;
	}
	return 0;
}

/* The word behind the others, or what is usual: all of memory, a byte of ports. */
static int width_of(const struct place *p, int count, char **words, unsigned *width)
{
	*width = p->kind == PLACE_PORT ? 1 : 4;
	if (count == 0)
		return 0;
	*width = count == 1 ? width_parse(words[0]) : 0;
	return *width ? 0 : shell_wrong(words[count - 1], "no width: 8, 16, 32 or 64 bits");
}

static int peek_run(int argc, char **argv)
{
	unsigned width;
	struct place p;
	uint64_t value;
	int taken = place_parse(&p, argc - 1, argv + 1), rc;

	if (taken < 0 || width_of(&p, argc - 1 - taken, argv + 1 + taken, &width))
		return -EINVAL;
	rc = place_open(&p, width);
	if (!rc)
		rc = place_read(&p, 0, width, &value);
	if (!rc)
		print("0x%0*llx\n", (int)(2 * width), (unsigned long long)value);
	place_close(&p);
	return rc;
}

static int poke_run(int argc, char **argv)
{
	const char *end;
	unsigned width;
	struct place p;
	uint64_t value;
	int taken = place_parse(&p, argc - 1, argv + 1), rc;

	if (taken < 0 || argc - 1 == taken)
		return -EINVAL;
	argv += 1 + taken;
	argc -= 1 + taken;
	if (parse_u64(argv[0], &end, &value) || *end)
		return shell_wrong(argv[0], "not a number (hexadecimal ones begin with 0x)");
	if (width_of(&p, argc - 1, argv + 1, &width))
		return -EINVAL;
	if (width < 8 && value >> 8 * width)
		return shell_wrong(argv[0], "has more bits than are written");
	rc = place_open(&p, width);
	if (!rc)
		rc = place_write(&p, 0, width, value);
	place_close(&p);
	return rc;
}

static const char *const kinds[] = { "phys", "port", NULL };
static const char *const dump_kinds[] = { "phys", NULL };

#define PLACES \
	"Addresses are virtual; behind `phys` physical, mapped while they are used, and\n" \
	"behind `port` ports. What cannot be accessed is told with its owner.\n"

SHELL_COMMAND(hexdump, "[phys] ADDRESS [LENGTH]", "show bytes, 64 unless told otherwise",
	      hexdump_run, .words = dump_kinds, .text = PLACES);
SHELL_COMMAND(peek, "[phys|port] ADDRESS [8|16|32|64]", "read a number of so many bits",
	      peek_run, .words = kinds, .text = PLACES
	      "Usually 32 bits, of ports 8. Reading a device's register may change it.\n");
SHELL_COMMAND(poke, "[phys|port] ADDRESS VALUE [8|16|32|64]", "write a number of so many bits",
	      poke_run, .words = kinds, .text = PLACES
	      "Usually 32 bits, to ports 8. Nothing keeps you from breaking the machine.\n");
