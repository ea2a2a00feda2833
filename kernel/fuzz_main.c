// SPDX-License-Identifier: MIT
/*
 * The program of `make fuzz`: all targets, one of which FUZZ_TARGET in the
 * environment chooses; without it, or for one that does not exist, the list of
 * them: name and source a line.
 */
#include "kernel/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc __unused, char ***argv __unused)
{
	const char *wanted = getenv("FUZZ_TARGET");
	const struct fuzz_target *const *t;

	table_for_each(fuzz_targets, t) {
		if (wanted && strcmp((*t)->name, wanted) == 0)
			target = *t;
	}
	if (target)
		return 0;
	table_for_each(fuzz_targets, t)
		printf("%s %s\n", (*t)->name, (*t)->source);
	exit(wanted ? EXIT_FAILURE : EXIT_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	target->run(data, size);
	return 0;
}
