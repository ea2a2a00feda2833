// SPDX-License-Identifier: MIT
/* What is written is read back by a reader that knows only RFC 8259. */
#include "kernel/json.h"

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

enum { TEXT_MAX = 1 << 18, TREE_DEPTH = 6, TREE_WIDTH = 5 };

/* A writer into memory; `json` is its first member, so that write() finds it. */
struct sink {
	struct json json;
	size_t len;
	unsigned calls;
	char text[TEXT_MAX];
};

static struct sink sink;

static void sink_write(struct json *j, const char *text, size_t len)
{
	struct sink *s = (struct sink *)j;

	s->calls++;
	if (len < TEXT_MAX - s->len) {
		memcpy(s->text + s->len, text, len);
		s->len += len;
	}
	s->text[s->len] = '\0';
}

static struct json *sink_open(void)
{
	memset(&sink, 0, sizeof(sink));
	sink.json.write = sink_write;
	return &sink.json;
}

/* The reader: each function eats one production, and returns NULL where it is not there. */
static const char *read_value(const char *p, unsigned depth);

static const char *blanks(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	return p;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *read_escape(const char *p)
{
	if (*p != 'u')
		return *p && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
	for (unsigned i = 1; i <= 4; i++) {
		if (!is_hex(p[i]))
			return NULL;
	}
	return p + 5;
}

static const char *read_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	while (*p != '"') {
		if (*p < ' ' || *p == 0x7f)	/* ASCII alone, none of it control */
			return NULL;
		p = *p == '\\' ? read_escape(p + 1) : p + 1;
		if (!p)
			return NULL;
	}
	return p + 1;
}

static const char *read_number(const char *p)
{
	const char *first = p;

	while (*p >= '0' && *p <= '9')
		p++;
	return p == first || (*first == '0' && p > first + 1) ? NULL : p;
}

static const char *read_word(const char *p)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_has_prefix(p, words[i]))
			return p + strlen(words[i]);
	}
	return NULL;
}

static const char *read_member(const char *p, bool object, unsigned depth)
{
	p = blanks(p);
	if (object) {
		p = read_string(p);
		if (!p || *blanks(p) != ':')
			return NULL;
		p = blanks(p) + 1;
	}
	return read_value(p, depth + 1);
}

static const char *read_bracket(const char *p, unsigned depth)
{
	bool object = *p == '{';
	char end = object ? '}' : ']';

	if (depth > JSON_DEPTH_MAX)
		return NULL;
	p = blanks(p + 1);
	if (*p == end)
		return p + 1;
	for (;;) {
		p = read_member(p, object, depth);
		if (!p)
			return NULL;
		p = blanks(p);
		if (*p == end)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

static const char *read_value(const char *p, unsigned depth)
{
	p = blanks(p);
	if (*p == '{' || *p == '[')
		return read_bracket(p, depth);
	if (*p == '"')
		return read_string(p);
	return *p >= '0' && *p <= '9' ? read_number(p) : read_word(p);
}

/* True if the text is one value and nothing else. */
static bool valid(const char *text)
{
	const char *end = read_value(text, 0);

	return end && !*blanks(end);
}

KTEST(json_reader_of_these_tests_knows_bad_text)
{
	static const char *const bad[] = {
		"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "{1:2}", "[,1]",
		"{\"a\":1 \"b\":2}", "\"a", "\"\\x\"", "\"\\u12g4\"", "01", "nul", "1 2", "[1}",
		"\"\n\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect(t, !valid(bad[i]));
	expect(t, valid("{\"a\":[1,\"\\u00ff\",{}],\"b\":null}"));
}

KTEST(json_has_commas_between_and_only_between)
{
	struct json *j = sink_open();

	json_object(j, NULL);
	json_number(j, "a", 0);
	json_array(j, "b");
	json_end(j);
	json_array(j, "c");
	json_bool(j, NULL, true);
	json_null(j, NULL);
	json_object(j, NULL);
	json_end(j);
	json_hex(j, NULL, UINT64_MAX);
	json_end(j);
	json_number(j, "d", UINT64_MAX);
	json_string(j, "e", NULL);
	json_format(j, "f", "%s-%d", "x", -1);
	json_end(j);
	expect(t, json_finish(j));
	expect_str(t, sink.text, "{\n\"a\":0,\n\"b\":[],\n\"c\":[true,null,{},"
		   "\"0xffffffffffffffff\"],\n\"d\":18446744073709551615,\n\"e\":null,\n"
		   "\"f\":\"x--1\"}\n");
	expect(t, valid(sink.text));
}

KTEST(json_escapes_every_byte_that_needs_it)
{
	for (unsigned c = 1; c < 256; c++) {
		struct json *j = sink_open();
		const char text[] = { 'a', (char)c, 'b', '\0' };
		bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

		json_object(j, NULL);
		json_string(j, text, text);
		json_end(j);
		expect(t, json_finish(j));
		expect(t, valid(sink.text));
		expect_eq(t, strchr(sink.text, '\\') == NULL, plain);
		for (const char *p = sink.text; *p; p++)
			expect(t, *p > 0 && *p < 0x7f);
	}
}

KTEST(json_key_is_for_the_next_value_alone)
{
	struct json *j = sink_open();

	json_object(j, NULL);
	json_key(j, "a");
	json_array(j, NULL);
	json_number(j, NULL, 1);
	json_end(j);
	json_key(j, "unused");
	json_number(j, "b", 2);
	json_end(j);
	expect(t, json_finish(j));
	expect_str(t, sink.text, "{\n\"a\":[1],\n\"b\":2}\n");
}

KTEST(json_is_written_in_chunks_and_whole)
{
	static char text[5000];
	struct json *j = sink_open();

	memset(text, 'x', sizeof(text) - 1);
	json_array(j, NULL);
	json_string(j, NULL, text);
	json_end(j);
	expect(t, json_finish(j));
	expect(t, valid(sink.text));
	expect_eq(t, sink.len, sizeof(text) - 1 + sizeof("[\n\"\"]\n") - 1);
	expect(t, sink.calls <= sizeof(text) / JSON_CHUNK + 3);
}

KTEST(json_cuts_what_is_formatted_too_long)
{
	static char text[300];
	struct json *j = sink_open();

	memset(text, '"', sizeof(text) - 1);
	json_format(j, NULL, "%s", text);
	expect(t, json_finish(j));
	expect(t, valid(sink.text));
	expect_eq(t, sink.len, 255 * 6 + 2);
}

KTEST(json_too_deep_is_null_and_said_to_be)
{
	struct json *j = sink_open();

	for (unsigned i = 0; i < JSON_DEPTH_MAX + 3; i++)
		json_array(j, NULL);
	json_number(j, NULL, 12345);
	for (unsigned i = 0; i < JSON_DEPTH_MAX + 3; i++)
		json_end(j);
	expect(t, !json_finish(j));
	expect(t, valid(sink.text));
	expect(t, !strchr(sink.text, '5'));
	expect(t, strchr(sink.text, 'u') != NULL);
}

KTEST(json_mistakes_leave_valid_text)
{
	struct json *j = sink_open();

	json_object(j, NULL);
	json_number(j, NULL, 1);	/* no key */
	json_array(j, "a");
	json_number(j, "key", 2);	/* a key too many */
	expect(t, !json_finish(j));	/* two ends missing */
	expect_str(t, sink.text, "{\n\"\":1,\n\"a\":[2]}\n");

	j = sink_open();
	json_number(j, NULL, 1);
	json_end(j);			/* nothing is open */
	expect(t, !json_finish(j));
	expect_str(t, sink.text, "1");

	j = sink_open();
	json_number(j, NULL, 1);
	json_object(j, NULL);		/* a second value */
	json_number(j, "a", 3);
	json_end(j);
	expect(t, !json_finish(j));
	expect_str(t, sink.text, "1");
}

static void write_text(struct ktest_run *t, struct json *j, const char *key)
{
	char text[16];
	size_t len = ktest_random_below(t, sizeof(text));

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(1 + ktest_random_below(t, 255));
	text[len] = '\0';
	if (ktest_random_below(t, 2))
		json_string(j, key, text);
	else
		json_format(j, key, "%s", text);
}

static void write_tree(struct ktest_run *t, struct json *j, const char *key, unsigned depth)
{
	unsigned kind = (unsigned)ktest_random_below(t, depth < TREE_DEPTH ? 7 : 5);
	unsigned width = (unsigned)ktest_random_below(t, TREE_WIDTH);

	switch (kind) {
	case 0: json_number(j, key, ktest_random(t)); return;
	case 1: json_hex(j, key, ktest_random(t)); return;
	case 2: json_bool(j, key, width & 1); return;
	case 3: json_null(j, key); return;
	case 4: write_text(t, j, key); return;
	case 5: json_object(j, key); break;
	default: json_array(j, key); break;
	}
	for (unsigned i = 0; i < width; i++)
		write_tree(t, j, kind == 5 ? "k\"\\\n" : NULL, depth + 1);
	json_end(j);
}

KTEST(json_random_trees_are_read_back)
{
	for (uint64_t i = 0; i < ktest_operations() / 1000 + 10; i++) {
		struct json *j = sink_open();

		write_tree(t, j, NULL, 0);
		expect(t, json_finish(j));
		require(t, sink.len > 0 && sink.len < TEXT_MAX - JSON_CHUNK);
		require(t, valid(sink.text));
	}
}

/* Calls in any order whatever: the text is valid as soon as there is any. */
KTEST(json_random_calls_leave_valid_text)
{
	for (uint64_t i = 0; i < ktest_operations() / 1000 + 10; i++) {
		struct json *j = sink_open();
		unsigned calls = (unsigned)ktest_random_below(t, 200);

		for (unsigned n = 0; n < calls; n++) {
			const char *key = ktest_random_below(t, 2) ? "key" : NULL;

			switch (ktest_random_below(t, 6)) {
			case 0: json_object(j, key); break;
			case 1: json_array(j, key); break;
			case 2: json_end(j); break;
			case 3: json_number(j, key, n); break;
			case 4: write_text(t, j, key); break;
			default: json_array(j, key); break;
			}
		}
		(void)!json_finish(j);
		require(t, sink.len == 0 || valid(sink.text));
	}
}
