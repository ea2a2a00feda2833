// SPDX-License-Identifier: MIT
#include "drivers/clock/pvclock.h"

#include <asm/barrier.h>

#include "kernel/lib/scale.h"
#include "kernel/time.h"
#include "kernel/timeline.h"

enum {
	TRIES = 1000,
	SHIFT_MAX = 31,
};

static uint64_t shifted(uint64_t ticks, int shift)
{
	return shift < 0 ? ticks >> -shift : ticks << shift;
}

bool pvclock_read(const struct pvclock *page, uint64_t (*tsc)(void), uint64_t *ns)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t version = READ_ONCE(page->version);
		uint64_t then, base, ticks;
		uint32_t mul;
		int8_t shift;

		barrier_load_load();
		then = READ_ONCE(page->tsc_timestamp);
		base = READ_ONCE(page->system_time);
		mul = READ_ONCE(page->tsc_to_system_mul);
		shift = READ_ONCE(page->tsc_shift);
		ticks = tsc() - then;
		barrier_load_load();
		if (version & 1 || READ_ONCE(page->version) != version)
			continue;
		if (mul == 0 || shift < -SHIFT_MAX || shift > SHIFT_MAX)
			return false;
		if ((int64_t)ticks < 0)
			ticks = 0;	/* written with a counter that is ahead */
		*ns = base + (uint64_t)((scale_product)shifted(ticks, shift) * mul >> 32);
		return true;
	}
	return false;
}

uint64_t pvclock_tsc_hz(uint32_t mul, int8_t shift)
{
	uint64_t hz;

	if (mul == 0 || shift < -SHIFT_MAX || shift > SHIFT_MAX)
		return 0;
	hz = (NS_PER_S << 32) / mul;
	if (shift < 0 && hz >= UINT64_C(1) << (63 - -shift))
		return 0;
	hz = shifted(hz, -shift);
	return hz >= TIMELINE_HZ_MIN && hz <= TIMELINE_HZ_MAX ? hz : 0;
}
