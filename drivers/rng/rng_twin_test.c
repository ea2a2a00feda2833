/* SPDX-License-Identifier: MIT */
/*
 * The same requests every time, one after the other: what `make test-twins`
 * has traced on each transport.
 */
#include "drivers/rng/rng.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

KTEST(rng_twin_workload)
{
	static const uint16_t lengths[] = { 1, 64, 256, 257, 700, 3 };
	static uint8_t buf[700];

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++)
		expect_eq(t, rng_read(0, buf, lengths[i]), 0);
}
