// SPDX-License-Identifier: MIT
/*
 * Stacks of our own making, and code of a few bytes: calls at random depths,
 * traps among them, then damage of every kind.
 */
#include "arch/x86/unwind.h"

#include "arch/x86/exception.h"
#include "kernel/ktest.h"
#include "kernel/lib/string.h"

enum {
	WORDS = 512,			/* of each stack */
	TEXT = 0x10000, TEXT_SIZE = 0x1000,
	TRAP_RETURN = TEXT + 0x800,
	CALLS_MAX = 40,
	ROUNDS = 3000,
};

/* The stacks lie apart, with nothing between them. */
static const struct unwind_stack stacks[] = {
	{ 0x100000, 0x100000 + WORDS * 8 }, { 0x200000, 0x200000 + WORDS * 8 },
};

static uint64_t memory[ARRAY_SIZE(stacks)][WORDS];
static uint8_t text[TEXT_SIZE];
static uint64_t missing;		/* a word that cannot be read; 0: none */
static uint64_t start;			/* what function_start() says */
static unsigned strays;			/* reads of what is neither stack nor code */

static uint64_t *word_at(uint64_t va)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (va >= stacks[i].bottom && va <= stacks[i].top - 8 && va % 8 == 0)
			return &memory[i][(va - stacks[i].bottom) / 8];
	}
	return NULL;
}

static bool read_word(uint64_t va, uint64_t *out)
{
	uint64_t *word = word_at(va);

	if (va == missing)
		return false;
	if (!word && (va < TEXT || va > TEXT + TEXT_SIZE - 8 || va % 8)) {
		strays++;
		return false;
	}
	*out = 0;
	memcpy(out, word ? (const void *)word : &text[va - TEXT], 8);
	return true;
}

static uint64_t function_start(uint64_t address __unused)
{
	return start;
}

static const struct unwind_world world = {
	.read = read_word,
	.function_start = function_start,
	.stacks = stacks,
	.stack_count = ARRAY_SIZE(stacks),
	.text_start = TEXT,
	.text_end = TEXT + TEXT_SIZE,
	.trap_return = TRAP_RETURN,
};

/* What a walk should see, the innermost frame first, and the walk's first frame pointer. */
static struct {
	struct unwind_frame frames[2 * CALLS_MAX];
	unsigned count;
	uint64_t fp;
} want;

static void clear(void)
{
	memset(memory, 0, sizeof(memory));
	memset(text, 0x90, sizeof(text));
	memset(&want, 0, sizeof(want));
	missing = start = 0;
	strays = 0;
}

static uint64_t some_code(struct ktest_run *t)
{
	return TEXT + 16 + ktest_random_below(t, 0x700);
}

/* A frame at word `at` that leads to frame pointer `next`. */
static void put_frame(uint64_t at, uint64_t next, uint64_t address)
{
	*word_at(at) = next;
	*word_at(at + 8) = address;
}

/* From the outermost call inwards, so from the top down; the outermost leads to 0. */
static void call(struct ktest_run *t, uint64_t *sp)
{
	struct unwind_frame frame = { .address = some_code(t) };

	*sp -= 16;
	put_frame(*sp, want.fp, frame.address);
	want.fp = *sp;
	want.frames[want.count++] = frame;
	*sp -= 8 * ktest_random_below(t, 4);
}

/* A trap at some code; its handler runs on at *to. */
static void trap(struct ktest_run *t, uint64_t sp, uint64_t *to)
{
	struct trap_frame f = {
		.rip = some_code(t), .rsp = sp, .rbp = want.fp,
		.vector = ktest_random_below(t, VECTOR_COUNT),
	};

	*to -= sizeof(f);
	memcpy(word_at(*to), &f, sizeof(f));
	*to -= 16;
	put_frame(*to, want.fp, TRAP_RETURN);
	want.fp = *to;
	want.frames[want.count++] = (struct unwind_frame){ f.rip, true, true, f.vector };
}

/* Calls, with a trap among them, that may go on on the other stack. */
static void make_stack(struct ktest_run *t)
{
	uint64_t sp = stacks[0].top, other = stacks[1].top;
	unsigned calls = 1 + (unsigned)ktest_random_below(t, CALLS_MAX / 2);

	clear();
	for (unsigned i = 0; i < calls; i++)
		call(t, &sp);
	if (ktest_random_below(t, 2)) {
		uint64_t *to = ktest_random_below(t, 2) ? &sp : &other;

		trap(t, sp, to);
		for (unsigned i = 0; i < calls; i++)
			call(t, to);
	}
}

static bool same(const struct unwind_frame *a, const struct unwind_frame *b)
{
	return a->address == b->address && a->exact == b->exact && a->trapped == b->trapped &&
	       a->vector == b->vector;
}

KTEST(unwind_finds_each_call_and_trap_in_order)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct unwind_frame frame;
		struct unwind u;

		make_stack(t);
		unwind_begin(&u, &world, want.fp);
		while (want.count) {
			require(t, unwind_next(&u, &frame));
			require(t, same(&frame, &want.frames[--want.count]));
		}
		require(t, !unwind_next(&u, &frame));
		require(t, u.end == UNWIND_WHOLE);
	}
	expect_eq(t, strays, 0);
}

/* Whatever stands there: bounded, and nothing outside is looked at. */
KTEST(unwind_ends_on_any_damage_and_stays_inside)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct unwind_frame frame;
		struct unwind u;
		unsigned frames = 0;

		make_stack(t);
		for (unsigned i = 0; i < 8; i++) {
			uint64_t *word = &memory[ktest_random_below(t, ARRAY_SIZE(stacks))]
						[WORDS - 1 - ktest_random_below(t, WORDS / 4)];

			*word = ktest_random_below(t, 2) ? ktest_random(t) :
				stacks[ktest_random_below(t, 2)].bottom +
				ktest_random_below(t, WORDS * 8);
		}
		unwind_begin(&u, &world, want.fp);
		while (unwind_next(&u, &frame))
			frames++;
		require(t, frames <= UNWIND_FRAMES_MAX);
		require(t, strays == 0);
	}
}

/* The end of a walk that begins at `fp`. */
static enum unwind_end end_from(uint64_t fp)
{
	struct unwind_frame frame;
	struct unwind u;

	unwind_begin(&u, &world, fp);
	while (unwind_next(&u, &frame))
		;
	return u.end;
}

KTEST(unwind_says_why_it_ends)
{
	uint64_t low = stacks[0].bottom, high = low + 64;
	char why[80];
	struct unwind u;
	struct unwind_frame frame;

	clear();
	expect_eq(t, end_from(0), UNWIND_WHOLE);
	expect_eq(t, end_from(low + 4), UNWIND_NO_STACK);
	expect_eq(t, end_from(low - 8), UNWIND_NO_STACK);
	expect_eq(t, end_from(stacks[0].top - 8), UNWIND_NO_STACK);
	expect_eq(t, end_from(low), UNWIND_NO_CODE);
	put_frame(high, low, TEXT + 8);
	expect_eq(t, end_from(high), UNWIND_NOT_RISING);
	put_frame(high, high, TEXT + 8);
	expect_eq(t, end_from(high), UNWIND_NOT_RISING);
	missing = high;
	expect_eq(t, end_from(high), UNWIND_UNREADABLE);
	missing = high + 8;
	unwind_begin(&u, &world, high);
	expect(t, !unwind_next(&u, &frame));
	unwind_describe_end(&u, why, sizeof(why));
	expect_str(t, why, "frame pointer 0x0000000000100040 cannot be read");
	unwind_begin(&u, &world, 0);
	expect(t, !unwind_next(&u, &frame));
	unwind_describe_end(&u, why, sizeof(why));
	expect_str(t, why, "");
}

/* Two stacks whose trap frames lead to one another for ever. */
KTEST(unwind_ends_where_traps_go_in_a_circle)
{
	clear();
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		uint64_t at = stacks[i].bottom;
		struct trap_frame f = { .rip = TEXT + 64, .rbp = stacks[!i].bottom };

		put_frame(at, 0, TRAP_RETURN);
		memcpy(word_at(at + 16), &f, sizeof(f));
	}
	expect_eq(t, end_from(stacks[0].bottom), UNWIND_TOO_LONG);
}

/* The callers that a walk from a trap at `rip` finds besides that. */
static unsigned callers(uint64_t rip, uint64_t rsp, uint64_t *first)
{
	struct trap_frame f = { .rip = rip, .rsp = rsp };
	struct unwind_frame frame;
	unsigned count = 0;
	struct unwind u;

	unwind_begin_at(&u, &world, &f);
	if (!unwind_next(&u, &frame) || !frame.exact || frame.address != rip)
		return UINT32_MAX;
	*first = 0;
	while (unwind_next(&u, &frame))
		*first = count++ ? *first : frame.address;
	return count;
}

KTEST(unwind_finds_the_caller_where_there_is_no_frame_yet)
{
	static const uint8_t prologue[] = { 0x55, 0x48, 0x89, 0xe5 };
	const uint64_t function = TEXT + 0x100, back = TEXT + 0x40, sp = stacks[0].top - 32;
	uint64_t first;

	clear();
	memcpy(&text[0x100], prologue, sizeof(prologue));
	*word_at(sp) = back;
	expect_eq(t, callers(function, sp, &first), 0);	/* nothing calls in front of it */
	text[0x40 - 5] = 0xe8;
	expect_eq(t, callers(function, sp, &first), 1);
	expect_eq(t, first, back);
	expect_eq(t, callers(function + 1, sp - 8, &first), 1);
	expect_eq(t, callers(function + 4, sp, &first), 0);
	expect_eq(t, callers(0, sp, &first), 1);
	text[0x40 - 5] = 0x90;
	text[0x40 - 2] = 0xff;
	text[0x40 - 1] = 0xd0;				/* call *%rax */
	expect_eq(t, callers(0, sp, &first), 1);
	expect_eq(t, callers(0, sp + 4, &first), 0);
	expect_eq(t, callers(0, UINT64_MAX - 7, &first), 0);
	start = function - 16;				/* a prologue that comes late */
	expect_eq(t, callers(function - 3, sp, &first), 1);
	expect_eq(t, callers(function + 5, sp, &first), 0);
	expect_eq(t, strays, 0);
}
