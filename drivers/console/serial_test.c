// SPDX-License-Identifier: MIT
/* What `console=` understands, and what it refuses. */
#include "drivers/console/serial_param.h"

#include <stdio.h>

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

KTEST(serial_words_that_are_understood)
{
	static const struct {
		const char *word;
		struct uart_setup setup;
	} cases[] = {
		{ "ttyS0", { { UART_PORTS, 0x3f8 }, CONFIG_SERIAL_BAUD, 0 } },
		{ "ttyS1,9600", { { UART_PORTS, 0x2f8 }, 9600, 0 } },
		{ "ttyS2,115200n8", { { UART_PORTS, 0x3e8 }, 115200, 0 } },
		{ "ttyS3,57600n", { { UART_PORTS, 0x2e8 }, 57600, 0 } },
		{ "uart,io,0x2f8", { { UART_PORTS, 0x2f8 }, 0, 0 } },
		{ "uart8250,io,0x2f8,115200", { { UART_PORTS, 0x2f8 }, 115200, 0 } },
		{ "uart,mmio,0xfe000001,9600n8", { { UART_MMIO, 0xfe000001 }, 9600, 0 } },
		{ "uart,mmio32,0xfe000000,115200", { { UART_MMIO32, 0xfe000000 }, 115200, 0 } },
		{ "uart,mmio32,0xfe000000,115200n8,48000000",
		  { { UART_MMIO32, 0xfe000000 }, 115200, 48000000 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct uart_setup got;

		expect_str(t, serial_parse(cases[i].word, &got) ?: "", "");
		expect_eq(t, got.place.kind, cases[i].setup.place.kind);
		expect_eq(t, got.place.base, cases[i].setup.place.base);
		expect_eq(t, got.baud, cases[i].setup.baud);
		expect_eq(t, got.clock, cases[i].setup.clock);
	}
}

KTEST(serial_words_that_are_refused)
{
	static const char *const words[] = {
		"", "tty0", "hvc0", "ttyS", "ttyS4", "ttyS10", "ttyS0x", "ttyS0,", "ttyS0,x",
		"ttyS0,0", "ttyS0,115200e7", "ttyS0,115200n7", "ttyS0,115200n8r",
		"ttyS0,115201n8,1",
		"ttyS0,4294967296", "ttyS0,1000000", "ttyS/", "uart", "uart,", "uart,io",
		"uart,io,",
		"uart,io,x", "uart,io,0x60", "uart,io,0xf9", "uart,io,0xfff9", "uart,io,0x10000",
		"uart,io,0xcf8", "uart,io,0xcf1", "uart,io,0xcff", "uart,mmio16,0xfe000000",
		"uart,mmio32be,0xfe000000", "uart,mmio32,0xfe000002", "uart,mmio,0",
		"uart,mmio,0xffffffffffffffff", "uart,mmio32,0xfffffffffffffff0",
		"uart,mmio,18446744073709551616", "uart,io,0x2f8,", "uart,io,0x2f8,9600,",
		"uart,io,0x2f8,9600,0", "uart,io,0x2f8,9600,1843200,1", "uart,io,0x2f8,9600,16",
		"uart8250io,0x2f8", "uart9,io,0x2f8",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct uart_setup got;

		if (!expect(t, serial_parse(words[i], &got) != NULL))
			printf("# '%s' is understood\n", words[i]);
	}
}

/* Whatever the word: no crash, and what is taken is a place where one can be. */
KTEST(serial_words_at_random_are_taken_whole_or_refused)
{
	static const char *const parts[] = {
		"ttyS", "uart", "8250", ",", "io", "mmio", "32", "0x", "3f8", "9600", "n", "8",
		"0", "1", "2", "f", "4294967295", "e", " ", "18446744073709551615",
	};

	for (unsigned i = 0; i < 20000; i++) {
		char word[256] = "";
		struct uart_setup got;
		unsigned count = (unsigned)ktest_random_below(t, 10);

		for (unsigned j = 0; j < count; j++)
			str_copy(word + strlen(word), sizeof(word) - strlen(word),
				 parts[ktest_random_below(t, ARRAY_SIZE(parts))]);
		if (serial_parse(word, &got))
			continue;
		expect(t, serial_problem(&got) == NULL);
		expect(t, got.place.kind != UART_PORTS ||
		       (got.place.base >= 0x100 && got.place.base <= 0xfff8));
	}
}

KTEST(serial_places_overlap_by_their_registers)
{
	const struct uart_place com1 = { UART_PORTS, 0x3f8 };
	const struct uart_place wide = { UART_MMIO32, 0x1000 };

	expect(t, serial_overlaps(&com1, &com1));
	expect(t, serial_overlaps(&com1, &(struct uart_place){ UART_PORTS, 0x3ff }));
	expect(t, !serial_overlaps(&com1, &(struct uart_place){ UART_PORTS, 0x400 }));
	expect(t, !serial_overlaps(&com1, &(struct uart_place){ UART_PORTS, 0x3f0 }));
	expect(t, !serial_overlaps(&com1, &(struct uart_place){ UART_MMIO, 0x3f8 }));
	expect(t, serial_overlaps(&wide, &(struct uart_place){ UART_MMIO, 0x101f }));
	expect(t, !serial_overlaps(&wide, &(struct uart_place){ UART_MMIO, 0x1020 }));
	expect_eq(t, serial_isa_number(&com1), 4);
	expect_eq(t, serial_isa_number(&wide), SERIAL_NO_ISA);
	expect_eq(t, serial_isa_number(&(struct uart_place){ UART_PORTS, 0x2e8 }), 3);
	expect_eq(t, serial_isa_number(&(struct uart_place){ UART_PORTS, 0x400 }), SERIAL_NO_ISA);
}
