// SPDX-License-Identifier: MIT
/*
 * The shell: bytes of all consoles go to one editor (kernel/edit.h), whose
 * echo goes to all of them. A line that is done is kept in the log ring; the
 * keys that made it are not.
 *
 * While a command runs only shell_interrupted() reads the consoles. It takes
 * out Ctrl-C and keeps the rest for the prompt, as long as there is room; what
 * does not fit stays with the console, which holds up the other end if it can.
 */
#include "kernel/shell.h"

#include "kernel/complete.h"
#include "kernel/console.h"
#include "kernel/edit.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell_words.h"

enum { TYPED_MAX = 1024, CTRL_C = 3, COLUMNS = 72 };

static const char prompt[] = "cairn> ";

static char history[CONFIG_SHELL_HISTORY][EDIT_LINE_MAX];

/* Input that came while a command ran; the indices run on, and wrap. */
static struct {
	uint8_t bytes[TYPED_MAX];
	unsigned head, tail;
} typed;

static struct {
	const struct shell_command *command;	/* NULL: none runs */
	bool interrupted;
} running;

static bool has_reader(void)
{
	for (struct console *c = console_first(); c; c = c->next) {
		if (c->read)
			return true;
	}
	return false;
}

/* The next byte of any console, or -EAGAIN. */
static int console_byte(void)
{
	for (struct console *c = console_first(); c; c = c->next) {
		int byte = c->read ? c->read(c) : -EAGAIN;

		if (byte >= 0) {
			c->terminal = true;
			return byte;
		}
	}
	return -EAGAIN;
}

/* The next byte that was typed; until there is one, the loop runs and halts. */
static uint8_t read_byte(struct edit *e)
{
	int byte;

	if (typed.tail != typed.head)
		return typed.bytes[typed.tail++ % TYPED_MAX];
	while ((byte = console_byte()) < 0) {
		uint64_t before = log_position();

		loop_wait();
		if (log_position() != before)
			edit_redraw(e);		/* what was logged stands over the line */
	}
	return (uint8_t)byte;
}

bool shell_interrupted(void)
{
	int byte;

	if (!running.command || running.interrupted)
		return running.interrupted;
	loop_turn();
	while (typed.head - typed.tail < TYPED_MAX && (byte = console_byte()) >= 0) {
		if (byte == CTRL_C)
			running.interrupted = true;
		else
			typed.bytes[typed.head++ % TYPED_MAX] = (uint8_t)byte;
	}
	return running.interrupted;
}

int shell_wrong(const char *word, const char *why)
{
	print("%s: %s: %s\n", running.command ? running.command->name : "shell", word, why);
	return -EINVAL;
}

static void show_wrong(const struct shell_command *c, int argc, char **argv)
{
	if (argc == 1) {
		print("%s: something is missing\n", c->name);
	} else if (!*c->usage) {
		print("%s: takes no arguments\n", c->name);
	} else {
		print("%s: not understood:", c->name);
		for (int i = 1; i < argc; i++)
			print(" %s", argv[i]);
		print("\n");
	}
}

/* A command that printed something has said itself what is wrong. */
static void run_command(const struct shell_command *c, int argc, char **argv)
{
	uint64_t before = log_position();
	int rc;

	running.interrupted = false;
	running.command = c;
	rc = c->run(argc, argv);
	running.command = NULL;
	if (rc == -EINTR)
		print("%s: stopped\n", c->name);
	if (rc != -EINVAL)
		return;
	if (log_position() == before)
		show_wrong(c, argc, argv);
	shell_usage(c);
}

static void run_line(const char *text)
{
	static char line[EDIT_LINE_MAX];
	char *argv[SHELL_ARGS_MAX];
	const struct shell_command *command;
	int argc;

	str_copy(line, sizeof(line), text);
	argc = shell_split(line, argv);
	if (argc == 0)
		return;
	if (argc > SHELL_ARGS_MAX) {
		print("%s: more than %d words\n", argv[0], SHELL_ARGS_MAX);
		return;
	}
	command = shell_find(argv[0]);
	if (!command)
		print("%s: unknown command; try 'help'\n", argv[0]);
	else
		run_command(command, argc, argv);
}

static void keep_line(const char *line)
{
	log_keep(prompt, sizeof(prompt) - 1);
	log_keep(line, strlen(line));
	log_keep("\n", 1);
}

static void echo(void *context __unused, const char *text, size_t len)
{
	console_echo(text, len);
}

static void list_word(const char *word)
{
	console_echo(word, strlen(word));
	console_echo("  ", 2);
}

/* Adds what is sure; where that is nothing, shows what there is. */
static void complete(struct edit *e)
{
	struct completion c = { 0 };
	char word[EDIT_LINE_MAX];

	shell_complete(e->line, e->at, word, &c);
	if (completion_added(&c) > 0) {
		edit_insert(e, c.common + c.len, completion_added(&c));
	} else if (c.count > 1) {
		struct completion list = { .list = list_word };

		console_echo("\n", 1);
		shell_complete(e->line, e->at, word, &list);
		console_echo("\n", 1);
		edit_redraw(e);
	}
	if (completion_is_done(&c) && e->line[e->at] != ' ')
		edit_insert(e, " ", 1);
}

static void take(struct edit *e, enum edit_event event)
{
	if (event == EDIT_MORE)
		return;
	if (event == EDIT_COMPLETE) {
		complete(e);
		return;
	}
	if (event == EDIT_ENTER) {
		keep_line(edit_line(e));
		run_line(edit_line(e));
	} else if (event == EDIT_TOO_LONG) {
		print("line of more than %d characters ignored\n", EDIT_LINE_MAX - 1);
	}
	edit_begin(e);
}

void shell_run(void)
{
	static struct edit edit = {
		.write = echo, .prompt = prompt, .columns = COLUMNS,
		.history = { history, CONFIG_SHELL_HISTORY, 0 },
	};

	if (!has_reader()) {
		print("no console to read from; halted\n");
		return;
	}
	edit_begin(&edit);
	for (;;)
		take(&edit, edit_byte(&edit, read_byte(&edit)));
}
