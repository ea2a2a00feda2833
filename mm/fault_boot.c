// SPDX-License-Identifier: MIT
/*
 * fail=boot: the machine boots again and again. The first boot counts the
 * allocations up to the end of device set-up; each later one is refused one
 * of them and must end in order: either boot goes on without what failed,
 * says so in an error, leaves nothing behind, and nothing is corrupt; or, for
 * what the kernel cannot do without, in panic_no_memory(). Between two boots
 * lies a warm reset. The report is KTAP, a result a boot, over all of them.
 *
 * What must outlive the reset lies in `saved`, outside of every segment of the
 * image, so that no loader clears it. A boot that never comes to its verdict
 * but ends in a reset is known by `running` in the next.
 */
#include "mm/fault.h"

#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/exit.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/mix.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "kernel/run.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

enum { TRIES_MAX = 500 };	/* beyond so many allocations a sample is tried */

static struct saved {
	uint64_t magic;
	struct fault_plan plan;
	bool running;			/* a boot began and has no verdict yet */
	uint64_t total;			/* allocations of a boot; 0: not counted yet */
	struct fault_live good;		/* at the end of the boot that counted */
	uint64_t tries, index, failed;
	uint64_t seed;
	uint64_t sum;			/* of all before it */
} saved __retained;

static unsigned leaks;		/* attempts that failed and kept something */

static const uint64_t magic = UINT64_C(0x6661696c626f6f74);	/* "failboot" */

static uint64_t sum_of_saved(void)
{
	const uint8_t *bytes = (const uint8_t *)&saved;
	uint64_t sum = 0;

	for (size_t i = 0; i < offsetof(struct saved, sum); i++)
		sum = mix64(sum + bytes[i] + 1);
	return sum;
}

static bool saved_is_of(const struct fault_plan *plan)
{
	return saved.magic == magic && saved.sum == sum_of_saved() &&
	       saved.plan.kinds == plan->kinds && saved.plan.onwards == plan->onwards &&
	       strcmp(saved.plan.glob, plan->glob) == 0;
}

static void save(void)
{
	saved.sum = sum_of_saved();
}

/* Whether the loader left the memory of `saved` alone. */
static bool saved_is_ours(void)
{
	paddr_t start = image_to_physical(&saved);
	paddr_t end = start + sizeof(saved);

	for (uint32_t i = 0; i < boot_info.range_count; i++) {
		if (boot_info.ranges[i].start < end && start < boot_info.ranges[i].end)
			return false;
	}
	for (uint32_t i = 0; i < boot_info.module_count; i++) {
		if (boot_info.modules[i].start < end && start < boot_info.modules[i].end)
			return false;
	}
	return regions_usable(&boot_info.map, start, sizeof(saved));
}

static uint64_t nth_now(void)
{
	return fault_boot_nth(saved.total, saved.tries, saved.index, saved.seed);
}

/* Ends the session. */
static void __attribute__((noreturn)) finish(void)
{
	print("# Totals: pass:%llu fail:%llu skip:0\n",
	      (unsigned long long)(saved.tries - saved.failed), (unsigned long long)saved.failed);
	saved.magic = 0;
	machine_exit(saved.failed == 0);
}

/* The verdict on one boot; `problem` is NULL if it was as it should be. */
static void verdict(const char *problem)
{
	if (problem) {
		saved.failed++;
		print("# %s\n", problem);
	}
	/* A serial line may lose its last byte in the reset: an empty line. */
	print("%s %llu boot-without-%llu\n\n", problem ? "not ok" : "ok",
	      (unsigned long long)saved.index + 1, (unsigned long long)nth_now());
	saved.index++;
	saved.running = false;
	save();
}

static void __attribute__((noreturn)) next(void)
{
	if (saved.index == saved.tries)
		finish();
	machine_restart();
}

/* In the place of leaving the machine, at the end of a panic. */
static void panicked(bool no_memory)
{
	if (fault_get()->mode != FAULT_BOOT)
		return;		/* another plan came later on the command line */
	if (saved.total == 0) {
		saved.magic = 0;
		return;
	}
	verdict(!no_memory ? "a panic, and not for want of memory" :
		!fault_seen()->kind ? "a panic before anything was refused" : NULL);
	next();
}

int fault_boot_begin(const struct fault_plan *plan)
{
	if (!saved_is_ours()) {
		log_err("fail=boot: the loader's data lies over the memory that outlives a reset");
		return -EBUSY;
	}
	if (!saved_is_of(plan)) {
		memset(&saved, 0, sizeof(saved));
		saved.magic = magic;
		saved.plan = *plan;
	} else if (saved.running && saved.total == 0) {
		log_err("fail=boot: the machine was reset before boot was over");
		saved.magic = 0;
		return -EBUSY;
	} else if (saved.running) {
		verdict("the machine was reset before boot was over");
		if (saved.index == saved.tries)
			finish();
	}
	saved.running = true;
	save();
	panic_set_end(panicked);
	fault_set(&saved.plan);
	if (saved.total)
		fault_arm(nth_now());
	return 0;
}

void fault_attempt_failed(const struct fault_attempt *before, const char *who)
{
	if (fault_attempt_clean(before, who))
		return;
	leaks++;
	log_err("%s failed and did not give back all that it took", who);
}

unsigned fault_leaks(void)
{
	return leaks;
}

static const char *check_memory(void)
{
	static char wrong[160];
	const char *problem = page_allocator_check(mm_pages());

	if (!problem && kmalloc_check(wrong, sizeof(wrong)) == -EFAULT)
		problem = wrong;
	return problem;
}

/* What is wrong with a boot that came to its end, or NULL. */
static const char *judge(void)
{
	const struct fault_record *record = fault_seen();
	struct fault_live live = fault_live();
	const char *problem = check_memory();

	if (problem)
		return problem;
	if (!record->kind)
		return "boot made fewer allocations than the time before";
	if (leaks)
		return "what failed kept memory";
	if (live.blocks > saved.good.blocks || live.pages > saved.good.pages ||
	    live.mappings > saved.good.mappings)
		return "more memory is in use than without a failure";
	if (log_complaints() == record->complaints && !fault_live_same(&live, &saved.good))
		return "something is missing, and neither error nor warning says so";
	return NULL;
}

static void counted(void)
{
	const char *problem = check_memory();

	if (problem || fault_seen()->seen == 0) {
		print("fail: %s\n", problem ? problem : "no allocation of boot matches");
		saved.magic = 0;
		machine_exit(false);
	}
	saved.total = fault_seen()->seen;
	saved.tries = min(saved.total, (uint64_t)TRIES_MAX);
	saved.good = fault_live();
	saved.seed = run_options.seed;
	saved.running = false;
	print("KTAP version 1\n# seed=%#llx, %llu allocations of boot\n1..%llu\n\n",
	      (unsigned long long)saved.seed, (unsigned long long)saved.total,
	      (unsigned long long)saved.tries);
	save();
}

void fault_boot_end(void)
{
	enum fault_mode mode = fault_get()->mode;

	if (mode == FAULT_COUNT)
		print("fail: %llu allocations at the end of boot\n",
		      (unsigned long long)fault_seen()->seen);
	if (mode == FAULT_NTH && !fault_seen()->kind)
		print("fail: none was refused by the end of boot: %llu allocations matched\n",
		      (unsigned long long)fault_seen()->seen);
	if (mode != FAULT_BOOT)
		return;
	if (saved.total == 0)
		counted();
	else
		verdict(judge());
	next();
}
