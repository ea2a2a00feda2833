// SPDX-License-Identifier: MIT
/*
 * A frame is the caller's frame pointer and, above it, the return address. The
 * handler of a trap is called by vectors.S with the trap frame right above its
 * return address; that frame says where the trap came, and goes on from there,
 * maybe on another stack.
 *
 * A trap can come where no function has made its frame: before the prologue
 * of one, in one without, or where a call went astray. Then the return address
 * is on top of the stack; it is believed if a call stands in front of it.
 *
 * Shortcoming: where the function's first byte is not known, a prologue that
 * comes late is not either, and hides the caller of who is trapped before it.
 */
#include "arch/x86/unwind.h"

#include "arch/x86/exception.h"
#include "kernel/lib/format.h"

enum {
	WORD = 8,
	CALL_LENGTH_MAX = 7,
	OPCODE_CALL = 0xe8,		/* call rel32 (SDM vol. 2A) */
	OPCODE_GROUP5 = 0xff,		/* /2: call r/m64 */
	GROUP5_CALL = 2,
	PUSH_LENGTH = 1,
	PROLOGUE_LENGTH = 4,
	PROLOGUE_SEARCH_MAX = 4096,
	PROLOGUE = 0xe5894855,		/* push %rbp; mov %rsp,%rbp: 55 48 89 e5 */
};

static bool is_text(const struct unwind *u, uint64_t address)
{
	return address >= u->world->text_start && address < u->world->text_end;
}

static const struct unwind_stack *find_stack(const struct unwind_world *w, uint64_t at,
					     uint64_t bytes)
{
	for (size_t i = 0; i < w->stack_count; i++) {
		const struct unwind_stack *s = &w->stacks[i];

		if (at >= s->bottom && at < s->top && s->top - at >= bytes)
			return s;
	}
	return NULL;
}

static bool over(struct unwind *u, enum unwind_end end)
{
	u->end = end;
	return false;
}

/* The byte of code at `address`; 0 if there is none. */
static uint8_t code_byte(const struct unwind *u, uint64_t address)
{
	uint64_t word;
	uint64_t at = address & ~(uint64_t)(WORD - 1);

	if (!is_text(u, address) || !u->world->read(at, &word))
		return 0;
	return (uint8_t)(word >> (address - at) * 8);
}

static bool is_after_call(const struct unwind *u, uint64_t address)
{
	if (code_byte(u, address - 5) == OPCODE_CALL)
		return true;
	for (unsigned length = 2; length <= CALL_LENGTH_MAX; length++) {
		if (code_byte(u, address - length) == OPCODE_GROUP5 &&
		    (code_byte(u, address - length + 1) >> 3 & 7) == GROUP5_CALL)
			return true;
	}
	return false;
}

static bool is_prologue(const struct unwind *u, uint64_t address)
{
	uint32_t word = 0;

	for (unsigned i = 0; i < sizeof(word); i++)
		word |= (uint32_t)code_byte(u, address + i) << 8 * i;
	return word == PROLOGUE;
}

/* Whether a function that begins at `start` has made its frame before `rip`. */
static bool has_prologue(const struct unwind *u, uint64_t start, uint64_t rip)
{
	uint64_t end = min(rip, start + PROLOGUE_SEARCH_MAX);

	for (uint64_t at = start; at + PROLOGUE_LENGTH <= end; at++) {
		if (is_prologue(u, at))
			return true;
	}
	return false;
}

/*
 * Of a trap at `rip`: whether its function had no frame yet, or there is no
 * function; then how far above the stack pointer its return address is.
 */
static bool lacks_frame(const struct unwind *u, uint64_t rip, uint64_t *distance)
{
	uint64_t start;

	*distance = 0;
	if (!is_text(u, rip) || is_prologue(u, rip))
		return true;
	start = u->world->function_start(rip);
	if (is_prologue(u, rip - PUSH_LENGTH)) {
		*distance = WORD;
		return true;
	}
	return start && !has_prologue(u, start, rip);
}

static void await(struct unwind *u, struct unwind_frame frame)
{
	u->waiting[u->waiting_count++] = frame;
}

/* Goes on with what a trap interrupted. */
static void enter_trap(struct unwind *u, const struct trap_frame *f, bool trapped)
{
	uint64_t address, distance;

	u->fp = f->rbp;
	u->waiting_first = u->waiting_count = 0;
	await(u, (struct unwind_frame){ f->rip, true, trapped, f->vector });
	if (!lacks_frame(u, f->rip, &distance))
		return;
	distance += f->rsp;
	if (distance % WORD == 0 && find_stack(u->world, distance, WORD) &&
	    u->world->read(distance, &address) && is_text(u, address) &&
	    is_after_call(u, address))
		await(u, (struct unwind_frame){ .address = address });
}

void unwind_begin(struct unwind *u, const struct unwind_world *world, uint64_t fp)
{
	*u = (struct unwind){ .world = world, .fp = fp };
}

void unwind_begin_at(struct unwind *u, const struct unwind_world *world,
		     const struct trap_frame *f)
{
	unwind_begin(u, world, f->rbp);
	enter_trap(u, f, false);
}

/* The trap frame at `at`: on from there, or an end. */
static bool pass_trap(struct unwind *u, uint64_t at)
{
	struct trap_frame f;
	uint64_t *words = (uint64_t *)&f;

	if (!find_stack(u->world, at, sizeof(f)))
		return over(u, UNWIND_NO_STACK);
	for (size_t i = 0; i < sizeof(f) / WORD; i++) {
		if (!u->world->read(at + i * WORD, &words[i]))
			return over(u, UNWIND_UNREADABLE);
	}
	u->floor = at + sizeof(f);
	enter_trap(u, &f, true);
	return true;
}

/* One frame up: its return address in *address. */
static bool follow(struct unwind *u, uint64_t *address)
{
	const struct unwind_stack *s = find_stack(u->world, u->fp, 2 * WORD);
	uint64_t next;

	if (u->fp == 0)
		return over(u, UNWIND_WHOLE);
	if (u->fp % WORD || !s)
		return over(u, UNWIND_NO_STACK);
	if (u->stack == s && u->fp < u->floor)
		return over(u, UNWIND_NOT_RISING);
	if (!u->world->read(u->fp, &next) || !u->world->read(u->fp + WORD, address))
		return over(u, UNWIND_UNREADABLE);
	if (!is_text(u, *address))
		return over(u, UNWIND_NO_CODE);
	u->stack = s;
	u->floor = u->fp + 2 * WORD;
	u->fp = next;
	return true;
}

bool unwind_next(struct unwind *u, struct unwind_frame *out)
{
	uint64_t address;

	if (u->count++ >= UNWIND_FRAMES_MAX)
		return over(u, UNWIND_TOO_LONG);
	if (u->waiting_first == u->waiting_count) {
		if (!follow(u, &address))
			return false;
		if (address != u->world->trap_return) {
			*out = (struct unwind_frame){ .address = address };
			return true;
		}
		if (!pass_trap(u, u->floor))
			return false;
	}
	*out = u->waiting[u->waiting_first++];
	return true;
}

void unwind_describe_end(const struct unwind *u, char *buf, size_t size)
{
	static const char *const words[] = {
		[UNWIND_NO_STACK] = "is in no stack",
		[UNWIND_NOT_RISING] = "leads back down",
		[UNWIND_UNREADABLE] = "cannot be read",
		[UNWIND_NO_CODE] = "has a return address that is no code",
	};

	buf[0] = '\0';
	if (u->end == UNWIND_TOO_LONG)
		format(buf, size, "more frames than a stack holds");
	else if (u->end != UNWIND_WHOLE)
		format(buf, size, "frame pointer 0x%016llx %s", (unsigned long long)u->fp,
		       words[u->end]);
}
