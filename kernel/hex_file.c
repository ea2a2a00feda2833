// SPDX-License-Identifier: MIT
#include "kernel/hex_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/log.h"

/* The next character that counts, or EOF. */
static int next(FILE *f)
{
	int c = getc(f);

	for (;;) {
		if (c == '#') {
			while (c != '\n' && c != EOF)
				c = getc(f);
		} else if (isspace(c)) {
			c = getc(f);
		} else {
			return c;
		}
	}
}

static int digit(int c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* Reads all of it; false if it is not such a text, or too long. */
static bool read_bytes(FILE *f, uint8_t *out, size_t most, size_t *size)
{
	int high, low;

	for (*size = 0; (high = next(f)) != EOF; (*size)++) {
		low = getc(f);
		if (*size == most || digit(high) < 0 || digit(low) < 0)
			return false;
		out[*size] = (uint8_t)(digit(high) << 4 | digit(low));
	}
	return *size > 0;
}

uint8_t *hex_file_read(const char *path, size_t most, size_t *size)
{
	FILE *f = fopen(path, "r");
	uint8_t *bytes = malloc(most), *fitted = NULL;

	if (f && bytes && read_bytes(f, bytes, most, size))
		fitted = realloc(bytes, *size);
	if (!fitted) {
		print("# %s: not bytes in hexadecimal, or too many\n", path);
		free(bytes);
	}
	if (f)
		fclose(f);
	return fitted;
}
