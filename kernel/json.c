// SPDX-License-Identifier: MIT
/*
 * The text is held back in a chunk and written when that is full or a line
 * ends, as each call of print() costs far more than a byte of it.
 */
#include "kernel/json.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

static_assert(JSON_DEPTH_MAX < 64, "bits of arrays and filled");

static void flush(struct json *j)
{
	if (j->held == 0)
		return;
	if (j->write)
		j->write(j, j->chunk, j->held);
	else
		print("%.*s", (int)j->held, j->chunk);
	j->held = 0;
}

static void put_char(struct json *j, char c)
{
	if (j->held == sizeof(j->chunk))
		flush(j);
	j->chunk[j->held++] = c;
}

static void put_text(struct json *j, const char *text)
{
	while (*text)
		put_char(j, *text++);
}

static void put_line_end(struct json *j)
{
	put_char(j, '\n');
	flush(j);
}

static void put_escaped(struct json *j, unsigned char c)
{
	char escaped[8];

	format(escaped, sizeof(escaped), "\\u%04x", c);
	put_text(j, escaped);
}

/* Bytes beyond ASCII are taken as Latin-1: whatever firmware wrote, the text stays valid. */
static void put_quoted(struct json *j, const char *text)
{
	put_char(j, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			put_char(j, *text);
		else
			put_escaped(j, c);
	}
	put_char(j, '"');
}

static bool in_array(const struct json *j)
{
	return j->arrays & BIT(j->depth);
}

/*
 * The comma that is due, and the key. False where no value may stand: behind
 * the one value that a text has, or within what is nested too deeply.
 */
static bool begin(struct json *j, const char *key)
{
	if (j->skipped > 0)
		return false;
	if (j->depth == 0 && (j->filled & BIT(0))) {
		j->broken = true;
		return false;
	}
	if (j->filled & BIT(j->depth))
		put_char(j, ',');
	j->filled |= BIT(j->depth);
	if (j->depth == 1)		/* a line for each member of the whole */
		put_line_end(j);
	if (!key)
		key = j->key;
	j->key = NULL;
	if (j->depth == 0 || in_array(j)) {
		j->broken |= key != NULL;
		return true;
	}
	j->broken |= key == NULL;
	put_quoted(j, key ? key : "");
	put_char(j, ':');
	return true;
}

void json_key(struct json *j, const char *key)
{
	j->key = key;
}

static void open(struct json *j, const char *key, bool array)
{
	bool stands = begin(j, key);

	if (!stands || j->depth == JSON_DEPTH_MAX) {
		j->broken = true;
		j->skipped++;
		if (stands)
			put_text(j, "null");
		return;
	}
	j->depth++;
	j->filled &= ~BIT(j->depth);
	j->arrays = array ? j->arrays | BIT(j->depth) : j->arrays & ~BIT(j->depth);
	put_char(j, array ? '[' : '{');
}

void json_object(struct json *j, const char *key)
{
	open(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open(j, key, true);
}

void json_end(struct json *j)
{
	if (j->skipped > 0) {
		j->skipped--;
		return;
	}
	if (j->depth == 0) {
		j->broken = true;
		return;
	}
	put_char(j, in_array(j) ? ']' : '}');
	j->depth--;
	if (j->depth == 0)
		put_line_end(j);
}

/* A value that is text as it stands. */
static void put_value(struct json *j, const char *key, const char *text)
{
	if (begin(j, key))
		put_text(j, text);
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (!value)
		put_value(j, key, "null");
	else if (begin(j, key))
		put_quoted(j, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	char text[24];

	format(text, sizeof(text), "%llu", (unsigned long long)value);
	put_value(j, key, text);
}

void json_hex(struct json *j, const char *key, uint64_t value)
{
	json_format(j, key, "0x%llx", (unsigned long long)value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put_value(j, key, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	put_value(j, key, "null");
}

void json_format(struct json *j, const char *key, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	json_string(j, key, text);
}

bool json_finish(struct json *j)
{
	j->broken |= j->depth > 0 || j->skipped > 0;
	j->skipped = 0;
	while (j->depth > 0)
		json_end(j);
	flush(j);
	return !j->broken;
}
