/* SPDX-License-Identifier: MIT */
/* The trace of a fake device: every operation is told, and changes nothing. */
#include "drivers/virtio/virtio_trace.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/cmdline.h"
#include "kernel/host_print.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

static struct fake_device fake;
static struct virtqueue *queue;

#define expect_told(t, line)	expect((t), host_printed("trace " line "\n"))

static void drain(struct virtqueue *vq __unused)
{
}

static int probe(struct virtio_device *dev)
{
	uint32_t value;
	int rc = virtio_config_read(dev, 4, 4, &value, 4);

	if (!rc)
		rc = virtio_queue_setup(dev, 0, 8, drain, &queue);
	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static const struct virtio_driver driver = {
	.name = "traced", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe,
};

static void begin(void)
{
	host_print_begin();
	host_memory_live = 0;
	queue = NULL;
	virtio_trace_set(true);
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.sources = 1;
	fake.config[4] = 0x5a;
	virtio_trace_device(&fake.dev);
}

/* Gives back all that the device and its trace hold. */
static void end(struct ktest_run *t)
{
	const struct virtio_transport_ops *ops = fake.dev.ops;

	if (fake.dev.driver) {
		virtio_device_fail(&fake.dev, "the test is over", 0);
		virtio_queues_free(&fake.dev);
		ops->close(&fake.dev);
	}
	virtio_trace_set(false);
	host_print_end();
	/* Its table is the device's, for ever. */
	expect_eq(t, host_memory_live, 1);
	kfree((void *)ops);
}

KTEST(trace_tells_how_a_device_comes_up)
{
	begin();
	expect_eq(t, virtio_device_start(&fake.dev, &driver), 0);
	expect_told(t, "rng0 open: done");
	expect_told(t, "rng0 reset, status write 0x0");
	expect_told(t, "rng0 status read 0x0");
	expect_told(t, "rng0 status write 0x3");
	expect_told(t, "rng0 features offered 0x100000000");
	expect_told(t, "rng0 features accepted 0x100000000");
	expect_told(t, "rng0 status write 0xb");
	expect_told(t, "rng0 interrupts wanted 2, got 1: done");
	expect_told(t, "rng0 interrupt 0 connected: done");
	expect_told(t, "rng0 config interrupts by 0: done");
	expect_told(t, "rng0 config generation 0");
	expect_told(t, "rng0 config read 4 width 4: 0x5a");
	expect_told(t, "rng0 q0 offers 64");
	expect_told(t, "rng0 q0 interrupts by 0: done");
	expect_told(t, "rng0 q0 set up with 8: done");
	expect_told(t, "rng0 status write 0xf");
	expect_eq(t, fake.status, 0xf);
	end(t);
	expect_told(t, "rng0 status write 0x8f");
	expect_told(t, "rng0 interrupts closed");
	expect_told(t, "rng0 close");
}

KTEST(trace_tells_requests_and_responses_by_number)
{
	static uint8_t out[40], in[16], more[4];
	const struct virtqueue_segment segs[] = {
		{ out, 8 }, { out + 8, 32 }, { in, sizeof(in) }, { more, sizeof(more) },
	};
	uint32_t written;
	void *token;

	begin();
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)i;
	expect_eq(t, virtqueue_add(queue, segs + 2, 0, 1, &fake), 0);
	expect_eq(t, virtqueue_add(queue, segs, 2, 2, &queue), 0);
	virtqueue_publish(queue);
	expect_told(t, "rng0 q0 request 0: out - in 16");
	expect(t, host_printed("q0 request 1: out 8+32 in 16+4 data 00010203040506070809"
			   "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f sum "));
	expect_told(t, "rng0 q0 doorbell");

	/* They come back the other way round; what was not written is not looked at. */
	in[0] = 0xaa;
	more[0] = 0xbb;
	fake_device_use(&fake, 1, 17);
	expect_eq(t, virtqueue_take(queue, &token, &written), 0);
	expect_told(t, "rng0 q0 response 1: 17 data aa000000000000000000000000000000bb"
		    " sum 00000000");
	fake_device_use(&fake, 0, 0);
	expect_eq(t, virtqueue_take(queue, &token, &written), 0);
	expect_told(t, "rng0 q0 response 0: 0 data - sum 00000000");
	end(t);
}

KTEST(trace_of_a_queue_that_is_set_up_again_goes_on)
{
	struct virtqueue_addresses a = { 0 };
	struct virtio_trace_queue *before;
	struct virtqueue again;

	begin();
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	before = queue->trace;
	before->requests = 7;
	again = *queue;
	again.trace = NULL;
	expect_eq(t, fake.dev.ops->queue_enable(&fake.dev, &again, &a), 0);
	expect(t, again.trace == before);
	expect_eq(t, before->requests, 7);
	/* One that has grown has ids beyond what is remembered. */
	again.size *= 2;
	expect_eq(t, fake.dev.ops->queue_enable(&fake.dev, &again, &a), 0);
	expect(t, again.trace == NULL);
	again.index = 1;
	expect_eq(t, fake.dev.ops->queue_enable(&fake.dev, &again, &a), 0);
	expect(t, again.trace && again.trace != before);
	expect_told(t, "rng0 q1 set up with 16: done");
	end(t);
}

KTEST(trace_tells_of_what_fails)
{
	struct virtqueue_addresses a = { 0 };
	struct irq irq = { .name = "test" };
	unsigned count = 0;

	begin();
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake.enable_error = -EBUSY;
	expect_eq(t, fake.dev.ops->queue_enable(&fake.dev, queue, &a), -EBUSY);
	expect_told(t, "rng0 q0 set up with 8: EBUSY");
	expect_eq(t, fake.dev.ops->irq_retry(&fake.dev, &irq), -ENOENT);
	expect_told(t, "rng0 interrupt connected in another way: ENOENT");
	fake.irqs_error = -ENOMEM;
	expect_eq(t, fake.dev.ops->irqs_open(&fake.dev, 2, &count), -ENOMEM);
	expect_told(t, "rng0 interrupts wanted 2, got 0: ENOMEM");
	fake.irqs_error = 0;
	end(t);
	begin();
	fake.open_error = -ENODEV;
	expect_eq(t, virtio_device_start(&fake.dev, &driver), -ENODEV);
	expect_told(t, "rng0 open: ENODEV");
	end(t);
}

KTEST(trace_tells_of_writes_and_of_queues_that_are_reset)
{
	begin();
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake.dev.ops->config_write(&fake.dev, 8, 2, 0x1234);
	expect_told(t, "rng0 config write 8 width 2: 0x1234");
	fake.dev.ops->queue_reset(&fake.dev, 0);
	expect_told(t, "rng0 q0 reset");
	expect(t, fake.dev.ops->queue_is_reset(&fake.dev, 0));
	expect_told(t, "rng0 q0 is reset");
	expect(t, !fake.dev.ops->cut_off(&fake.dev));
	expect_told(t, "rng0 cut off: in vain");
	end(t);
}

static int word(const char *value)
{
	const struct cmdline_param *const *param;

	table_for_each(cmdline_params, param)
		if (strcmp((*param)->name, "trace") == 0)
			return (*param)->parse(value);
	return -ENOENT;
}

KTEST(trace_is_asked_for_by_its_name)
{
	virtio_trace_set(false);
	fake_device_init(&fake, VIRTIO_ID_RNG);
	const struct virtio_transport_ops *real = fake.dev.ops;

	expect_eq(t, word("pci"), -EINVAL);
	expect_eq(t, word(""), -EINVAL);
	virtio_trace_device(&fake.dev);
	expect(t, fake.dev.ops == real);
	expect_eq(t, word("virtio"), 0);
	virtio_trace_device(&fake.dev);
	expect(t, fake.dev.ops != real);
	kfree((void *)fake.dev.ops);
	virtio_trace_set(false);
}

KTEST(trace_sums_of_parts_fit_together)
{
	static const uint8_t bytes[] = { 1, 2, 3, 250, 0, 7 };
	uint32_t whole = virtio_trace_sum(0, bytes, sizeof(bytes));

	expect_eq(t, virtio_trace_sum(0, bytes, 2), 1 * 0x01000193 + 2);
	expect_eq(t, virtio_trace_sum(virtio_trace_sum(0, bytes, 4), bytes + 4, 2), whole);
	expect(t, virtio_trace_sum(0, bytes, 5) != whole);
}

KTEST(trace_names_devices_by_kind_and_number)
{
	static struct fake_device other;
	const struct virtio_transport_ops *ops;

	begin();
	fake_device_init(&other, 99);
	virtio_trace_device(&other.dev);
	ops = other.dev.ops;
	ops->status(&other.dev);
	expect_told(t, "type0 status read 0x0");
	fake_device_init(&other, VIRTIO_ID_RNG);
	virtio_trace_device(&other.dev);
	other.dev.ops->status(&other.dev);
	expect_told(t, "rng1 status read 0x0");
	kfree((void *)other.dev.ops);
	kfree((void *)ops);
	end(t);
}

KTEST(trace_is_silent_unless_asked_for)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	virtio_trace_set(false);
	host_print_begin();
	virtio_trace_device(&fake.dev);
	expect_eq(t, virtio_device_start(&fake.dev, &driver), 0);
	expect_str(t, host_print_end(), "");
	expect(t, queue->trace == NULL);
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
}

KTEST(trace_cuts_a_list_of_lengths_that_is_too_long)
{
	static uint8_t byte[1024];
	struct virtqueue_segment segs[60];

	begin();
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned i = 0; i < ARRAY_SIZE(segs); i++)
		segs[i] = (struct virtqueue_segment){ byte, sizeof(byte) };
	virtio_trace_request(queue->trace, 0, segs, 0, ARRAY_SIZE(segs));
	expect(t, host_printed("1024+1024..."));
	expect_eq(t, queue->trace->records[0].in, VIRTIO_TRACE_SEGMENTS);
	end(t);
}

KTEST_MAY_FAIL(trace_that_has_no_memory_is_left_out)
{
	host_print_begin();
	virtio_trace_set(true);
	fake_device_init(&fake, VIRTIO_ID_RNG);
	const struct virtio_transport_ops *real = fake.dev.ops, *ops;

	virtio_trace_device(&fake.dev);
	ops = fake.dev.ops;
	if (virtio_device_start(&fake.dev, &driver) == 0) {
		expect(t, queue->trace || ktest_refused());
		virtio_device_fail(&fake.dev, "the test is over", 0);
		virtio_queues_free(&fake.dev);
		ops->close(&fake.dev);
	} else {
		expect(t, ktest_refused());
	}
	if (ops != real)
		kfree((void *)ops);
	virtio_trace_set(false);
	host_print_end();
}
