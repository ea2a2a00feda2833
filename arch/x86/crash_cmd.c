// SPDX-License-Identifier: MIT
/* The command `crash`: each way to die, to see that it is told in the right words. */
#include "arch/x86/exception.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "kernel/console.h"
#include "kernel/crash.h"
#include "kernel/irq.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/shell.h"

static uint8_t code_in_data[16] = { 0xc3 };	/* ret */

static void store(uintptr_t at)
{
	__asm__ volatile("movb $1, (%0)" : : "r"(at) : "memory");
}

static void load(uintptr_t at)
{
	uint8_t byte;

	__asm__ volatile("movb (%1), %0" : "=r"(byte) : "r"(at) : "memory");
}

/* A call that the compiler knows of, but not where to; and not as the last act, or it jumps. */
static void call(uintptr_t at)
{
	__asm__ volatile("" : "+r"(at));
	((void (*)(void))at)();
	__asm__ volatile("");
}

static void crash_null(void)
{
	store(8);
}

static void crash_text(void)
{
	store((uintptr_t)image_start);
}

static void crash_rodata(void)
{
	store((uintptr_t)rodata_start);
}

static void crash_init(void)
{
	store((uintptr_t)data_start);
}

static void crash_execute(void)
{
	call((uintptr_t)code_in_data);
}

static void crash_execute_stack(void)
{
	uint8_t code[] = { 0xc3 };

	call((uintptr_t)code);
}

static void crash_call(void)
{
	call(0);
}

static void crash_divide(void)
{
	__asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0));
}

static void crash_opcode(void)
{
	__asm__ volatile("ud2");
}

static void crash_protection(void)
{
	store(UINT64_C(0x800000000000));	/* not canonical */
}

/* Eats stack until the guard page ends it. */
static __noinline uint64_t eat_stack(uint64_t depth)
{
	volatile uint8_t frame[512];

	frame[depth % sizeof(frame)] = 1;
	return depth ? eat_stack(depth - 1) + frame[0] : 0;
}

static void crash_stack(void)
{
	eat_stack(CONFIG_STACK_SIZE_KB * 4);
}

static void crash_panic(void)
{
	panic("asked for by the shell");
}

static void crash_memory(void)
{
	panic_no_memory("the shell's sake");
}

/* What comes to a panic's end dies there once more. */
static void die_at_end(bool no_memory __unused)
{
	store(16);
}

static void crash_again(void)
{
	panic_set_end(die_at_end);
	panic("the first of two");
}

static void die_writing(struct console *c __unused, const char *text __unused,
			size_t len __unused)
{
	store(24);
}

/* A console that dies of what it is given, now and whenever it is tried again. */
static void crash_console(void)
{
	static struct console console = { .name = "deadly", .write = die_writing };

	console_register(&console);
}

static void die_writing_of_a_panic(struct console *c, const char *text, size_t len)
{
	static unsigned pieces;

	if (console_in_panic() && ++pieces > 4)
		die_writing(c, text, len);
}

/* One that dies in the middle of the backtrace, before the panic says which build it is of. */
static void crash_in_words(void)
{
	static struct console console = { .name = "deadly", .write = die_writing_of_a_panic };

	console_register(&console);
	panic("the first of two, cut short");
}

/*
 * The push has no stack to push to, nor has the page fault: a double fault. That
 * the frame is asked for makes the compiler have one by then.
 */
static void crash_stack_pointer(void)
{
	__asm__ volatile("movq %0, %%rsp; pushq %1"
			 : : "r"(UINT64_C(0x123456780)), "r"(__builtin_frame_address(0))
			 : "memory");
}

static bool die_in_handler(struct irq *irq __unused)
{
	panic("in the handler of an interrupt");
}

/* What the processor does for an interrupt (SDM vol. 3A, 6.14.2), which then finds its handler. */
static void enter_vector(unsigned vector)
{
	uintptr_t stub = (uintptr_t)vector_stubs + vector * VECTOR_STUB_SIZE;

	__asm__ volatile("movq	%%rsp, %%rax\n\t"
			 "pushq	$0\n\t"		/* ss */
			 "pushq	%%rax\n\t"
			 "pushfq\n\t"
			 "pushq	%0\n\t"
			 "leaq	1f(%%rip), %%rax\n\t"
			 "pushq	%%rax\n\t"
			 "jmp	*%1\n"
			 "1:"
			 : : "i"(SELECTOR_CODE), "r"(stub) : "rax", "memory");
}

static void crash_interrupt(void)
{
	static struct irq irq = { .name = "crash", .handle = die_in_handler };

	if (irq_connect_local(&irq)) {
		print("crash: no vector can be had\n");
		return;
	}
	enter_vector(irq.vector);
}

static const struct crash_kind kinds[] = {
	{ "null", crash_null },
	{ "text", crash_text },
	{ "rodata", crash_rodata },
	{ "init", crash_init },
	{ "data", crash_execute },
	{ "stack-code", crash_execute_stack },
	{ "call", crash_call },
	{ "divide", crash_divide },
	{ "opcode", crash_opcode },
	{ "protection", crash_protection },
	{ "stack", crash_stack },
	{ "stack-pointer", crash_stack_pointer },
	{ "panic", crash_panic },
	{ "memory", crash_memory },
	{ "again", crash_again },
	{ "console", crash_console },
	{ "words", crash_in_words },
	{ "interrupt", crash_interrupt },
};

static const struct {
	const char *name;
	void (*run)(uintptr_t at);
} accesses[] = {
	{ "read", load },
	{ "write", store },
	{ "execute", call },
};

/* `crash ACCESS ADDRESS` */
static int crash_at(const char *access, const char *address)
{
	const char *end;
	uint64_t at;

	if (parse_u64(address, &end, &at) || *end) {
		print("crash: %s: not an address\n", address);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		if (strcmp(access, accesses[i].name) == 0) {
			accesses[i].run(at);
			print("crash: %s of %s did not crash\n", access, address);
			return -EIO;
		}
	}
	return -EINVAL;
}

static const struct crash_kind *find_kind(const char *name)
{
	const struct crash_kind *const *more;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	}
	table_for_each(crash_kinds, more) {
		if (strcmp(name, (*more)->name) == 0)
			return *more;
	}
	return NULL;
}

static void list_kinds(void)
{
	const struct crash_kind *const *more;

	print("kinds:");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		print(" %s", kinds[i].name);
	table_for_each(crash_kinds, more)
		print(" %s", (*more)->name);
	print("; or read, write, execute with an address\n");
}

static int crash_run(int argc, char **argv)
{
	const struct crash_kind *kind = argc == 2 ? find_kind(argv[1]) : NULL;

	if (argc == 3)
		return crash_at(argv[1], argv[2]);
	if (!kind) {
		list_kinds();
		return -EINVAL;
	}
	kind->run();
	print("crash: %s did not crash\n", argv[1]);
	return -EIO;
}

SHELL_COMMAND(crash, "KIND | read|write|execute ADDRESS", "die in a chosen way", crash_run);
