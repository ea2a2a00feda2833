// SPDX-License-Identifier: MIT
/*
 * The log ring and the consoles. `head` counts bytes since entry; the ring
 * holds the last LOG_SIZE of them. Each console remembers how far it has been
 * sent, so that a byte goes to each console once, and a console that appears
 * later starts with the oldest byte still there, and is told how many were before.
 */
#include "kernel/log.h"

#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/loglevel.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

LOG_DEFINE();

enum { LOG_SIZE = CONFIG_LOG_BUFFER_KB * 1024, LINE_MAX = 512 };

static __noload char ring[LOG_SIZE];
static uint64_t head;
static uint64_t mark;			/* where a panic began */
static struct console *consoles;
static bool early_done;
static bool connected;
static bool in_panic;
static unsigned complaints;

static uint64_t oldest(void)
{
	return head > LOG_SIZE ? head - LOG_SIZE : 0;
}

/* What format_va() would have written is `want` long; what is there is cut. */
static size_t stored_len(int want, size_t size)
{
	return want < 0 ? 0 : min((size_t)want, size - 1);
}

static void give(struct console *c, const char *text, size_t len)
{
	c->writing = true;
	c->write(c, text, len);
	c->writing = false;
}

/* Sends [from, head) to one console, in one piece or two. */
static void send(struct console *c, uint64_t from)
{
	uint64_t end = head;

	while (from < end) {
		size_t at = from % LOG_SIZE;
		size_t n = min((uint64_t)(LOG_SIZE - at), end - from);

		give(c, ring + at, n);
		from += n;
	}
}

/*
 * What a console has to say itself, while it writes, others are sent at once,
 * and it is once it is done; should it go on so, with the next line.
 */
static void flush_one(struct console *c)
{
	for (unsigned turn = 0; turn < 2 && c->sent < head; turn++) {
		uint64_t from = max(c->sent, oldest());

		c->sent = head;
		send(c, from);
	}
}

static void flush(void)
{
	for (struct console *c = consoles; c; c = c->next) {
		if (!c->writing)
			flush_one(c);
	}
}

/* What the ring no longer has is not left out in silence. */
static void tell_lost(struct console *c)
{
	char text[64];

	if (oldest() == 0)
		return;
	give(c, text, stored_len(format(text, sizeof(text),
					"[%llu bytes of the log before this are gone]\n",
					(unsigned long long)oldest()), sizeof(text)));
}

static void append(const char *text, size_t len)
{
	size_t at = head % LOG_SIZE;
	size_t first = min(len, (size_t)LOG_SIZE - at);

	memcpy(ring + at, text, first);
	memcpy(ring, text + first, len - first);
	head += len;
}

void console_register(struct console *c)
{
	c->sent = 0;
	c->next = consoles;
	consoles = c;
	tell_lost(c);
	flush();
	if (connected && c->connect)
		c->connect(c);
}

struct console *console_first(void)
{
	return consoles;
}

void console_early_init(void)
{
	const struct console_early *const *e;

	if (early_done)
		return;
	early_done = true;
	table_for_each(console_early, e)
		(*e)->init();
}

void console_connect(void)
{
	connected = true;
	for (struct console *c = consoles; c; c = c->next) {
		if (c->connect)
			c->connect(c);
	}
}

void console_replay(void)
{
	for (struct console *c = consoles; c; c = c->next) {
		tell_lost(c);
		send(c, oldest());
	}
}

void console_flush(void)
{
	static bool flushing;

	if (flushing)
		return;		/* a flush failed, and this is its panic that leaves */
	flushing = true;
	for (struct console *c = consoles; c; c = c->next) {
		if (c->flush)
			c->flush(c);
	}
	flushing = false;
}

void console_panic(void)
{
	in_panic = true;
	console_early_init();
}

bool console_in_panic(void)
{
	return in_panic;
}

/* Where the last `count` lines before `end` begin. */
static uint64_t last_lines(uint64_t end, unsigned count)
{
	uint64_t at = end;

	while (at > oldest()) {
		if (ring[(at - 1) % LOG_SIZE] == '\n' && at != end && count-- <= 1)
			break;
		at--;
	}
	return at;
}

static void write_text(struct console *c, const char *text)
{
	give(c, text, strlen(text));
}

static void repeat(struct console *c, uint64_t from, uint64_t end)
{
	write_text(c, "log before the panic, again:\n");
	while (from < end) {
		uint64_t stop = from;

		while (stop < end && ring[stop % LOG_SIZE] != '\n')
			stop++;
		write_text(c, "  | ");
		for (; from < stop; from++)
			give(c, &ring[from % LOG_SIZE], 1);
		write_text(c, "\n");
		from++;
	}
}

void console_mark_log(void)
{
	mark = head;
	for (struct console *c = consoles; c; c = c->next)
		c->interrupted = c->writing;
}

void console_repeat_log(unsigned count)
{
	uint64_t from = last_lines(mark, count);

	for (struct console *c = consoles; c; c = c->next) {
		if (c->scrolls && !c->writing && from < mark)
			repeat(c, from, mark);
	}
}

void console_tell_interrupted(unsigned count)
{
	uint64_t from = last_lines(mark, count);

	for (struct console *c = consoles; c; c = c->next) {
		if (!c->interrupted)
			continue;
		c->interrupted = c->writing = false;
		if (from < mark)
			repeat(c, from, mark);
		flush_one(c);
	}
}

void console_echo(const char *text, size_t len)
{
	for (struct console *c = consoles; c; c = c->next) {
		if (!c->writing)
			give(c, text, len);
	}
}

bool console_echo_terminals(const char *text, size_t len)
{
	bool any = false;

	for (struct console *c = consoles; c; c = c->next) {
		if (!c->terminal)
			continue;
		any = true;
		if (len > 0 && !c->writing)
			give(c, text, len);
	}
	return any;
}

void log_keep(const char *text, size_t len)
{
	flush();
	append(text, len);
	for (struct console *c = consoles; c; c = c->next)
		c->sent = head;
}

uint64_t log_position(void)
{
	return head;
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = { "none", "error", "warning", "info", "debug" };

	return level < ARRAY_SIZE(names) ? names[level] : "?";
}

void log_line(enum log_level level, const char *subsys, const char *fmt, ...)
{
	char line[LINE_MAX];
	size_t len;
	va_list args;

	len = stored_len(format(line, sizeof(line) - 1, "%s%s%s: ",
				level <= LOG_WARN ? log_level_name(level) : "",
				level <= LOG_WARN ? ": " : "", subsys), sizeof(line) - 1);
	va_start(args, fmt);
	len += stored_len(format_va(line + len, sizeof(line) - 1 - len, fmt, args),
			  sizeof(line) - 1 - len);
	va_end(args);
	line[len++] = '\n';
	append(line, len);
	flush();
	complaints += level <= LOG_WARN;
}

unsigned log_complaints(void)
{
	return complaints;
}

void print(const char *fmt, ...)
{
	char text[LINE_MAX];
	va_list args;
	int want;

	va_start(args, fmt);
	want = format_va(text, sizeof(text), fmt, args);
	va_end(args);
	append(text, stored_len(want, sizeof(text)));
	if (want >= LINE_MAX)
		append("...\n", 4);
	flush();
}

/* "error", "warning", ... or a digit. */
static int parse_level(const char *text, size_t len, uint8_t *level)
{
	for (enum log_level l = LOG_NONE; l <= LOG_DEBUG; l++) {
		const char *name = log_level_name(l);

		if ((len == strlen(name) && strncmp(text, name, len) == 0) ||
		    (len == 1 && text[0] == '0' + (char)l)) {
			*level = l;
			return 0;
		}
	}
	return -EINVAL;
}

/* Sets one subsystem, or all if `name_len` is 0. */
static int set_level(const char *name, size_t name_len, uint8_t level)
{
	const struct log_subsys *const *s;
	bool found = false;

	table_for_each(log_subsystems, s) {
		if (name_len > 0 && (strlen((*s)->name) != name_len ||
				     strncmp((*s)->name, name, name_len) != 0))
			continue;
		found = true;
		*(*s)->level = min(level, (*s)->ceiling);
		if (name_len > 0 && level > (*s)->ceiling)
			log_warn("loglevel: %s is built without levels above %s", (*s)->name,
				 log_level_name((*s)->ceiling));
	}
	return found ? 0 : -EINVAL;
}

int loglevel_parse(const char *value)
{
	int result = *value ? 0 : -EINVAL;

	while (*value) {
		const char *end = strchr(value, ',');
		size_t len = end ? (size_t)(end - value) : strlen(value);
		const char *colon = value;
		uint8_t level = 0;
		size_t name_len;

		while (colon < value + len && *colon != ':')
			colon++;
		name_len = colon < value + len ? (size_t)(colon - value) : 0;
		if (name_len > 0)
			colon++;
		else
			colon = value;
		if (parse_level(colon, value + len - colon, &level) ||
		    set_level(value, name_len, level))
			result = -EINVAL;
		value += len + (end ? 1 : 0);
	}
	return result;
}

CMDLINE_PARAM(loglevel, "loglevel", loglevel_parse);
