/* SPDX-License-Identifier: MIT */
/* PCI devices at their registers and their configuration space. */
#include "drivers/virtio/transport.h"

#include "drivers/pci/fake_config.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/pci_irq.h"
#include "drivers/virtio/fake_registers.h"
#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_machine.h"
#include "drivers/virtio/virtio_pci_caps.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	SOME_FEATURE = 1 << 3,
	BAR = 0xfebf8000,
	LARGE_BAR = 0xc0000000,
	LARGE = 512 << 10,
	TABLE_BAR = 0xfebfe000,
	VECTORS = 3,
	COMMON_CAP = 0x84, NOTIFY_CAP = 0x98, ISR_CAP = 0xac, DEVICE_CAP = 0xbc, MSIX_CAP = 0x40,
};

static struct fake_config config;
static struct fake_function *function;
static struct fake_registers fake;
static struct virtio_device *dev;
static struct virtqueue *queue;

/* The MSI-X table: memory. */
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

static void put_cap(uint8_t at, uint8_t next, uint8_t type, uint32_t offset)
{
	function->config[at] = PCI_CAP_VENDOR;
	function->config[at + 1] = next;
	function->config[at + 2] = 16;
	function->config[at + 3] = type;
	function->config[at + 4] = 4;
	fake_set32(function, at + 8, offset);
	fake_set32(function, at + 12, 0x1000);
}

/* As QEMU makes it. */
static void function_make(uint64_t bar, uint64_t size)
{
	fake_config_init(&config);
	function = fake_function_add(&config, 0, 3, 0, 0x10441af4);
	fake_function_bar(function, 1, TABLE_BAR, 0x1000, false);
	fake_function_bar(function, 4, bar, size, true);
	function->config[PCI_STATUS] = 1 << 4;
	function->config[PCI_CAPABILITIES] = COMMON_CAP;
	put_cap(COMMON_CAP, NOTIFY_CAP, VIRTIO_PCI_CAP_COMMON, FAKE_COMMON_AT);
	put_cap(NOTIFY_CAP, ISR_CAP, VIRTIO_PCI_CAP_NOTIFY, FAKE_NOTIFY_AT);
	function->config[NOTIFY_CAP + 2] = 20;
	fake_set32(function, NOTIFY_CAP + 16, FAKE_NOTIFY_MULTIPLIER);
	put_cap(ISR_CAP, DEVICE_CAP, VIRTIO_PCI_CAP_ISR, FAKE_ISR_AT);
	put_cap(DEVICE_CAP, MSIX_CAP, VIRTIO_PCI_CAP_DEVICE, FAKE_DEVICE_AT);
	function->config[MSIX_CAP] = PCI_CAP_MSIX;
	fake_set16(function, MSIX_CAP + 2, VECTORS - 1);
	fake_set32(function, MSIX_CAP + 4, 1);
	fake_set32(function, MSIX_CAP + 8, 0x800 | 1);
	memset(&function->writable[MSIX_CAP + 2], 0xff, 2);
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
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
	fake.offered |= SOME_FEATURE | BIT(5) | BIT(35);
	function_make(BAR, FAKE_BAR_LEN);
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

static int prove(struct virtio_device *d __unused, struct virtqueue *vq __unused)
{
	return -EBUSY;
}

static const struct virtio_driver proved_driver = {
	.name = "test", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe, .prove = prove,
};

static void stop(void)
{
	virtio_device_fail(dev, "the test is over", 0);
	virtio_queues_free(dev);
	dev->ops->close(dev);
}

KTEST(pci_modern_device_is_found_and_named)
{
	char text[VIRTIO_TEXT_MAX];

	if (!begin(t))
		return;
	expect(t, dev->modern && dev->id == VIRTIO_ID_RNG && !dev->undriven);
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-pci 00:03.0 bar4 0xfebf8000");
	dev->ops->where(dev, text, sizeof(text));
	expect_str(t, text, "0000:00:03.0");
	config.host.segment = 1;
	dev->ops->describe(dev, text, sizeof(text));
	expect_str(t, text, "virtio-pci 0001:00:03.0 bar4 0xfebf8000");
	end(t);
}

KTEST(pci_modern_device_comes_up)
{
	const uint64_t features = SOME_FEATURE | BIT(35) | VIRTIO_F_VERSION_1;

	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect_eq(t, fake.accepted, features);
	expect(t, fake.status & VIRTIO_STATUS_DRIVER_OK);
	expect_eq(t, fake.queues[1].size, 16);
	expect(t, fake.queues[1].ready && !fake.queues[0].ready);
	expect_eq(t, fake.queues[1].desc, (uintptr_t)queue->memory);
	expect(t, fake.queues[1].driver > fake.queues[1].desc);
	expect(t, fake.queues[1].device > fake.queues[1].driver);
	expect(t, function->config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	dev->ops->notify(queue);
	expect_eq(t, fake.last_bell, 1);
	expect_eq(t, fake.last_bell_at, FAKE_NOTIFY_MULTIPLIER);
	stop();
	expect_eq(t, fake.status, 0);
	expect(t, !(function->config[PCI_COMMAND] & PCI_COMMAND_MASTER));
	end(t);
}

KTEST(pci_structures_of_a_large_bar_are_mapped_by_themselves)
{
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, LARGE_BAR);
	function_make(LARGE_BAR, LARGE);
	if (!discover(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect(t, host_ioremaps >= 4);
	stop();
	end(t);
}

KTEST(pci_bar_that_cannot_be_mapped_leaves_the_device_undriven)
{
	for (unsigned large = 0; large < 2; large++) {
		fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG,
				    large ? LARGE_BAR : BAR);
		function_make(large ? LARGE_BAR : BAR, large ? LARGE : FAKE_BAR_LEN);
		if (!discover(t))
			return;
		host_ioremap_fails = 1;
		expect_eq(t, virtio_device_start(dev, &driver), -ENOMEM);
		expect_str(t, dev->undriven, "a BAR cannot be mapped");
		expect_eq(t, fake.resets, 0);
		end(t);
	}
}

KTEST(pci_function_with_a_problem_is_not_driven)
{
	if (!begin(t))
		return;
	config.host.devices[0].problem = "a BAR of it has no place";
	expect(t, virtio_device_start(dev, &driver) != 0);
	expect(t, dev->undriven);
	end(t);
}

KTEST(pci_function_whose_capabilities_lie_is_not_driven)
{
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
	function_make(BAR, FAKE_BAR_LEN);
	fake_set32(function, COMMON_CAP + 8, 0x3fff);
	if (!discover(t))
		return;
	expect(t, dev->undriven);
	end(t);
}

KTEST(pci_functions_that_are_not_virtio_are_left_alone)
{
	fake_config_init(&config);
	fake_function_add(&config, 0, 1, 0, 0x12378086);
	pci_scan(&config.host);
	host_pci = &config.host;
	virtio_devices_forget();
	virtio_pci_discover();
	expect(t, !virtio_device_at(0));
	host_pci = NULL;
}

KTEST(pci_doorbell_outside_the_notify_structure_is_a_lie)
{
	static const uint16_t offsets[] = { 0x400, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		if (!begin(t))
			return;
		fake.notify_off[1] = offsets[i];
		expect_eq(t, virtio_device_start(dev, &driver), -EPROTO);
		expect(t, dev->fault && !fake.queues[1].ready);
		end(t);
	}
}

KTEST(pci_queue_that_is_in_use_is_refused)
{
	struct virtqueue vq = { .index = 1, .size = 16 };
	const struct virtqueue_addresses a = { 0x1000, 0x2000, 0x3000 };

	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	vq.owner = dev;
	expect_eq(t, dev->ops->queue_enable(dev, &vq, &a), -EBUSY);
	stop();
	end(t);
}

KTEST(pci_configuration_is_read_by_the_width_of_its_fields)
{
	uint8_t bytes[8];

	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	for (unsigned i = 0; i < sizeof(fake.config); i++)
		fake.config[i] = (uint8_t)(i * 17);
	for (unsigned width = 1; width <= 8; width *= 2) {
		memset(bytes, 0xff, sizeof(bytes));
		expect_eq(t, virtio_config_read(dev, 8, width, bytes, 8), 0);
		expect(t, memcmp(bytes, fake.config + 8, 8) == 0);
	}
	stop();
	end(t);
}

KTEST(pci_configuration_is_written_by_the_width_of_its_fields)
{
	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	dev->ops->config_write(dev, 0, 4, 0x44332211);
	dev->ops->config_write(dev, 4, 2, 0x6655);
	dev->ops->config_write(dev, 6, 1, 0x77);
	expect(t, memcmp(fake.config, "\x11\x22\x33\x44\x55\x66\x77\0", 8) == 0);
	stop();
	end(t);
}

KTEST(pci_queue_is_reset_when_the_device_says_so)
{
	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect(t, !dev->ops->queue_is_reset(dev, 1));
	fake.resets_slowly = 2;
	dev->ops->queue_reset(dev, 1);
	expect(t, !dev->ops->queue_is_reset(dev, 1) && !dev->ops->queue_is_reset(dev, 1));
	expect(t, dev->ops->queue_is_reset(dev, 1));
	expect(t, !fake.queues[1].ready);
	stop();
	end(t);
}

KTEST(pci_device_that_does_not_reset_is_cut_off_from_the_bus)
{
	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	expect(t, dev->ops->cut_off(dev));
	expect(t, !(function->config[PCI_COMMAND] & PCI_COMMAND_MASTER));
	stop();
	end(t);
}

/* Opens the interrupts of a device that the core has not started. */
static unsigned irqs_open(struct ktest_run *t, unsigned wanted)
{
	unsigned count = 0;

	expect_eq(t, dev->ops->open(dev), 0);
	expect_eq(t, dev->ops->irqs_open(dev, wanted, &count), 0);
	return count;
}

KTEST(pci_messages_are_given_to_queues_and_configuration)
{
	struct irq irq = { .name = "test" };

	if (!begin(t))
		return;
	expect_eq(t, irqs_open(t, 2), 2);
	expect_str(t, dev->irq_kind, "MSI-X");
	expect_eq(t, dev->ops->irq_connect(dev, 1, &irq), 0);
	expect_eq(t, dev->ops->config_source(dev, 0), 0);
	expect_eq(t, dev->ops->queue_source(dev, 2, 1), 0);
	expect_eq(t, fake.config_vector, 0);
	expect_eq(t, fake.queues[2].vector, 1);
	expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_ANY);
	expect_eq(t, dev->ops->irq_retry(dev, &irq), -ENOENT);
	/* 4.1.5.1.2 */
	fake.vectors = 1;
	expect_eq(t, dev->ops->queue_source(dev, 2, 1), -EBUSY);
	irq_disconnect(&irq);
	dev->ops->irqs_close(dev);
	dev->ops->close(dev);
	end(t);
}

/* The line of slot 3 by the Interrupt Line register, which no controller has here. */
static void only_a_line(void)
{
	host_acpi.fadt.no_msi = true;
	function->config[PCI_INTERRUPT_PIN] = 1;
	function->config[PCI_INTERRUPT_LINE] = 11;
}

KTEST(pci_line_is_acknowledged_by_reading_the_isr_status)
{
	struct irq irq = { .name = "test" };

	if (!begin(t))
		return;
	only_a_line();
	if (irqs_open(t, 2) == 1) {
		expect_str(t, dev->irq_kind, "line");
		expect_str(t, dev->irq_why, "firmware forbids MSI");
		/* Which source it is the device need not be told. */
		expect_eq(t, dev->ops->queue_source(dev, 2, 0), 0);
		expect_eq(t, fake.queues[2].vector, FAKE_NO_VECTOR);
		fake.isr = 0xfc | VIRTIO_INTERRUPT_CONFIG;
		expect_eq(t, dev->ops->acknowledge(dev), VIRTIO_INTERRUPT_CONFIG);
		expect_eq(t, dev->ops->acknowledge(dev), 0);
		(void)!dev->ops->irq_connect(dev, 0, &irq);
		expect_eq(t, dev->ops->irq_retry(dev, &irq), -ENOENT);
		expect(t, dev->irq_why);
		dev->ops->irqs_close(dev);
	} else {
		expect(t, dev->irq_why);
	}
	dev->ops->close(dev);
	end(t);
}

KTEST(pci_line_without_an_isr_structure_is_not_used)
{
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
	function_make(BAR, FAKE_BAR_LEN);
	function->config[NOTIFY_CAP + 1] = DEVICE_CAP;
	if (!discover(t))
		return;
	only_a_line();
	if (dev->undriven) {		/* 4.1.4.5 demands one, and so may the transport */
		end(t);
		return;
	}
	expect_eq(t, irqs_open(t, 2), 0);
	expect(t, dev->irq_why);
	dev->ops->close(dev);
	end(t);
}

KTEST(pci_device_whose_proof_fails_is_polled)
{
	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &proved_driver) == 0);
	expect(t, dev->polled);
	stop();
	end(t);
}

KTEST_MAY_FAIL(pci_device_that_cannot_be_listed_is_left_out)
{
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
	function_make(BAR, FAKE_BAR_LEN);
	pci_scan(&config.host);
	host_pci = &config.host;
	virtio_devices_forget();
	host_ioremaps = 0;
	virtio_pci_discover();
	expect(t, virtio_device_at(0) || ktest_refused());
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

/* 2.6.1, 4.1.4.3.2 */
KTEST(pci_queue_reset_is_waited_for_and_the_queue_set_up_again)
{
	struct fake_registers_queue before;

	if (!begin(t))
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
	expect_eq(t, virtio_queue_reset(dev, queue), -EPROTO);
	expect_str(t, dev->fault, "a queue does not reset");
	expect_eq(t, queue_halts, 1);
	stop();
	end(t);
}

/* MSI beside MSI-X, both as firmware may have left them. */
KTEST(pci_messages_that_firmware_left_on_are_off_but_those_that_are_used)
{
	enum { MSI_CAP = 0x60 };
	struct pci_irqs irqs;

	for (unsigned msix = 0; msix < 2; msix++) {
		if (!begin(t))
			return;
		function->config[MSIX_CAP + 1] = MSI_CAP;
		function->config[MSI_CAP] = PCI_CAP_MSI;
		fake_set16(function, MSI_CAP + 2, PCI_MSI_64 | PCI_MSI_ENABLE);
		memset(&function->writable[MSI_CAP + 2], 0xff, 14);
		fake_set16(function, MSIX_CAP + 2, (VECTORS - 1) | PCI_MSIX_ENABLE);
		if (!msix)		/* its table cannot be used */
			fake_set32(function, MSIX_CAP + 4, 5);
		expect_eq(t, pci_irqs_open(&config.host.devices[0], 2, &irqs), 0);
		expect_eq(t, irqs.kind, msix ? PCI_IRQ_MSIX : PCI_IRQ_MSI);
		expect_eq(t, pci_config_read16(irqs.dev, MSI_CAP + 2), PCI_MSI_64);
		expect_eq(t, pci_config_read16(irqs.dev, MSIX_CAP + 2),
			  (VECTORS - 1) | (msix ? PCI_MSIX_ENABLE : 0));
		pci_irqs_close(&irqs);
		end(t);
	}
}

KTEST(pci_function_that_does_not_reset_is_no_master_of_the_bus_any_more)
{
	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	fake.resets_slowly = ~0u;
	virtio_device_fail(dev, "test", 0);
	expect(t, !(function->config[PCI_COMMAND] & PCI_COMMAND_MASTER));
	expect(t, function->config[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	expect(t, !dev->unsafe);
	stop();
	end(t);
}

KTEST(pci_function_that_stays_master_of_the_bus_is_unsafe)
{
	void *ring;

	if (!begin(t))
		return;
	require(t, virtio_device_start(dev, &driver) == 0);
	ring = queue->memory;
	fake.resets_slowly = ~0u;
	function->writable[PCI_COMMAND] = 0;
	virtio_device_fail(dev, "test", 0);
	expect(t, dev->unsafe);
	stop();
	page_free(ring, 0);
	config.mistakes = 0;		/* writes to what cannot be written */
	end(t);
}

KTEST(pci_queues_are_reset_only_where_there_is_a_register_for_it)
{
	for (uint32_t length = 56; length <= 60; length += 4) {
		fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
		fake.offered |= VIRTIO_F_RING_RESET;
		function_make(BAR, FAKE_BAR_LEN);
		fake_set32(function, COMMON_CAP + 12, length);
		if (!discover(t))
			return;
		expect_eq(t, dev->ops->open(dev), 0);
		expect_eq(t, (dev->ops->features(dev) & VIRTIO_F_RING_RESET) != 0, length == 60);
		dev->ops->close(dev);
		end(t);
	}
}

KTEST(pci_modern_number_without_structures_is_no_legacy_device)
{
	fake_registers_init(&fake, FAKE_PCI_MODERN, VIRTIO_ID_RNG, BAR);
	function_make(BAR, FAKE_BAR_LEN);
	function->config[PCI_CAPABILITIES] = MSIX_CAP;
	if (!discover(t))
		return;
	expect_str(t, dev->undriven, "no virtio structures");
	expect(t, dev->modern);
	end(t);
}
