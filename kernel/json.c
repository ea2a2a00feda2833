// SPDX-License-Identifier: MIT
#include "kernel/json.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

static void put(struct json *j, const char *text, size_t len)
{
	if (j->write)
		j->write(j, text, len);
	else
		print("%.*s", (int)len, text);
}

static void put_text(struct json *j, const char *text)
{
	put(j, text, strlen(text));
}

static void put_quoted(struct json *j, const char *text)
{
	char escaped[8];

	put_text(j, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
			put(j, text, 1);
			continue;
		}
		format(escaped, sizeof(escaped), "\\u%04x", c);
		put_text(j, escaped);
	}
	put_text(j, "\"");
}

/* The comma that is due, and the key. */
static void begin(struct json *j, const char *key)
{
	if (j->filled & BIT(j->depth))
		put_text(j, ",");
	j->filled |= BIT(j->depth);
	if (j->depth == 1)		/* a line for each member of the whole */
		put_text(j, "\n");
	if (key) {
		put_quoted(j, key);
		put_text(j, ":");
	}
}

static void open(struct json *j, const char *key, bool array)
{
	begin(j, key);
	if (j->depth == JSON_DEPTH_MAX) {
		j->broken = true;
		return;
	}
	j->depth++;
	j->filled &= ~BIT(j->depth);
	j->arrays = array ? j->arrays | BIT(j->depth) : j->arrays & ~BIT(j->depth);
	put_text(j, array ? "[" : "{");
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
	if (j->depth == 0) {
		j->broken = true;
		return;
	}
	put_text(j, j->arrays & BIT(j->depth) ? "]" : "}");
	j->depth--;
	if (j->depth == 0)
		put_text(j, "\n");
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	if (value)
		put_quoted(j, value);
	else
		put_text(j, "null");
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	char text[24];

	begin(j, key);
	format(text, sizeof(text), "%llu", (unsigned long long)value);
	put_text(j, text);
}

void json_hex(struct json *j, const char *key, uint64_t value)
{
	json_format(j, key, "0x%llx", (unsigned long long)value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put_text(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	json_string(j, key, NULL);
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
