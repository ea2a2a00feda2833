// SPDX-License-Identifier: MIT
/*
 * Attempts that keep what they took; and the runner of tests that may fail,
 * tried on tests of its own: one in order, and on demand one for each thing
 * that it must call a failure.
 */
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "mm/fault.h"
#include "mm/kmalloc.h"

KTEST(fault_attempts_that_keep_something_are_told)
{
	struct fault_live live, was = fault_live();
	struct fault_attempt before;
	unsigned leaks = fault_leaks();
	unsigned complaints = log_complaints();

	fault_attempt_begin(&before);
	fault_note(FAULT_HEAP, 2);
	fault_note(FAULT_PAGES, 8);
	fault_note(FAULT_HEAP, -2);
	fault_note(FAULT_PAGES, -8);
	fault_attempt_failed(&before, "an honest driver");
	expect_eq(t, fault_leaks(), leaks);
	expect_eq(t, log_complaints(), complaints);
	print("# the errors below are meant\n");
	for (enum fault_kind kind = FAULT_HEAP; kind <= FAULT_MAPPING; kind <<= 1) {
		fault_note(kind, 1);
		fault_attempt_failed(&before, "a driver that forgets");
		fault_note(kind, -1);
		expect_eq(t, fault_leaks(), ++leaks);
		expect_eq(t, log_complaints(), ++complaints);
	}
	live = fault_live();
	expect(t, fault_live_same(&live, &was));
}

/* Two blocks and two pages; returns what it got, taken in order, given back in reverse. */
static int take_four(struct ktest_run *t)
{
	void *a, *b, *page;
	int rc = -ENOMEM;

	a = kmalloc(24);
	if (!expect_memory(t, a))
		return rc;
	page = page_alloc(1, PAGE_ANY);
	if (!expect_memory(t, page))
		goto free_a;
	b = krealloc(NULL, 100);
	if (!expect_memory(t, b))
		goto free_page;
	rc = 0;
	kfree(b);
free_page:
	page_free(page, 1);
free_a:
	kfree(a);
	return rc;
}

KTEST_MAY_FAIL(fault_each_allocation_of_a_test_is_refused_once)
{
	if (expect_done(t, take_four(t)))
		expect(t, !ktest_refused());
}

KTEST_MAY_FAIL(selftest_fault_forgets_a_block)
{
	void *a = kmalloc(16), *b;

	if (!expect_memory(t, a))
		return;
	b = kmalloc(16);
	if (!expect_memory(t, b))
		return;
	kfree(b);
	kfree(a);
}

KTEST_MAY_FAIL(selftest_fault_forgets_pages)
{
	void *page = page_alloc(2, PAGE_ANY), *b;

	if (!expect_memory(t, page))
		return;
	b = kmalloc(16);
	if (!expect_memory(t, b))
		return;
	kfree(b);
	page_free(page, 2);
}

KTEST_MAY_FAIL(selftest_fault_fails_otherwise)
{
	void *a = kmalloc(16);

	kfree(a);
	expect_eq(t, a ? 0 : -EIO, 0);
}

KTEST_MAY_FAIL(selftest_fault_uses_null)
{
	volatile char *a = kmalloc(16);

	*a = 0;
	kfree((void *)a);
}
