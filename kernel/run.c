// SPDX-License-Identifier: MIT
#include "kernel/run.h"

#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

struct run_options run_options = {
	.seed = 1,
	.operations = 10000,
};

int run_parse_glob(const char *value, char *out)
{
	const char *glob = *value ? value : "*";

	if (strlen(glob) >= RUN_GLOB_MAX) {
		run_options.refused = true;
		return -EINVAL;
	}
	str_copy(out, RUN_GLOB_MAX, glob);
	return 0;
}

static int parse_number(const char *value, uint64_t *out)
{
	const char *end;
	int error = parse_u64(value, &end, out);

	return error ? error : *end ? -EINVAL : 0;
}

static int parse_seed(const char *value)
{
	return parse_number(value, &run_options.seed);
}

static int parse_ops(const char *value)
{
	return parse_number(value, &run_options.operations);
}

static enum { BY_RUN, EXIT, HALT } at_panic;
static bool known;

static int parse_panic(const char *value)
{
	if (strcmp(value, "exit") && strcmp(value, "halt"))
		return -EINVAL;
	at_panic = strcmp(value, "exit") ? HALT : EXIT;
	return 0;
}

void run_options_known(void)
{
	known = true;
}

bool run_is_watched(void)
{
	if (at_panic != BY_RUN)
		return at_panic == HALT;
	return known && !run_options.test[0] && !run_options.bench[0] && !run_options.refused;
}

CMDLINE_PARAM(panic, "panic", parse_panic);
CMDLINE_PARAM(seed, "seed", parse_seed);
CMDLINE_PARAM(ops, "ops", parse_ops);
