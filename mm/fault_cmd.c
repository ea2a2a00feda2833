// SPDX-License-Identifier: MIT
/* fail= on the command line, and the command `fail`. */
#include "mm/fault.h"

#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/run.h"
#include "kernel/shell.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

/* What is asked for and cannot be had fails a run that leaves the machine by itself. */
static int param_parse(const char *value)
{
	const char *problem;
	struct fault_plan plan;
	int rc = fault_plan_parse(value, &plan, &problem);

	if (rc)
		log_err("fail=%.64s: %s", value, problem);
	else if (plan.mode == FAULT_BOOT)
		rc = fault_boot_begin(&plan);
	else
		fault_set(&plan);
	run_options.refused |= rc != 0;
	return rc;
}

CMDLINE_PARAM(fail, "fail", param_parse);

static void show(void)
{
	static const char *const modes[] = {
		[FAULT_OFF] = "off", [FAULT_COUNT] = "count", [FAULT_NTH] = "number",
		[FAULT_BOOT] = "boot", [FAULT_TESTS] = "tests",
	};
	const struct fault_plan *plan = fault_get();
	const struct fault_record *record = fault_seen();
	struct fault_live live = fault_live();

	if (plan->mode == FAULT_NTH)
		print("fail    number %llu", (unsigned long long)plan->nth);
	else
		print("fail    %s", modes[plan->mode]);
	print("%s", plan->onwards ? " and all after it" : "");
	if (plan->mode != FAULT_OFF)
		print(" of %s for %s, %llu asked for", fault_kind_name(plan->kinds), plan->glob,
		      (unsigned long long)record->seen);
	print("\n");
	if (record->kind)
		print("refused %s for %s\n", fault_kind_name(record->kind), record->caller);
	print("live    %lld blocks of the heap, %lld pages, %lld mappings\n",
	      (long long)live.blocks, (long long)live.pages, (long long)live.mappings);
}

static int fail_run(int argc, char **argv)
{
	const char *problem;
	struct fault_plan plan;

	if (argc > 2)
		return -EINVAL;
	if (argc == 2) {
		if (fault_plan_parse(argv[1], &plan, &problem)) {
			print("fail: %s\n", problem);
			return -EINVAL;
		}
		if (plan.mode == FAULT_BOOT) {
			print("fail: boot is for the command line\n");
			return -ENOTSUP;
		}
		fault_set(&plan);
	}
	show();
	return 0;
}

SHELL_COMMAND(fail, "[PLAN]", "let an allocation fail: off, or N|count|tests[:heap|pages][:GLOB]",
	      fail_run);
