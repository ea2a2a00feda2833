// SPDX-License-Identifier: MIT
/* Every fuzz target, with what is kept for it and with cut and random bytes. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/fuzz.h"
#include "kernel/hex_file.h"
#include "kernel/ktest.h"
#include "kernel/log.h"

enum { PATH_LEN = 512 };

void __sanitizer_set_death_callback(void (*callback)(void));

static char running[2 * PATH_LEN];

static void say_which(void)
{
	printf("# it was %s\n", running);
	fflush(stdout);
}

/* The folder of its corpus. */
static void folder_of(const struct fuzz_target *target, char *out)
{
	const char *slash = strrchr(target->source, '/');

	snprintf(out, PATH_LEN, "%.*s/corpus/%s", (int)(slash - target->source), target->source,
		 target->name);
}

/* Runs it with the first `size` of these bytes, in a block of just that size. */
static void run_with(const struct fuzz_target *target, const uint8_t *bytes, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);

	if (size)
		memcpy(data, bytes, size);
	target->run(data, size);
	free(data);
}

/* As it stands, and cut at every length of the first and the last bytes. */
static void run_file(const struct fuzz_target *target, const uint8_t *bytes, size_t size)
{
	enum { CUTS = 160 };

	target->run(bytes, size);
	for (size_t cut = 0; cut < size; cut++) {
		if (cut < CUTS || cut + CUTS > size)
			run_with(target, bytes, cut);
	}
}

static unsigned run_folder(struct ktest_run *t, const struct fuzz_target *target)
{
	char folder[PATH_LEN];
	unsigned count = 0;
	struct dirent *d;
	DIR *dir;

	folder_of(target, folder);
	dir = opendir(folder);
	while (dir && (d = readdir(dir))) {
		uint8_t *bytes;
		size_t size;

		if (d->d_name[0] == '.')
			continue;
		snprintf(running, sizeof(running), "%s/%.200s", folder, d->d_name);
		bytes = hex_file_read(running, FUZZ_SIZE_MAX, &size);
		if (expect(t, bytes != NULL))
			run_file(target, bytes, size);
		free(bytes);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

KTEST(fuzz_corpora_break_nothing)
{
	const struct fuzz_target *const *target;

	__sanitizer_set_death_callback(say_which);
	table_for_each(fuzz_targets, target) {
		unsigned count = run_folder(t, *target);

		if (!expect(t, count > 0))
			print("# %s has no corpus\n", (*target)->name);
	}
	__sanitizer_set_death_callback(NULL);
}

KTEST(fuzz_targets_take_random_bytes)
{
	enum { SIZE = 256 };
	const struct fuzz_target *const *target;
	uint8_t bytes[SIZE];

	__sanitizer_set_death_callback(say_which);
	table_for_each(fuzz_targets, target) {
		snprintf(running, sizeof(running), "%s", (*target)->name);
		for (uint64_t n = ktest_operations() / 5000; n; n--) {
			for (size_t i = 0; i < SIZE; i++)
				bytes[i] = (uint8_t)ktest_random(t);
			run_with(*target, bytes, ktest_random_below(t, SIZE + 1));
		}
	}
	__sanitizer_set_death_callback(NULL);
}
