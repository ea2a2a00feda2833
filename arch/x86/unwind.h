/* SPDX-License-Identifier: MIT */
/*
 * Walks a stack from call to call by frame pointers, and through the frames of
 * interrupts and exceptions. Nothing on a stack is believed: a frame pointer
 * must be aligned, inside a known stack and above the one before; what is read
 * is read through a function that may fail.
 */
#pragma once

#include "kernel/lib/types.h"

struct trap_frame;

enum { UNWIND_FRAMES_MAX = 20000 };	/* more than the largest stack holds */

/* What is known of the machine; the walk changes nothing of it. */
struct unwind_world {
	/* The word at `va`; false if it cannot be read. */
	bool (*read)(uint64_t va, uint64_t *out);
	/* The first byte of the function that code at `address` is in; 0 if unknown. */
	uint64_t (*function_start)(uint64_t address);
	const struct unwind_stack {
		uint64_t bottom, top;
	} *stacks;
	size_t stack_count;
	uint64_t text_start, text_end;
	/* Where vectors.S goes on after a handler: a trap frame lies above the return address. */
	uint64_t trap_return;
};

enum unwind_end {
	UNWIND_WHOLE,		/* the entry code's mark was reached */
	UNWIND_NO_STACK,	/* a frame pointer is in no stack, or not aligned */
	UNWIND_NOT_RISING,	/* a frame pointer leads back down */
	UNWIND_UNREADABLE,
	UNWIND_NO_CODE,		/* a return address is outside the kernel's text */
	UNWIND_TOO_LONG,
};

struct unwind_frame {
	uint64_t address;
	bool exact;		/* where an instruction stood; else where a call returns to */
	bool trapped;		/* `vector` came there, and its handler called what was before */
	uint64_t vector;
};

struct unwind {
	const struct unwind_world *world;
	uint64_t fp;
	const struct unwind_stack *stack;	/* of the last frame; NULL: none yet */
	uint64_t floor;				/* next one on that stack: not below */
	unsigned count;
	struct unwind_frame waiting[2];		/* of a trap: where, and its caller */
	unsigned waiting_first, waiting_count;
	enum unwind_end end;			/* once unwind_next() said false: why */
};

/* Begins where frame pointer `fp` belongs to a running function, with its caller. */
void unwind_begin(struct unwind *u, const struct unwind_world *world, uint64_t fp);

/* Begins with the instruction that the trap happened at. */
void unwind_begin_at(struct unwind *u, const struct unwind_world *world,
		     const struct trap_frame *f);

/* The next frame, or false at the end. */
bool unwind_next(struct unwind *u, struct unwind_frame *out);

/* In words why the walk is over: "frame pointer 0x8 is in no stack"; "" where it was whole. */
void unwind_describe_end(const struct unwind *u, char *buf, size_t size);
