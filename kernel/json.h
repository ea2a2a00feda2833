/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON (RFC 8259) piece by piece, through print(). Commas and
 * escapes are the writer's; a key is given for the members of an object and
 * NULL for the elements of an array. Addresses are strings, "0xfeb00000",
 * as not every reader's numbers have 64 bits; use json_hex().
 *
 *	struct json j = { 0 };
 *
 *	json_object(&j, NULL);
 *	json_number(&j, "bytes", n);
 *	json_end(&j);
 *	whole = json_finish(&j);
 *
 * A caller's mistake never spoils the text: what is nested too deeply becomes
 * null, an end too many writes nothing, what is left open is closed, a member
 * without a key gets an empty one. json_finish() says that there was one.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	JSON_DEPTH_MAX = 32,
	JSON_CHUNK = 256,		/* bytes written at once */
};

struct json {
	/* The owner sets: where the text goes, not terminated; NULL: print(). */
	void (*write)(struct json *j, const char *text, size_t len);

	/* json.c's */
	unsigned depth;
	unsigned skipped;		/* how many too deep brackets are open */
	bool broken;			/* a mistake of the caller's */
	const char *key;		/* json_key()'s */
	uint64_t arrays;		/* bit per depth: which bracket ends it */
	uint64_t filled;		/* bit per depth: a comma is due */
	size_t held;			/* bytes of chunk[] not yet written */
	char chunk[JSON_CHUNK];
};

/*
 * The key of the value that comes next, whose writer gives NULL: for a caller
 * that knows the key and a writer that knows the value.
 */
void json_key(struct json *j, const char *key);

/* Opens an object or an array; json_end() closes the one opened last. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j);

void json_string(struct json *j, const char *key, const char *value);	/* NULL: null */
void json_number(struct json *j, const char *key, uint64_t value);
void json_hex(struct json *j, const char *key, uint64_t value);		/* "0x..." */
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* A string, formatted; cut at 255 characters. */
void json_format(struct json *j, const char *key, const char *fmt, ...) __printf(3, 4);

/*
 * Closes what is still open and writes what is held back. True if the caller
 * made no mistake: one value, every bracket ended once, not too deep.
 */
bool __must_check json_finish(struct json *j);
