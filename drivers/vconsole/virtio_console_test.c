// SPDX-License-Identifier: MIT
/* The driver on the host, against a device that reads or not, answers or lies. */
#include "drivers/vconsole/virtio_console.h"

#include <string.h>

#include "drivers/console/host_console.h"
#include "drivers/virtio/fake_transport.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "mm/fault.h"

enum { IN = 0, OUT = 1, SAID_MAX = 1 << 18, HEADS_MAX = 64, OUT_LEAST = 12 * 4096 };

static struct fake_device fake;
static char said[SAID_MAX];		/* what the host read */
static size_t said_len;
static uint16_t in_heads[HEADS_MAX];	/* buffers for input that it has */
static unsigned in_count;
static uint16_t out_heads[HEADS_MAX];	/* of output that it did not read yet */
static unsigned out_count;
static bool reads;
static char emergency[256];
static size_t emergency_len;
static unsigned wrong_direction;

static const struct virtio_transport_ops *honest;
static struct virtio_transport_ops watched;

static struct virtq_desc *desc_of(unsigned queue, uint16_t head)
{
	return (struct virtq_desc *)(uintptr_t)fake.rings[queue].at.desc + head;
}

static void host_reads(void)
{
	fake.queue = OUT;
	for (unsigned i = 0; i < out_count; i++) {
		const struct virtq_desc *d = desc_of(OUT, out_heads[i]);

		if (said_len + d->len <= SAID_MAX) {
			memcpy(said + said_len, (const void *)(uintptr_t)d->addr, d->len);
			said_len += d->len;
		}
		fake_device_use(&fake, out_heads[i], 0);
	}
	out_count = 0;
}

static void answer(struct fake_device *f)
{
	uint32_t writable;
	uint16_t head;
	uint8_t *data;

	while (fake_device_fetch(f, &head, &data, &writable) == 0) {
		wrong_direction += (writable > 0) != (f->queue == IN);
		if (f->queue == IN)
			in_heads[in_count++ % HEADS_MAX] = head;
		else
			out_heads[out_count++ % HEADS_MAX] = head;
	}
	if (f->queue == OUT && reads)
		host_reads();
}

/* What it had is forgotten at a reset. */
static void forget(struct fake_device *f __unused)
{
	in_count = out_count = 0;
}

static void config_write(struct virtio_device *dev __unused, uint32_t offset, unsigned width,
			 uint32_t value)
{
	if (offset == VIRTIO_CONSOLE_EMERGENCY && width == 4 && emergency_len < sizeof(emergency))
		emergency[emergency_len++] = (char)value;
}

static const struct virtio_driver *console_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_CONSOLE)
			return *driver;
	return NULL;
}

static void prepare(uint64_t features)
{
	fake_device_init(&fake, VIRTIO_ID_CONSOLE);
	honest = fake.dev.ops;
	watched = *honest;
	watched.config_write = config_write;
	fake.dev.ops = &watched;
	fake.answer = answer;
	fake.forget = forget;
	fake.offered |= features;
	said_len = emergency_len = 0;
	in_count = out_count = wrong_direction = 0;
	reads = true;
	host_console = NULL;
	host_in_panic = false;
}

static bool begin(struct ktest_run *t, uint64_t features)
{
	prepare(features);
	return expect_eq(t, virtio_device_start(&fake.dev, console_driver()), 0) &&
	       expect(t, host_console != NULL);
}

/* Consoles stay for ever, and their memory with them. */
static void end(void)
{
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
	host_in_panic = false;
}

static void write_text(const char *text)
{
	host_console->write(host_console, text, strlen(text));
}

static bool host_has(const char *text)
{
	return said_len == strlen(text) && memcmp(said, text, said_len) == 0;
}

/* The host types; -EAGAIN if it has no buffer to put that in. */
static int type(const char *text, uint32_t claimed)
{
	uint16_t head;

	if (in_count == 0)
		return -EAGAIN;
	head = in_heads[0];
	memmove(in_heads, in_heads + 1, --in_count * sizeof(in_heads[0]));
	memcpy((void *)(uintptr_t)desc_of(IN, head)->addr, text, strlen(text));
	fake.queue = IN;
	fake_device_use(&fake, head, claimed);
	return 0;
}

static int next(void)
{
	return host_console->read(host_console);
}

KTEST(virtio_console_says_and_hears)
{
	require(t, begin(t, VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_MULTIPORT));
	expect(t, fake.accepted & VIRTIO_CONSOLE_F_SIZE);
	expect(t, !(fake.accepted & VIRTIO_CONSOLE_F_MULTIPORT));
	write_text("one\ntwo");
	expect(t, host_has("one\r\ntwo"));
	expect_eq(t, next(), -EAGAIN);
	expect_eq(t, type("ls\r", 3), 0);
	expect_eq(t, next(), 'l');
	expect_eq(t, next(), 's');
	expect_eq(t, next(), '\r');
	expect_eq(t, next(), -EAGAIN);
	expect_eq(t, wrong_direction, 0);
	end();
	write_text("nobody is there any more");
	expect_eq(t, next(), -EAGAIN);
}

KTEST_MAY_FAIL(virtio_console_drives_its_device_or_leaves_nothing_behind)
{
	prepare(0);
	if (!expect_done(t, virtio_device_start(&fake.dev, console_driver()))) {
		expect_str(t, fake.dev.fault, "driver gave up, error");
		expect(t, !fake.dev.queues && !fake.opened && !host_console);
		return;
	}
	end();
	fault_note(FAULT_HEAP, -1);	/* the console stays for ever */
	fault_note(FAULT_PAGES, -1);
}

KTEST(virtio_console_whose_host_reads_late_loses_nothing_that_fits)
{
	size_t wrong = 0;

	require(t, begin(t, 0));
	reads = false;
	for (unsigned i = 0; i < 2000; i++)
		write_text("0123456789abcdef");
	expect_eq(t, said_len, 0);
	expect(t, out_count > 0 && out_count <= VCONSOLE_OUT_PIECES);
	reads = true;
	while (out_count)
		host_reads();
	host_console->flush(host_console);
	expect_eq(t, said_len, 32000);
	for (size_t i = 0; i < said_len; i++)
		wrong += said[i] != "0123456789abcdef"[i % 16];
	expect_eq(t, wrong, 0);
	end();
}

KTEST(virtio_console_whose_host_never_reads_is_waited_for_once)
{
	unsigned bells;

	require(t, begin(t, 0));
	reads = false;
	for (unsigned i = 0; i < 10000; i++)
		write_text("0123456789abcdef");
	bells = fake.bells;
	for (unsigned i = 0; i < 10000; i++)
		write_text("0123456789abcdef");
	expect_eq(t, fake.bells, bells);
	host_console->flush(host_console);
	reads = true;
	host_reads();
	write_text("back");
	host_console->flush(host_console);
	expect(t, said_len >= OUT_LEAST && memcmp(said + said_len - 4, "back", 4) == 0);
	end();
}

KTEST(virtio_console_holds_up_who_types_more_than_is_read)
{
	unsigned typed = 0, heard = 0;

	require(t, begin(t, 0));
	while (type("x", 1) == 0)
		typed++;
	expect_eq(t, typed, VCONSOLE_IN_PIECES);
	while (next() == 'x')
		heard++;
	expect_eq(t, heard, typed);
	expect_eq(t, type("y", 1), 0);
	expect_eq(t, next(), 'y');
	end();
}

KTEST(virtio_console_input_without_a_byte_is_none)
{
	require(t, begin(t, 0));
	for (unsigned i = 0; i < 100; i++) {
		expect_eq(t, type("", 0), 0);
		expect_eq(t, next(), -EAGAIN);
	}
	expect(t, !fake.dev.fault);
	expect_eq(t, in_count, VCONSOLE_IN_PIECES);
	end();
}

KTEST(virtio_console_that_lies_is_stopped)
{
	require(t, begin(t, 0));
	expect_eq(t, type("a", VCONSOLE_IN_PIECE + 1), 0);
	expect_eq(t, next(), -EAGAIN);
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	write_text("lost");
	expect_eq(t, said_len, 0);
	end();

	require(t, begin(t, 0));
	fake.queue = OUT;
	fake_device_use(&fake, 1000, 0);
	write_text("this finds out");
	expect(t, fake.dev.fault != NULL);
	write_text("and this is nobody's");
	expect_eq(t, next(), -EAGAIN);
	end();

	require(t, begin(t, 0));
	reads = false;
	write_text("output");
	fake.queue = OUT;
	fake_device_use(&fake, out_heads[0], 6);	/* it cannot have written there */
	write_text("more");
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	end();
}

KTEST(virtio_console_in_a_panic_takes_the_emergency_register)
{
	require(t, begin(t, VIRTIO_CONSOLE_F_EMERG_WRITE));
	write_text("before\n");
	host_in_panic = true;
	write_text("panic: x\n");
	expect(t, host_has("before\r\n"));
	expect(t, emergency_len == 10 && memcmp(emergency, "panic: x\r\n", 10) == 0);
	end();
	/* Without it the queue has to do. */
	require(t, begin(t, 0));
	host_in_panic = true;
	write_text("panic: x\n");
	expect(t, host_has("panic: x\r\n"));
	expect_eq(t, emergency_len, 0);
	end();
}

KTEST(virtio_console_with_a_small_queue_works)
{
	prepare(0);
	fake.queue_max = 1;
	require(t, virtio_device_start(&fake.dev, console_driver()) == 0 && host_console);
	for (unsigned i = 0; i < 1000; i++)
		write_text("0123456789");
	host_console->flush(host_console);
	expect_eq(t, said_len, 10000);
	for (unsigned i = 0; i < 20; i++) {
		expect_eq(t, type("z", 1), 0);
		expect_eq(t, next(), 'z');
	}
	end();
}

static void halted_and_said(struct virtio_device *dev)
{
	console_driver()->halted(dev);
	write_text("said meanwhile, ");
}

KTEST(virtio_console_keeps_what_is_said_while_its_device_is_reset)
{
	struct virtio_driver driver = *console_driver();

	require(t, begin(t, 0));
	driver.halted = halted_and_said;
	fake.dev.driver = &driver;
	expect_eq(t, virtio_device_restart(&fake.dev), 0);
	write_text("and after");
	expect(t, host_has("said meanwhile, and after"));
	fake.dev.driver = console_driver();
	end();
}

KTEST(virtio_console_comes_back_after_a_reset)
{
	require(t, begin(t, 0));
	expect_eq(t, type("ab", 2), 0);
	expect_eq(t, next(), 'a');
	expect_eq(t, virtio_device_restart(&fake.dev), 0);
	expect_eq(t, next(), 'b');		/* what was heard stays */
	expect_eq(t, in_count, VCONSOLE_IN_PIECES);
	write_text("again");
	expect(t, host_has("again"));
	expect_eq(t, type("c", 1), 0);
	expect_eq(t, next(), 'c');
	end();
}

/* Any order of writing, reading, typing, a host that stops: nothing is garbled, nothing hangs. */
KTEST(virtio_console_keeps_the_order_whatever_the_host_does)
{
	uint8_t heard = 0, sent = 0, spoken = 0, wrong = 0;
	size_t seen = 0;

	require(t, begin(t, 0));
	for (unsigned i = 0; i < 20000; i++) {
		char byte[2] = { 0 };
		int got;

		switch (ktest_random_below(t, 4)) {
		case 0:
			reads = !reads;
			if (reads)
				host_reads();
			break;
		case 1:
			byte[0] = (char)(sent % 100 + 1);
			sent += type(byte, 1) == 0;
			sent %= 100;
			break;
		case 2:
			got = next();
			wrong += got >= 0 && got != heard % 100 + 1;
			heard = (uint8_t)((heard + (got >= 0)) % 100);
			break;
		case 3:
			byte[0] = (char)('a' + spoken++ % 26);
			spoken %= 26;
			write_text(byte);
			break;
		}
	}
	reads = true;
	host_reads();
	host_console->flush(host_console);
	for (; seen < said_len; seen++)
		wrong += said[seen] != (char)('a' + seen % 26);
	expect_eq(t, wrong, 0);
	expect(t, seen > 1000);
	end();
}
