// SPDX-License-Identifier: MIT
#include "drivers/console/cp437.h"

#include "kernel/ktest.h"

KTEST(cp437_has_what_it_has_and_a_square_for_the_rest)
{
	expect_eq(t, cp437_from('A'), 'A');
	expect_eq(t, cp437_from(' '), ' ');
	expect_eq(t, cp437_from(0xc7), 0x80);
	expect_eq(t, cp437_from(0xe4), 0x84);
	expect_eq(t, cp437_from(0x2588), 0xdb);
	expect_eq(t, cp437_from(0xa0), 0xff);
	expect_eq(t, cp437_from(0x25a0), CP437_MISSING);
	expect_eq(t, cp437_from(0x4e2d), CP437_MISSING);
	expect_eq(t, cp437_from(0x7f), CP437_MISSING);
	expect_eq(t, cp437_from(0x85), CP437_MISSING);
	expect_eq(t, cp437_from(UINT32_MAX), CP437_MISSING);
}

KTEST(cp437_gives_a_byte_to_one_character_only)
{
	unsigned count[256] = { 0 };

	for (uint32_t code = 0; code < 0x10000; code++)
		count[cp437_from(code)]++;
	for (unsigned byte = ' '; byte < 256; byte++)
		expect(t, byte == 0x7f ? count[byte] == 0 :
			  byte == CP437_MISSING || count[byte] == 1);
}
