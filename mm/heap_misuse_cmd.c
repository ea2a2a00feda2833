// SPDX-License-Identifier: MIT
/*
 * The command `misuse`: each way to misuse the heap, to see that it is found at
 * the levels of checking that claim it, and told in the right words.
 */
#include "kernel/crash.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum { SIZE = 64 };

/* After a call that is the last: else it is a jump, and no backtrace has who made it. */
static inline void stay_on_the_stack(void)
{
	__asm__ volatile("");
}

static uint8_t *made(void)
{
	return kmalloc(SIZE);
}

static void twice(void)
{
	uint8_t *p = made();

	kfree(p);
	kfree(p);
	stay_on_the_stack();
}

static void foreign(void)
{
	static uint8_t ours[2 * SIZE];

	kfree(ours + SIZE);
}

static void interior(void)
{
	kfree(made() + 24);
}

static void interior_realloc(void)
{
	if (krealloc(made() + 24, 100))
		print("misuse: it was resized\n");
}

/* Over the end of one block as far as whatever stands before the next. */
static void header(void)
{
	uint8_t *p = made(), *next = made();
	size_t distance = next > p ? (size_t)(next - p) : 0;

	if (distance > SIZE && distance < 4 * SIZE)
		memset(p, 0, distance);
	kfree(next);
}

static void overrun(void)
{
	uint8_t *p = made();

	p[SIZE] = 0x41;
	kfree(p);
	stay_on_the_stack();
}

static void underrun(void)
{
	uint8_t *p = made();

	p[-1] = 0x41;
	kfree(p);
}

/* Found later: by `heap check`, and when the quarantine ends. */
static void late_write(void)
{
	uint8_t *p = made();

	kfree(p);
	p[5] = 0x41;
}

/* Not an error, but logged where checking is full. */
static void size(void)
{
	if (kmalloc(SIZE_MAX) || kcalloc(SIZE_MAX / 2, 3) || kmalloc_aligned(SIZE, 48))
		print("misuse: an impossible request was served\n");
}

static void leak(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (!kmalloc(100))
			print("misuse: out of memory\n");
}

static void pages(void)
{
	uint8_t *p = page_alloc(1, PAGE_ANY);

	page_free(p, 0);
}

static const struct {
	const char *kind;
	void (*run)(void);
} kinds[] = {
	{ "double-free", twice },
	{ "foreign", foreign },
	{ "interior", interior },
	{ "interior-realloc", interior_realloc },
	{ "header", header },
	{ "overrun", overrun },
	{ "underrun", underrun },
	{ "late-write", late_write },
	{ "size", size },
	{ "leak", leak },
	{ "pages", pages },
};

static int misuse_run(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].kind) == 0) {
			kinds[i].run();
			print("misuse: %s was not found, so far\n", argv[1]);
			return 0;
		}
	}
	print("kinds:");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		print(" %s", kinds[i].kind);
	print("\n");
	return -EINVAL;
}

SHELL_COMMAND(misuse, "KIND", "misuse the heap in a chosen way", misuse_run);

/* These two are found in the act, the second with full checking. */
CRASH_KIND(double_free, "double-free", twice);
CRASH_KIND(overrun, "overrun", overrun);
