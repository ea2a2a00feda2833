// SPDX-License-Identifier: MIT
/*
 * The walk is made twice, so that of a long one the first and the last frames
 * are shown: who ran, and what began it.
 */
#include "arch/x86/backtrace.h"

#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/unwind.h"
#include "kernel/backtrace.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/symbol.h"

enum { SHOWN_FIRST = 20, SHOWN_LAST = 12 };

extern const char trap_return[];
extern const char symbol_table[], symbol_table_end[];

/* Also where a page is missing, or before there is anything to catch a fault with. */
static bool read_word(uint64_t va, uint64_t *out)
{
	uint8_t *bytes = (uint8_t *)out;

	for (size_t i = 0; i < sizeof(*out); i++) {
		if (probe_read((const volatile void *)(va + i), &bytes[i]))
			return false;
	}
	return true;
}

/* The function that the byte of code at `address` belongs to. */
static bool find_function(uint64_t address, struct symbol_place *out)
{
	return IS_ENABLED(CONFIG_SYMBOLS) && address >= (uintptr_t)image_start &&
	       address < (uintptr_t)text_end &&
	       symbol_find((const struct symbol_table *)(const void *)symbol_table,
			   (size_t)(symbol_table_end - symbol_table),
			   address - (uintptr_t)image_start, out);
}

static uint64_t function_start(uint64_t address)
{
	struct symbol_place place;

	return find_function(address, &place) ? address - place.offset : 0;
}

#define STACK(id)	{ (uintptr_t)id##_bottom, (uintptr_t)id##_top }

static const struct unwind_stack stacks[] = {
	STACK(stack), STACK(stack_double_fault), STACK(stack_nmi), STACK(stack_machine_check),
};

static const struct unwind_world world = {
	.read = read_word,
	.function_start = function_start,
	.stacks = stacks,
	.stack_count = ARRAY_SIZE(stacks),
	.text_start = (uintptr_t)image_start,
	.text_end = (uintptr_t)text_end,
	.trap_return = (uintptr_t)trap_return,
};

/* A call may be a function's last instruction: what it returns to is the next one's. */
void backtrace_name(uint64_t address, bool exact, char *buf, size_t size)
{
	uint64_t past = exact ? 0 : 1;
	struct symbol_place place;

	buf[0] = '\0';
	if (find_function(address - past, &place))
		format(buf, size, "%s+0x%llx", place.name,
		       (unsigned long long)(place.offset + past));
}

static void print_frame(const struct unwind_frame *frame)
{
	char name[BACKTRACE_NAME_MAX];

	backtrace_name(frame->address, frame->exact, name, sizeof(name));
	print("  %-4s 0x%016llx%s%s", frame->exact ? "at" : "from",
	      (unsigned long long)frame->address, name[0] ? " " : "", name);
	if (frame->trapped)
		print(", where vector %llu came (%s)", (unsigned long long)frame->vector,
		      exception_name((unsigned)min(frame->vector, (uint64_t)VECTOR_COUNT)));
	print("\n");
}

static unsigned count_frames(struct unwind u)
{
	struct unwind_frame frame;
	unsigned count = 0;

	while (unwind_next(&u, &frame))
		count++;
	return count;
}

static void print_frames(struct unwind *u)
{
	unsigned total = count_frames(*u);
	unsigned hidden = total > SHOWN_FIRST + SHOWN_LAST ? total - SHOWN_FIRST - SHOWN_LAST : 0;
	struct unwind_frame frame;
	char why[80];

	print("backtrace:\n");
	for (unsigned i = 0; unwind_next(u, &frame); i++) {
		if (hidden && i == SHOWN_FIRST)
			print("  ... %u frames more ...\n", hidden);
		if (!hidden || i < SHOWN_FIRST || i >= SHOWN_FIRST + hidden)
			print_frame(&frame);
	}
	unwind_describe_end(u, why, sizeof(why));
	if (why[0])
		print("  end: %s\n", why);
}

void backtrace_print(const void *frame)
{
	struct unwind u;

	unwind_begin(&u, &world, (uintptr_t)frame);
	print_frames(&u);
}

void backtrace_print_at(const struct trap_frame *f)
{
	struct unwind u;

	unwind_begin_at(&u, &world, f);
	print_frames(&u);
}
