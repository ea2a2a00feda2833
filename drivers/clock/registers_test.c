// SPDX-License-Identifier: MIT
/* Encodings of the clocks' registers, and how the PM timer is read. */
#include "drivers/clock/deadline.h"
#include "drivers/clock/hpet_regs.h"
#include "drivers/clock/pmtimer_read.h"
#include "kernel/ktest.h"

KTEST(hpet_period_is_bounded)
{
	expect_eq(t, hpet_hz(10000000), 100000000);
	expect_eq(t, hpet_hz(69841279), 14318179);
	expect_eq(t, hpet_hz(100000000), 10000000);
	expect_eq(t, hpet_hz(100000001), 0);
	expect_eq(t, hpet_hz(0), 0);
	expect_eq(t, hpet_hz(UINT32_MAX), 0);
}

KTEST(hpet_timer_config_leaves_reserved_bits)
{
	expect_eq(t, hpet_timer_config(0x30, 2, false), 0x30 | 0x4 | 0x100 | 2 << 9);
	expect_eq(t, hpet_timer_config(0x8000 | 0x1f << 9 | 0xa, 21, false),
		  0x8000 | 0x104 | 21 << 9);
	expect_eq(t, hpet_timer_config(0x8030 | 0x4000, 31, false), 0x8030 | 0x104 | 31 << 9);
	expect_eq(t, hpet_timer_config(0x8030, 0, true), 0x8030 | 0x104 | 0x4000);
}

KTEST(deadline_is_never_0_and_never_early)
{
	uint64_t factor = scale_make(3000000000u, 1000000000);
	unsigned early = 0;

	expect_eq(t, deadline_after(1000, 100, factor), 1301);
	expect_eq(t, deadline_after(0, 0, factor), 1);
	expect(t, deadline_after(UINT64_MAX, 0, factor) == UINT64_MAX);
	expect(t, deadline_after(UINT64_MAX - 10, 100, factor) == UINT64_MAX);
	expect(t, deadline_after(5, UINT64_MAX, factor) == UINT64_MAX);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t ns = ktest_random_below(t, BIT(40));

		early += deadline_after(0, ns, factor) < ns * 3;
	}
	expect_eq(t, early, 0);
}

/* Values that a port gives, one a reading. */
struct script {
	struct pmtimer_port port;
	const uint32_t *values;
	unsigned at, count;
};

static uint32_t script_read(struct pmtimer_port *p)
{
	struct script *s = container_of(p, struct script, port);
	uint32_t v = s->values[s->at];

	s->at = (s->at + 1) % s->count;
	return v;
}

static uint32_t settled(const uint32_t *values, unsigned count, unsigned bits)
{
	struct script s = { { script_read }, values, 0, count };

	return pmtimer_settled(&s.port, bits);
}

KTEST(pmtimer_is_read_between_readings_that_follow)
{
	const uint32_t fine[] = { 10, 11, 12 };
	const uint32_t stands[] = { 7 };
	const uint32_t glitch[] = { 0x0fffff, 0x1fffff, 0x100000, 0x100001, 0x100002 };
	const uint32_t wraps[] = { 0xfffffe, 0xffffff, 0 };
	const uint32_t upper[] = { 0xab000001, 0xcd000002, 0xef000003 };
	const uint32_t wild[] = { 0x900000, 0x800000, 0x100000, 0x080000 };

	expect_eq(t, settled(fine, 3, 24), 11);
	expect_eq(t, settled(stands, 1, 32), 7);
	expect_eq(t, settled(wraps, 3, 24), 0xffffff);
	expect_eq(t, settled(upper, 3, 24), 2);
	expect_eq(t, settled(glitch, 5, 24), 0x100001);
	expect(t, settled(wild, 4, 24) <= 0xffffff);
}
