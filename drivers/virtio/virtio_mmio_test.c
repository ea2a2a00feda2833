/* SPDX-License-Identifier: MIT */
/* Memory-mapped devices of both versions, at their registers. */
#include "drivers/virtio/transport.h"

#include "drivers/virtio/fake_registers.h"
#include "drivers/virtio/host_machine.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/cmdline.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

enum {
	SOME_FEATURE = 1 << 3,
	BASE = CONFIG_VIRTIO_MMIO_BASE,
	STRIDE = CONFIG_VIRTIO_MMIO_STRIDE,
	WINDOWS = CONFIG_VIRTIO_MMIO_COUNT,
	LEVEL_WINDOW = WINDOWS - 2,	/* as ACPI says here */
	FAR = 64 << 20,			/* from the first to one that is mapped by itself */
};

static struct fake_registers fake;
static struct virtio_device *dev;
static struct virtqueue *queue;

/* Windows that nobody lives in. */
static uint32_t empty_get(struct host_registers *r __unused, size_t offset, unsigned width __unused)
{
	return offset % STRIDE ? 0 : 0x74726976;
}

static void empty_set(struct host_registers *r __unused, size_t offset __unused,
		      unsigned width __unused, uint32_t v __unused)
{
}

static struct host_registers empty_windows = {
	.base = BASE, .len = FAR + STRIDE, .read = empty_get, .write = empty_set,
};

static void drain(struct virtqueue *vq __unused)
{
}

static int probe(struct virtio_device *d)
{
	int rc = virtio_queue_setup(d, 1, 16, drain, &queue);

	if (!rc)
		virtio_device_ready(d);
	return rc;
}

static const struct virtio_driver driver = {
	.name = "test", .id = VIRTIO_ID_RNG, .features = SOME_FEATURE | BIT(35), .queues = 1,
	.probe = probe,
};

static void windows_begin(struct ktest_run *t);

/* Discovers the device that lives in window `index`. */
static bool discover(struct ktest_run *t, unsigned index, enum fake_face face)
{
	windows_begin(t);
	fake_registers_init(&fake, face, VIRTIO_ID_RNG, BASE + (uintptr_t)index * STRIDE);
	fake.offered |= SOME_FEATURE | BIT(5) | BIT(35);
	virtio_devices_forget();
	virtio_mmio_discover();
	dev = (struct virtio_device *)virtio_device_at(0);
	return expect(t, dev != NULL) && expect(t, !virtio_device_at(1));
}

static void end(struct ktest_run *t)
{
	expect_eq(t, fake.mistakes, 0);
	fake_registers_end(&fake);
	for (unsigned i = 0; virtio_device_at(i); i++)
		kfree((void *)virtio_device_at(i));
	virtio_devices_forget();
	host_memory_bias = 0;
}

/* The host's addresses do not fit a legacy device; these do. */
static void addresses_fit(void)
{
	void *some = kmalloc(16);

	host_memory_bias = (uintptr_t)some & ~(BIT(43) - 1);
	kfree(some);
}

static void stop(void)
{
	virtio_device_fail(dev, "the test is over", 0);
	virtio_queues_free(dev);
}

static void try_configured(struct ktest_run *t)
{
	char text[VIRTIO_TEXT_MAX];

	if (!discover(t, 3, FAKE_MMIO_2))
		return;
	expect(t, dev->modern && dev->id == VIRTIO_ID_RNG);
	expect_eq(t, dev->config_len, STRIDE - 0x100);
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-mmio v2 at 0xfeb00600 (configured window)");
	dev->ops->where(dev, text, sizeof(text));
	expect_str(t, text, "0xfeb00600");
	end(t);
}

static void try_where_others_live(struct ktest_run *t)
{
	static struct region list[8];

	fake_registers_init(&fake, FAKE_MMIO_2, VIRTIO_ID_RNG, BASE);
	virtio_devices_forget();
	host_acpi.mcfg_count = 1;
	virtio_mmio_discover();
	host_acpi.mcfg_count = 0;
	expect(t, !virtio_device_at(0));
	regions_init(&host_map, list, ARRAY_SIZE(list));
	regions_add(&host_map, BASE + 0x1000, 0x1000, REGION_RESERVED, "somebody's");
	virtio_mmio_discover();
	expect(t, !virtio_device_at(0));
	regions_init(&host_map, list, ARRAY_SIZE(list));
	host_ioremap_fails = 1;
	virtio_mmio_discover();
	expect(t, !virtio_device_at(0));
	end(t);
}

static void try_strange(struct ktest_run *t)
{
	fake_registers_init(&fake, FAKE_MMIO_2, VIRTIO_ID_RNG, BASE);
	virtio_devices_forget();
	fake.version = 3;
	virtio_mmio_discover();
	fake.version = 2;
	fake.magic = 1;
	virtio_mmio_discover();
	fake.magic = 0x74726976;
	fake.id = 0;
	virtio_mmio_discover();
	expect(t, !virtio_device_at(0));
	end(t);
}

static int command_line(const char *value)
{
	const struct cmdline_param *const *param;

	table_for_each(cmdline_params, param)
		if (strcmp((*param)->name, "virtio_mmio.device") == 0)
			return (*param)->parse(value);
	return -ENOENT;
}

/* All windows of the machine, as microvm's DSDT has them; the first also the command line's. */
static void tell_windows(struct ktest_run *t)
{
	expect_eq(t, command_line("nonsense"), -EINVAL);
	expect_eq(t, command_line("512@0xfeb00200:25"), 0);
	for (unsigned i = 1; i < WINDOWS; i++)
		host_acpi.virtio[host_acpi.virtio_count++] = (struct acpi_virtio_mmio){
			.base = BASE + i * STRIDE, .size = STRIDE, .path = "\\_SB.VR00",
			.line = { .gsi = 24 + i, .level = i == LEVEL_WINDOW },
		};
	host_acpi.virtio[host_acpi.virtio_count++] = (struct acpi_virtio_mmio){
		.base = 2, .size = 1, .path = "\\_SB.BAD",
	};
	host_acpi.virtio[host_acpi.virtio_count++] = (struct acpi_virtio_mmio){
		.base = (paddr_t)BASE + FAR, .size = STRIDE, .path = "\\_SB.FAR0",
	};
}

/*
 * Once, before anything else: what ACPI and the command line name is never
 * forgotten, and then the windows of the configuration are not tried.
 */
static void windows_begin(struct ktest_run *t)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	host_registers_add(&empty_windows);
	try_configured(t);
	try_where_others_live(t);
	try_strange(t);
	tell_windows(t);
}

KTEST(mmio_windows_are_found_by_who_knows_best)
{
	char text[VIRTIO_TEXT_MAX];

	if (!discover(t, 1, FAKE_MMIO_1))
		return;
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-mmio v1 at 0xfeb00200 (command line)");
	end(t);

	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-mmio v2 at 0xfeb00a00 (ACPI)");
	end(t);

	/* Windows that cannot be mapped have nothing in them. */
	fake_registers_init(&fake, FAKE_MMIO_2, VIRTIO_ID_RNG, BASE + 5 * STRIDE);
	host_ioremap_fails = 1000;
	virtio_mmio_discover();
	host_ioremap_fails = 0;
	expect(t, !virtio_device_at(0));
	end(t);

	/* Then two devices and one that says it is none: those two. */
	if (!discover(t, 6, FAKE_MMIO_2))
		return;
	fake.magic = 5;
	virtio_devices_forget();
	kfree(dev);
	virtio_mmio_discover();
	expect(t, !virtio_device_at(0));
	end(t);
}

static void expect_comes_up(struct ktest_run *t, enum fake_face face)
{
	bool modern = face == FAKE_MMIO_2;
	uint64_t features = modern ? SOME_FEATURE | BIT(35) | VIRTIO_F_VERSION_1 : SOME_FEATURE;

	if (!discover(t, 5, face))
		return;
	addresses_fit();
	require(t, virtio_device_start(dev, &driver) == 0);
	expect_eq(t, fake.accepted & ~BIT(27), features);
	expect_eq(t, dev->features & ~BIT(27), features);
	expect(t, fake.status & VIRTIO_STATUS_DRIVER_OK);
	expect_eq(t, fake.queues[1].size, 16);
	expect(t, fake.queues[1].ready && !fake.queues[0].ready);
	expect_eq(t, fake.queues[1].desc, (uintptr_t)queue->memory - host_memory_bias);
	if (modern) {
		expect(t, fake.queues[1].driver > fake.queues[1].desc);
		expect(t, fake.queues[1].device > fake.queues[1].driver);
	}
	dev->ops->notify(queue);
	expect_eq(t, fake.bells, 1);
	expect_eq(t, fake.last_bell, 1);
	stop();
	expect_eq(t, fake.status, 0);
	end(t);
}

KTEST(mmio_device_of_version_1_comes_up)
{
	expect_comes_up(t, FAKE_MMIO_1);
}

KTEST(mmio_device_of_version_2_comes_up)
{
	expect_comes_up(t, FAKE_MMIO_2);
}

KTEST(mmio_queue_that_is_in_use_is_refused)
{
	for (enum fake_face face = FAKE_MMIO_1; face <= FAKE_MMIO_2; face++) {
		struct virtqueue vq = { .index = 1, .size = 16 };
		const struct virtqueue_addresses a = { 0x1000, 0x2000, 0x3000 };

		if (!discover(t, 5, face))
			return;
		fake.queues[1].ready = true;
		fake.queues[1].desc = 0x1000;
		vq.owner = dev;
		expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), -EBUSY);
		end(t);
	}
}

KTEST(mmio_ring_beyond_a_legacy_device_s_reach_is_refused)
{
	if (!discover(t, 5, FAKE_MMIO_1))
		return;
	struct virtqueue vq = { .index = 0, .size = 16, .owner = dev };
	struct virtqueue_addresses a = { BIT(44) - 4096, 0, 0 };

	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), 0);
	fake.queues[0].desc = 0;
	a.desc = BIT(44);
	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), -EOVERFLOW);
	end(t);
}

KTEST(mmio_queues_beyond_the_last_have_no_size)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	expect_eq(t, dev->ops->queue_size_max(dev, 2), 64);
	expect_eq(t, dev->ops->queue_size_max(dev, 3), 0);
	expect_eq(t, fake.queue, 3);
	end(t);
}

KTEST(mmio_configuration_is_read_by_the_width_of_its_fields)
{
	uint8_t bytes[8];

	for (enum fake_face face = FAKE_MMIO_1; face <= FAKE_MMIO_2; face++) {
		if (!discover(t, 5, face))
			return;
		for (unsigned i = 0; i < sizeof(fake.config); i++)
			fake.config[i] = (uint8_t)(i * 17);
		for (unsigned width = 1; width <= 8; width *= 2) {
			memset(bytes, 0xff, sizeof(bytes));
			expect_eq(t, virtio_config_read(dev, 8, width, bytes, 8), 0);
			expect(t, memcmp(bytes, fake.config + 8, 8) == 0);
		}
		end(t);
	}
}

KTEST(mmio_configuration_is_written_by_the_width_of_its_fields)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	fake.status = VIRTIO_STATUS_FEATURES_OK;
	dev->ops->config_write(dev, 0, 4, 0x44332211);
	dev->ops->config_write(dev, 4, 2, 0x6655);
	dev->ops->config_write(dev, 6, 1, 0x77);
	expect(t, memcmp(fake.config, "\x11\x22\x33\x44\x55\x66\x77\0", 8) == 0);
	end(t);
}

KTEST(mmio_status_with_bits_that_do_not_exist_is_no_finished_reset)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	fake.status_junk = 0x100;
	expect_eq(t, dev->ops->status(dev), 0xff);
	expect_eq(t, virtio_device_start(dev, &driver), -ETIMEDOUT);
	expect(t, dev->unsafe);
	virtio_queues_free(dev);
	end(t);
}

KTEST(mmio_reset_is_waited_for)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	fake.resets_slowly = 20;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect(t, !dev->unsafe);
	fake.resets_slowly = 0;
	stop();
	end(t);
}

KTEST(mmio_interrupt_is_acknowledged_until_an_edge_can_come_again)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	expect_eq(t, dev->ops->acknowledge(dev), 0);
	fake.isr = VIRTIO_INTERRUPT_CONFIG;
	fake.isr_again = 1;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_CONFIG | VIRTIO_INTERRUPT_QUEUE);
	expect_eq(t, fake.isr, 0);
	/* One that never lets go is not waited for. */
	fake.isr = VIRTIO_INTERRUPT_QUEUE;
	fake.isr_again = 1000;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_AGAIN);
	expect(t, fake.isr_again > 900);
	/* One that has let go leaves nothing to be done again. */
	fake.isr_again = 3;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_QUEUE);
	expect_eq(t, fake.isr, 0);
	end(t);
}

KTEST(mmio_interrupt_that_is_a_level_is_acknowledged_once)
{
	if (!discover(t, LEVEL_WINDOW, FAKE_MMIO_2))
		return;
	fake.isr = VIRTIO_INTERRUPT_QUEUE;
	fake.isr_again = 1;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_QUEUE);
	expect_eq(t, fake.isr, VIRTIO_INTERRUPT_QUEUE);
	end(t);
}

KTEST(mmio_interrupt_is_tried_with_the_other_trigger_once)
{
	struct irq irq = { .name = "test" };
	unsigned count = 0;

	if (!discover(t, WINDOWS - 1, FAKE_MMIO_2))
		return;
	expect_eq(t, dev->ops->irqs_open(dev, 3, &count), 0);
	expect_eq(t, count, 1);
	expect(t, dev->ops->irq_retry(dev, &irq) == -ENOENT || irq.vector);
	expect_eq(t, dev->ops->irq_retry(dev, &irq), -ENOENT);
	expect_eq(t, irq.vector, 0);
	dev->ops->irqs_close(dev);
	end(t);
}

KTEST_MAY_FAIL(mmio_device_that_cannot_be_listed_is_left_out)
{
	windows_begin(t);
	fake_registers_init(&fake, FAKE_MMIO_2, VIRTIO_ID_RNG, BASE + 5 * STRIDE);
	virtio_devices_forget();
	virtio_mmio_discover();
	expect(t, virtio_device_at(0) || ktest_refused());
	end(t);
}

/* 4.2.2.2: no word is said of an empty window; what is no device of ours is left alone. */
KTEST(mmio_windows_that_are_empty_or_strange_are_left_alone)
{
	static const struct { uint32_t magic, version, id; unsigned complaints; } cases[] = {
		{ 0x74726976, 2, VIRTIO_ID_RNG, 0 }, { 0x74726976, 1, 0, 0 },
		{ 0x74726976, 2, 0, 0 },
		{ 0x74726976, 3, VIRTIO_ID_RNG, 1 }, { 0x74726976, 0, VIRTIO_ID_RNG, 1 },
		{ 0x74726977, 2, VIRTIO_ID_RNG, 1 },
	};
	unsigned usual = 0;

	windows_begin(t);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned before = log_complaints();

		fake_registers_init(&fake, FAKE_MMIO_2, VIRTIO_ID_RNG, BASE + 5 * STRIDE);
		fake.magic = cases[i].magic;
		fake.version = cases[i].version;
		fake.id = cases[i].id;
		virtio_devices_forget();
		virtio_mmio_discover();
		/* The first case tells what is said of the other windows. */
		usual = i ? usual : log_complaints() - before;
		expect_eq(t, log_complaints() - before, usual + cases[i].complaints);
		expect_eq(t, virtio_device_at(0) != NULL, i == 0);
		end(t);
	}
}

KTEST(mmio_interrupt_bits_that_do_not_exist_are_neither_told_nor_acknowledged)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	fake.isr = ~3u;
	expect_eq(t, dev->ops->acknowledge(dev), 0);
	fake.isr = ~0u;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_CONFIG | VIRTIO_INTERRUPT_QUEUE);
	expect_eq(t, fake.isr, ~3u);
	end(t);
}

static unsigned queue_halts, queue_restarts;

static void queue_halted(struct virtio_device *d __unused, struct virtqueue *vq)
{
	queue_halts++;
	while (virtqueue_detach(vq))
		;
}

static void queue_restarted(struct virtio_device *d __unused, struct virtqueue *vq __unused)
{
	queue_restarts++;
}

static const struct virtio_driver resetting_driver = {
	.name = "test", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe,
	.queue_halted = queue_halted, .queue_restarted = queue_restarted,
};

/* 2.6.1, 4.2.2.2 */
KTEST(mmio_queue_reset_is_waited_for_and_the_queue_set_up_again)
{
	struct fake_registers_queue before;
	void *ring;

	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	fake.offered |= VIRTIO_F_RING_RESET;
	require(t, virtio_device_start(dev, &resetting_driver) == 0);
	require(t, dev->features & VIRTIO_F_RING_RESET);
	before = fake.queues[1];
	queue_halts = queue_restarts = 0;
	fake.resets_slowly = 3;
	expect_eq(t, virtio_queue_reset(dev, queue), 0);
	expect(t, queue_halts == 1 && queue_restarts == 1);
	expect(t, fake.queues[1].ready && fake.queues[1].resetting == 0);
	expect_eq(t, fake.queues[1].size, before.size);
	expect_eq(t, fake.queues[1].desc, before.desc);
	expect_eq(t, fake.queues[1].driver, before.driver);
	expect_eq(t, fake.queues[1].device, before.device);
	/* One that never ends stops the device, its memory still its own. */
	fake.resets_slowly = 1000000;
	ring = queue->memory;
	expect_eq(t, virtio_queue_reset(dev, queue), -EPROTO);
	expect(t, dev->fault != NULL);
	expect_eq(t, queue_halts, 1);
	expect(t, dev->unsafe);		/* nor does the device reset */
	stop();
	page_free(ring, 0);
	end(t);
}

static unsigned halts, restarts;

static void halted(struct virtio_device *d __unused)
{
	halts++;
}

static void restarted(struct virtio_device *d __unused)
{
	restarts++;
}

static const struct virtio_driver restarting_driver = {
	.name = "test", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe,
	.halted = halted, .restarted = restarted,
	.queue_halted = queue_halted, .queue_restarted = queue_restarted,
};

KTEST(mmio_device_that_offers_queue_resets_and_has_none_is_restarted)
{
	if (!discover(t, 5, FAKE_MMIO_2))
		return;
	halts = restarts = queue_halts = 0;
	fake.offered |= VIRTIO_F_RING_RESET;
	fake.no_queue_resets = true;
	require(t, virtio_device_start(dev, &restarting_driver) == 0);
	expect_eq(t, virtio_queue_reset(dev, queue), 0);
	expect(t, halts == 1 && restarts == 1 && queue_halts == 0);
	expect(t, !(dev->features & VIRTIO_F_RING_RESET));
	expect(t, fake.queues[1].ready && fake.queues[1].desc);
	stop();
	end(t);
}
