// SPDX-License-Identifier: MIT
/* KVM's clock page, written while it is read: reading the counter is where it happens. */
#include "drivers/clock/pvclock.h"

#include "kernel/ktest.h"

static struct pvclock page;
static uint64_t tsc_value;
static unsigned races;		/* how often the page is written during a reading */
static unsigned reads;
static bool left_odd;

static uint64_t race(void)
{
	reads++;
	if (races) {
		races--;
		page.version += left_odd ? 1 : 2;
		page.system_time += 1000000;
		page.tsc_timestamp += 1000000;
	}
	return tsc_value;
}

/* 1 GHz: ns = ticks; the factor is 2^32 as 2^31 shifted by one. */
static void reset(void)
{
	page = (struct pvclock){
		.version = 2, .tsc_timestamp = 5000, .system_time = 700,
		.tsc_to_system_mul = UINT32_C(1) << 31, .tsc_shift = 1,
	};
	tsc_value = 6000;
	races = reads = 0;
	left_odd = false;
}

KTEST(pvclock_goes_on_from_its_page)
{
	uint64_t ns = 0;

	reset();
	expect(t, pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 1700);
	page.tsc_shift = -1;
	expect(t, pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 700 + 250);
	tsc_value = 4999;	/* another processor's counter is ahead */
	expect(t, pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 700);
	page.tsc_timestamp = 0;
	page.tsc_to_system_mul = UINT32_MAX;
	page.tsc_shift = 0;
	tsc_value = BIT(62);
	expect(t, pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 700 + BIT(62) - BIT(30));
}

KTEST(pvclock_reads_again_what_was_written_meanwhile)
{
	uint64_t ns = 0;

	reset();
	tsc_value = 5000 + 3 * 1000000 + 7;
	races = 3;
	expect(t, pvclock_read(&page, race, &ns));
	expect_eq(t, reads, 4);
	expect_eq(t, ns, 700 + 3 * 1000000 + 7);
}

KTEST(pvclock_gives_up_on_a_page_that_never_stands_still)
{
	uint64_t ns = 42;

	reset();
	races = UINT32_MAX;
	expect(t, !pvclock_read(&page, race, &ns));
	reset();
	page.version = 3;
	expect(t, !pvclock_read(&page, race, &ns));
	reset();
	races = 1;
	left_odd = true;
	expect(t, !pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 42);
}

KTEST(pvclock_refuses_factors_that_cannot_be)
{
	uint64_t ns = 42;

	reset();
	page.tsc_to_system_mul = 0;
	expect(t, !pvclock_read(&page, race, &ns));
	reset();
	page.tsc_shift = 32;
	expect(t, !pvclock_read(&page, race, &ns));
	page.tsc_shift = INT8_MIN;
	expect(t, !pvclock_read(&page, race, &ns));
	expect_eq(t, ns, 42);
	expect_eq(t, pvclock_tsc_hz(0, 0), 0);
	expect_eq(t, pvclock_tsc_hz(1, INT8_MIN), 0);
	expect_eq(t, pvclock_tsc_hz(1, -31), 0);
	expect_eq(t, pvclock_tsc_hz(UINT32_MAX, 31), 0);
}

KTEST(pvclock_tells_the_counters_frequency)
{
	expect_eq(t, pvclock_tsc_hz(UINT32_C(1) << 31, 1), 1000000000);
	expect_eq(t, pvclock_tsc_hz(UINT32_C(1) << 31, 0), 2000000000);
	expect_eq(t, pvclock_tsc_hz(UINT32_C(1) << 31, -1), 4000000000u);
	/* Linux's for 2.4 GHz: 3579139413 and -1. */
	expect_eq(t, pvclock_tsc_hz(3579139413u, -1), 2400000000u);
}
