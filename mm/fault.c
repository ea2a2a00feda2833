// SPDX-License-Identifier: MIT
/* The plan, what it refuses, and what it counted. Runs on the host too. */
#include "mm/fault.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/mix.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "mm/kmalloc.h"


static struct fault_plan plan;
static uint64_t armed;			/* 0: none is refused */
static struct fault_record record;
static struct fault_live live;

const char *fault_kind_name(unsigned kinds)
{
	return kinds == FAULT_HEAP ? "heap" : kinds == FAULT_PAGES ? "pages" : "heap or pages";
}

bool fault_refuses(enum fault_kind kind, const char *caller)
{
	if (!(plan.kinds & kind) || !glob_match(plan.glob, caller))
		return false;
	record.seen++;
	if (armed == 0 || record.seen < armed || (record.seen > armed && !plan.onwards))
		return false;
	if (record.seen > armed)
		return true;
	record.kind = kind;
	record.caller = caller;
	record.complaints = log_complaints();
	if (plan.mode != FAULT_TESTS)
		print("fail: allocation %llu refused: %s for %s\n",
		      (unsigned long long)record.seen, fault_kind_name(kind), caller);
	return true;
}

void fault_note(enum fault_kind kind, int64_t n)
{
	if (kind == FAULT_HEAP)
		live.blocks += n;
	else if (kind == FAULT_PAGES)
		live.pages += n;
	else
		live.mappings += n;
}

void fault_set(const struct fault_plan *new_plan)
{
	plan = *new_plan;
	if (plan.mode == FAULT_OFF)
		plan.kinds = 0;
	fault_arm(plan.mode == FAULT_NTH ? plan.nth : 0);
}

const struct fault_plan *fault_get(void)
{
	return &plan;
}

void fault_arm(uint64_t nth)
{
	armed = nth;
	record = (struct fault_record){ 0 };
}

const struct fault_record *fault_seen(void)
{
	return &record;
}

struct fault_live fault_live(void)
{
	return live;
}

bool fault_live_same(const struct fault_live *a, const struct fault_live *b)
{
	return a->blocks == b->blocks && a->pages == b->pages && a->mappings == b->mappings;
}

/* Whether `text` begins with this word, which ends at a colon, a plus or the end. */
static bool has_word(const char *text, const char *word)
{
	char after;

	if (!str_has_prefix(text, word))
		return false;
	after = text[strlen(word)];
	return after == '\0' || after == ':' || after == '+';
}

/* off, count, boot, tests or a number. Returns what follows, NULL with *problem set. */
static const char *parse_mode(const char *text, struct fault_plan *p, const char **problem)
{
	static const struct {
		const char *word;
		enum fault_mode mode;
	} modes[] = {
		{ "off", FAULT_OFF }, { "count", FAULT_COUNT }, { "boot", FAULT_BOOT },
		{ "tests", FAULT_TESTS },
	};
	const char *rest;
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (has_word(text, modes[i].word)) {
			p->mode = modes[i].mode;
			return text + strlen(modes[i].word);
		}
	}
	p->mode = FAULT_NTH;
	rc = parse_u64(text, &rest, &p->nth);
	if (rc == -ERANGE)
		*problem = "the number does not fit";
	else if (rc || (*rest && *rest != ':' && *rest != '+'))
		*problem = "off, count, boot, tests or a number is wanted first";
	else if (p->nth == 0)
		*problem = "allocations are counted from 1";
	return *problem ? NULL : rest;
}

/* [:heap|pages][:GLOB] */
static void parse_what(const char *text, struct fault_plan *p, const char **problem)
{
	static const enum fault_kind kinds[] = { FAULT_HEAP, FAULT_PAGES };

	p->kinds = FAULT_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && *text == ':'; i++) {
		const char *name = fault_kind_name(kinds[i]);

		if (has_word(text + 1, name) && text[1 + strlen(name)] != '+') {
			p->kinds = kinds[i];
			text += 1 + strlen(name);
			break;
		}
	}
	if (*text && *text != ':')
		*problem = "a colon is wanted between the parts";
	else if (*text && strlen(text + 1) >= FAULT_GLOB_MAX)
		*problem = "the pattern for callers is too long";
	else
		str_copy(p->glob, sizeof(p->glob), *text && text[1] ? text + 1 : "*");
}

int fault_plan_parse(const char *text, struct fault_plan *out, const char **problem)
{
	struct fault_plan p = { .mode = FAULT_OFF };
	const char *rest;

	*problem = NULL;
	rest = parse_mode(text, &p, problem);
	if (!rest)
		return -EINVAL;
	p.onwards = *rest == '+';
	rest += p.onwards;
	if (p.mode == FAULT_OFF && (p.onwards || *rest))
		*problem = "nothing may follow off";
	else if (p.mode == FAULT_COUNT && p.onwards)
		*problem = "count refuses nothing, so no plus";
	else
		parse_what(rest, &p, problem);
	if (*problem)
		return -EINVAL;
	*out = p;
	return 0;
}

uint64_t fault_boot_nth(uint64_t total, uint64_t tries, uint64_t index, uint64_t seed)
{
	uint64_t first = index * total / tries;
	uint64_t end = (index + 1) * total / tries;

	return first + mix64(seed ^ mix64(index)) % (end - first) + 1;
}

void fault_attempt_begin(struct fault_attempt *before)
{
	before->live = live;
	before->mark = kmalloc_mark();
}

static void print_keeper(void *context __unused, const char *caller, uint64_t blocks,
			 uint64_t bytes)
{
	print("#   %llu blocks, %llu bytes, for %s\n", (unsigned long long)blocks,
	      (unsigned long long)bytes, caller ? caller : "others");
}

bool fault_attempt_clean(const struct fault_attempt *before, const char *who)
{
	if (fault_live_same(&before->live, &live))
		return true;
	print("# %s kept %lld blocks of the heap, %lld pages and %lld mappings\n", who,
	      (long long)(live.blocks - before->live.blocks),
	      (long long)(live.pages - before->live.pages),
	      (long long)(live.mappings - before->live.mappings));
	if (IS_ENABLED(CONFIG_HEAP_CHECK_FULL) && live.blocks != before->live.blocks &&
	    kmalloc_diff(before->mark, print_keeper, NULL))
		print("#   for whom is not known\n");
	return false;
}

/* Tests: kernel/ktest.c runs those that may fail under this. */

static struct fault_attempt before_test;

static bool tests_wanted(void)
{
	return plan.mode == FAULT_TESTS;
}

static void test_begin(uint64_t nth)
{
	fault_attempt_begin(&before_test);
	fault_arm(nth);
}

static bool test_refused(void)
{
	return record.kind != 0;
}

static bool test_end(void)
{
	bool clean = fault_attempt_clean(&before_test, "the test");

	armed = 0;
	if (record.kind && !clean)
		print("# after %s for %s was refused\n", fault_kind_name(record.kind),
		      record.caller);
	return clean;
}

static const struct ktest_injector fault_injector = {
	.wanted = tests_wanted,
	.begin = test_begin,
	.refused = test_refused,
	.end = test_end,
};
TABLE_ADD(ktest_injectors, fault_injector);
