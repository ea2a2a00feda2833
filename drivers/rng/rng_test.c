/* SPDX-License-Identifier: MIT */
/* The real devices: what they deliver must look random. */
#include "drivers/rng/rng.h"

#include "drivers/rng/rng_quality.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static uint8_t first[RNG_QUALITY_LEN], second[RNG_QUALITY_LEN];

KTEST(rng_devices_deliver_random_bytes)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, rng_read(i, first, sizeof(first)) == 0);
		expect_str(t, rng_quality(first) ?: "random", "random");
	}
}

KTEST(rng_two_reads_differ)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, rng_read(i, first, sizeof(first)) == 0);
		require(t, rng_read(i, second, sizeof(second)) == 0);
		expect(t, memcmp(first, second, sizeof(first)) != 0);
		expect(t, memcmp(first, second, 64) != 0);
		require(t, rng_read((i + 1) % rng_count(), first, sizeof(first)) == 0);
		expect(t, memcmp(first, second, 64) != 0);
	}
}

KTEST(rng_read_fills_any_length_and_no_more)
{
	static const size_t lengths[] = { 1, 7, 511, 512, 513, 1500 };

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t len = lengths[i];
		bool last_written = false;

		/* The last byte is its old value by chance once in 256 times. */
		for (unsigned round = 0; round < 8 && !last_written; round++) {
			memset(first, 0xa5, sizeof(first));
			require(t, rng_read(0, first, len) == 0);
			last_written = first[len - 1] != 0xa5;
			for (size_t k = len; k < len + 16; k++)
				expect_eq(t, first[k], 0xa5);
		}
		expect(t, last_written);
	}
	expect_eq(t, rng_read(0, first, 0), 0);
}

KTEST(rng_read_of_a_stranger_is_refused)
{
	expect_eq(t, rng_read(rng_count(), first, 1), -ENODEV);
	expect(t, rng_name(rng_count()) == NULL);
}
