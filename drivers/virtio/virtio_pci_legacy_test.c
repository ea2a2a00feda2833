/* SPDX-License-Identifier: MIT */
/* Legacy PCI devices at their ports. */
#include "drivers/virtio/transport.h"

#include "drivers/pci/fake_config.h"
#include "drivers/virtio/fake_registers.h"
#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_machine.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	SOME_FEATURE = 1 << 3,
	PORTS = 0xc040,
	PORTS_LEN = 64,
	TABLE_BAR = 0xfebfe000,
	MSIX_CAP = 0x40,
	VECTORS = 2,
};

static struct fake_config config;
static struct fake_function *function;
static struct fake_registers fake;
static struct virtio_device *dev;
static struct virtqueue *queue;
static uint8_t table[0x1000];

static uint32_t table_get(struct host_registers *r __unused, size_t offset, unsigned width)
{
	uint32_t v = 0;

	memcpy(&v, table + offset, width);
	return v;
}

static void table_set(struct host_registers *r __unused, size_t offset, unsigned width, uint32_t v)
{
	memcpy(table + offset, &v, width);
}

static struct host_registers table_registers = {
	.base = TABLE_BAR, .len = sizeof(table), .read = table_get, .write = table_set,
};

/* As QEMU makes one with disable-modern=on. */
static void function_make(void)
{
	fake_config_init(&config);
	function = fake_function_add(&config, 0, 2, 0, 0x10051af4);
	fake_set16(function, PCI_SUBSYSTEM_ID, VIRTIO_ID_RNG);
	fake_set32(function, PCI_BAR0, PORTS | 1);
	function->bar_mask[0] = 0xffff & ~(PORTS_LEN - 1);
	fake_function_bar(function, 1, TABLE_BAR, 0x1000, false);
	function->config[PCI_STATUS] = 1 << 4;
	function->config[PCI_CAPABILITIES] = MSIX_CAP;
	function->config[MSIX_CAP] = PCI_CAP_MSIX;
	fake_set16(function, MSIX_CAP + 2, VECTORS - 1);
	fake_set32(function, MSIX_CAP + 4, 1);
	fake_set32(function, MSIX_CAP + 8, 0x800 | 1);
	memset(&function->writable[MSIX_CAP + 2], 0xff, 2);
	fake_registers_init(&fake, FAKE_PCI_LEGACY, VIRTIO_ID_RNG, PORTS);
	fake.offered = SOME_FEATURE | BIT(5);
}

static bool discover(struct ktest_run *t)
{
	static struct fake_device local;

	fake_device_init(&local, VIRTIO_ID_RNG);	/* brings an interrupt controller */
	host_registers_add(&table_registers);
	host_acpi.fadt.no_msi = false;
	virtio_devices_forget();
	pci_scan(&config.host);
	host_pci = &config.host;
	host_ioremaps = 0;
	virtio_pci_discover();
	dev = (struct virtio_device *)virtio_device_at(0);
	return expect(t, dev != NULL) && expect(t, !virtio_device_at(1));
}

static bool begin(struct ktest_run *t)
{
	void *some = kmalloc(16);

	/* The host's addresses do not fit a legacy device; these do. */
	host_memory_bias = (uintptr_t)some & ~(BIT(43) - 1);
	kfree(some);
	function_make();
	return discover(t);
}

static void end(struct ktest_run *t)
{
	expect_eq(t, fake.mistakes, 0);
	expect_eq(t, config.mistakes, 0);
	expect_eq(t, host_ioremaps, 0);
	fake_registers_end(&fake);
	for (unsigned i = 0; virtio_device_at(i); i++)
		kfree((void *)virtio_device_at(i));
	virtio_devices_forget();
	host_pci = NULL;
	host_memory_bias = 0;
}

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

static void stop(void)
{
	virtio_device_fail(dev, "the test is over", 0);
	virtio_queues_free(dev);
	dev->ops->close(dev);
}

/* The MSI-X of the function goes on and off; the registers move with it. */
static void follow_messages(void)
{
	fake.message_signalled = function->config[MSIX_CAP + 3] & 0x80;
}

KTEST(pci_legacy_device_is_found_and_named)
{
	char text[VIRTIO_TEXT_MAX];

	if (!begin(t))
		return;
	expect(t, !dev->modern && dev->id == VIRTIO_ID_RNG && !dev->undriven);
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-pci legacy 00:02.0 ports 0xc040");
	config.host.segment = 3;
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-pci legacy 0003:00:02.0 ports 0xc040");
	end(t);
}

KTEST(pci_legacy_device_comes_up_with_queues_of_its_own_size)
{
	if (!begin(t))
		return;
	host_acpi.fadt.no_msi = true;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect_eq(t, fake.accepted, SOME_FEATURE);
	expect_eq(t, dev->features, SOME_FEATURE);
	expect_eq(t, fake.status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
				  VIRTIO_STATUS_DRIVER_OK);
	expect_eq(t, queue->entries, 64);
	expect_eq(t, queue->size, 16);
	expect_eq(t, fake.queues[1].desc, (uintptr_t)queue->memory - host_memory_bias);
	expect(t, fake.queues[1].ready && !fake.queues[0].ready);
	/* 2.7.2: the used ring begins on a page. */
	expect_eq(t, ((uintptr_t)queue->used - (uintptr_t)queue->memory) % 4096, 0);
	expect(t, function->config[PCI_COMMAND] & PCI_COMMAND_IO);
	dev->ops->notify(queue);
	expect_eq(t, fake.last_bell, 1);
	stop();
	expect_eq(t, fake.status, 0);
	expect(t, !(function->config[PCI_COMMAND] & PCI_COMMAND_MASTER));
	end(t);
}

KTEST(pci_legacy_configuration_is_behind_the_vectors_where_there_are_any)
{
	uint8_t bytes[8];

	for (unsigned messages = 0; messages < 2; messages++) {
		if (!begin(t))
			return;
		unsigned count = 0;

		host_acpi.fadt.no_msi = !messages;
		expect_eq(t, dev->ops->open(dev), 0);
		expect_eq(t, dev->ops->irqs_open(dev, 2, &count), 0);
		follow_messages();
		expect_eq(t, fake.message_signalled, messages);
		for (unsigned i = 0; i < sizeof(fake.config); i++)
			fake.config[i] = (uint8_t)(i * 17);
		for (unsigned width = 1; width <= 8; width *= 2) {
			memset(bytes, 0xff, sizeof(bytes));
			expect_eq(t, virtio_config_read(dev, 8, width, bytes, 8), 0);
			expect(t, memcmp(bytes, fake.config + 8, 8) == 0);
		}
		dev->ops->config_write(dev, 0, 4, 0x44332211);
		dev->ops->config_write(dev, 4, 2, 0x6655);
		dev->ops->config_write(dev, 6, 1, 0x77);
		expect(t, memcmp(fake.config, "\x11\x22\x33\x44\x55\x66\x77\x77", 8) == 0);
		if (dev->irq_kind)
			dev->ops->irqs_close(dev);
		dev->ops->close(dev);
		end(t);
	}
}

KTEST(pci_legacy_messages_are_given_to_queues_and_configuration)
{
	struct irq irq = { .name = "test" };
	unsigned count = 0;

	if (!begin(t))
		return;
	expect_eq(t, dev->ops->open(dev), 0);
	expect_eq(t, dev->ops->irqs_open(dev, 3, &count), 0);
	follow_messages();
	expect_eq(t, count, VECTORS);
	expect_eq(t, dev->ops->irq_connect(dev, 0, &irq), 0);
	expect_eq(t, dev->ops->config_source(dev, 0), 0);
	expect_eq(t, dev->ops->queue_source(dev, 1, 1), 0);
	expect_eq(t, fake.config_vector, 0);
	expect_eq(t, fake.queues[1].vector, 1);
	fake.vectors = 1;
	expect_eq(t, dev->ops->queue_source(dev, 2, 1), -EBUSY);
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_ANY);
	expect_eq(t, dev->ops->irq_retry(dev, &irq), -ENOENT);
	irq_disconnect(&irq);
	dev->ops->irqs_close(dev);
	dev->ops->close(dev);
	end(t);
}

KTEST(pci_legacy_line_is_acknowledged_by_reading_the_isr_status)
{
	if (!begin(t))
		return;
	expect_eq(t, dev->ops->open(dev), 0);
	fake.isr = 0xfc | VIRTIO_INTERRUPT_QUEUE;
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_QUEUE);
	expect_eq(t, dev->ops->acknowledge(dev), 0);
	expect_eq(t, dev->ops->queue_source(dev, 1, 0), 0);
	expect_eq(t, fake.queues[1].vector, FAKE_NO_VECTOR);
	dev->ops->close(dev);
	end(t);
}

KTEST(pci_legacy_messages_that_firmware_left_on_are_turned_off)
{
	if (!begin(t))
		return;
	function->config[MSIX_CAP + 3] = 0x80;
	expect_eq(t, dev->ops->open(dev), 0);
	follow_messages();
	expect(t, !fake.message_signalled);
	dev->ops->close(dev);
	end(t);
}

KTEST(pci_legacy_queue_that_is_in_use_or_out_of_reach_is_refused)
{
	struct virtqueue vq = { .index = 1, .size = 64 };
	struct virtqueue_addresses a = { BIT(44), 0, 0 };

	if (!begin(t))
		return;
	expect_eq(t, dev->ops->open(dev), 0);
	vq.owner = dev;
	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), -EOVERFLOW);
	a.desc -= 4096;
	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), 0);
	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), -EBUSY);
	dev->ops->close(dev);
	end(t);
}

/* What BAR 0 may be that is no use. */
KTEST(pci_legacy_device_without_usable_ports_is_not_driven)
{
	static const struct {
		uint32_t bar, mask;
	} cases[] = {
		{ 0, 0 },				/* none */
		{ 0xfebf0000, 0xfffff000 },		/* memory */
		{ 1, 0xffc0 },				/* at 0 */
		{ 0xc001, 0xfff0 },			/* too short */
		{ 0x301, 0xffc0 },			/* the board's */
		{ 0xffff0001, 0xffffffc0 },		/* beyond the ports there are */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		function_make();
		fake_set32(function, PCI_BAR0, cases[i].bar);
		function->bar_mask[0] = cases[i].mask;
		if (!discover(t))
			return;
		expect(t, dev->undriven != NULL);
		expect_eq(t, fake.resets, 0);
		end(t);
	}
}

KTEST(pci_legacy_function_with_a_problem_is_not_driven)
{
	if (!begin(t))
		return;
	config.host.devices[0].problem = "a BAR of it has no place";
	expect(t, virtio_device_start(dev, &driver) != 0);
	expect_str(t, dev->undriven, "a BAR of it has no place");
	end(t);
}

KTEST_MAY_FAIL(pci_legacy_device_that_cannot_be_listed_is_left_out)
{
	function_make();
	pci_scan(&config.host);
	host_pci = &config.host;
	host_ioremaps = 0;
	virtio_devices_forget();
	virtio_pci_discover();
	expect(t, virtio_device_at(0) || ktest_refused());
	end(t);
}

KTEST(pci_legacy_device_is_left_out_where_the_list_is_full)
{
	static struct fake_device filler;

	function_make();
	pci_scan(&config.host);
	host_pci = &config.host;
	host_ioremaps = 0;
	virtio_devices_forget();
	fake_device_init(&filler, VIRTIO_ID_RNG);
	while (virtio_device_register(&filler.dev) == 0)
		;
	virtio_pci_discover();
	virtio_devices_forget();
	end(t);
}
