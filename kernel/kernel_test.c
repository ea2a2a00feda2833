// SPDX-License-Identifier: MIT
/* The kernel's own ground: cleared memory, the command line, the log levels. */
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/loglevel.h"
#include "kernel/time.h"
#include "kernel/wait.h"
#include "arch/x86/image.h"
#include "arch/x86/layout.h"

#define LOG_SUBSYS kernel
#include "kernel/log.h"

/*
 * A word at either end of .bss would do; a page in the middle shows more. It
 * is left dirty, so that a warm reset without a cleared .bss is seen.
 */
static uint8_t bss_canary[4096];
/* Loaded, so it is false at every boot, whatever .bss holds. */
static bool bss_checked __section(".data");

KTEST(bss_was_cleared_at_entry)
{
	unsigned dirty = 0;

	if (!bss_checked) {
		for (size_t i = 0; i < sizeof(bss_canary); i++)
			dirty += READ_ONCE(bss_canary[i]) != 0;
	}
	expect_eq(t, dirty, 0);
	for (size_t i = 0; i < sizeof(bss_canary); i++)
		WRITE_ONCE(bss_canary[i], 0xb5);
	bss_checked = true;
}

static unsigned words_seen;
static char last_value[32];

static int seen(const char *value)
{
	words_seen++;
	for (size_t i = 0; i < sizeof(last_value); i++) {
		last_value[i] = value[i];
		if (!value[i])
			return 0;
	}
	return -EINVAL;
}

CMDLINE_PARAM(selftest_word, "selftest.word", seen);

KTEST(cmdline_hands_out_each_word_once)
{
	char line[] = "  selftest.word=one\tselftest.word selftest.word=a=b ";
	char empty[] = "", blank[] = "   ";

	words_seen = 0;
	cmdline_parse(line);
	expect_eq(t, words_seen, 3);
	expect_str(t, last_value, "a=b");
	expect_str(t, line, "  selftest.word=one\tselftest.word selftest.word=a=b ");
	cmdline_parse(empty);
	cmdline_parse(blank);
	expect_eq(t, words_seen, 3);
}

static uint64_t captured;
static unsigned entered, entered_again;
static bool says_something;

static void capture_write(struct console *c __unused, const char *text __unused, size_t len)
{
	captured += len;
	entered_again += entered++ > 0;
	if (says_something) {
		says_something = false;
		print("# %s\n", "ABC");
	}
	entered--;
}

static struct console capture = { .name = "test", .write = capture_write };

/* For good, whichever test comes first. */
static void begin_capture(void)
{
	static bool registered;

	if (!registered)
		console_register(&capture);
	registered = true;
}

KTEST(console_gets_the_past_and_then_each_byte_once)
{
	uint64_t before;

	begin_capture();
	expect(t, captured > 0);	/* what the ring held */
	before = captured;
	print("# %s\n", "0123456789");
	expect_eq(t, captured - before, 13);
}

KTEST(console_that_has_something_to_say_while_it_writes_is_sent_that_next)
{
	uint64_t before;

	begin_capture();
	before = captured;
	says_something = true;
	print("# %s\n", "0123456789");
	expect_eq(t, captured - before, 13 + 6);
	before = captured;
	says_something = true;
	console_echo("\r", 1);
	log_keep("#\n", 2);
	expect_eq(t, captured - before, 1 + 6);
	expect_eq(t, entered_again, 0);
}

KTEST(loglevel_takes_names_and_digits)
{
	uint8_t level = LOG_LEVEL_VARIABLE;

	expect_eq(t, loglevel_parse("kernel:error"), 0);
	expect_eq(t, LOG_LEVEL_VARIABLE, min((uint8_t)LOG_ERR, (uint8_t)LOG_CEILING));
	expect_eq(t, loglevel_parse("kernel:0,nosuch:1"), -EINVAL);
	expect_eq(t, LOG_LEVEL_VARIABLE, LOG_NONE);
	expect_eq(t, loglevel_parse("loud"), -EINVAL);
	expect_eq(t, loglevel_parse("kernel:"), -EINVAL);
	expect_eq(t, loglevel_parse(""), -EINVAL);
	LOG_LEVEL_VARIABLE = level;
}

KTEST(wait_ends_at_its_bound)
{
	uint64_t before = wait_total();
	struct wait w;

	wait_begin(&w, UINT64_MAX);
	expect(t, wait_turn(&w));
	wait_begin(&w, 100000);
	while (wait_turn(&w))
		;
	wait_end(&w);
	expect(t, wait_total() - before >= 100000);
}

KTEST(wait_by_time_takes_the_known_frequency)
{
	uint64_t hz = time_tsc_hz() ? time_tsc_hz() : 2000000000;
	struct wait w;

	wait_begin_ns(&w, 1000000);
	wait_end(&w);
	expect(t, w.ticks <= hz / 1000 && w.ticks + 2 >= hz / 1000);
	wait_begin(&w, WAIT_DEVICE);
	wait_end(&w);
	expect(t, w.ticks > 2 * hz);
	wait_begin(&w, 77);
	wait_end(&w);
	expect_eq(t, w.ticks, 77);
}
