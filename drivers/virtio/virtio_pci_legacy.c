/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI, legacy interface: registers in ports, in BAR 0 (VIRTIO 1.2,
 * 4.1.4.10). The device alone says how large a queue is, and takes one address
 * for it, in pages (4.1.5.1.3.1).
 *
 * Where the function's MSI-X is on, two registers of vectors lie before the
 * device's configuration, which moves by their size; so it is turned off before
 * anything is read, and what is read later goes by what pci_irqs_open() made of
 * it.
 */
#include "drivers/virtio/virtio_pci.h"

#include <asm/io.h>

#include "drivers/pci/msi.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

enum virtio_pci_legacy_reg {
	LEGACY_DEVICE_FEATURES = 0x00,
	LEGACY_DRIVER_FEATURES = 0x04,
	LEGACY_QUEUE_ADDRESS = 0x08,	/* in pages of 4096 bytes */
	LEGACY_QUEUE_SIZE = 0x0c,	/* 16 bits, to NOTIFY */
	LEGACY_QUEUE_SELECT = 0x0e,
	LEGACY_QUEUE_NOTIFY = 0x10,
	LEGACY_DEVICE_STATUS = 0x12,	/* 8 bits */
	LEGACY_ISR_STATUS = 0x13,	/* 8 bits */
	LEGACY_CONFIG = 0x14,		/* without MSI-X */
	LEGACY_CONFIG_MSIX_VECTOR = 0x14,	/* 16 bits */
	LEGACY_QUEUE_MSIX_VECTOR = 0x16,	/* 16 bits */
	LEGACY_CONFIG_MSIX = 0x18,	/* with MSI-X */
};

enum {
	LEGACY_PAGE = 4096,
};

struct virtio_pci_legacy {
	struct virtio_pci_function function;
	struct pci_bar bar;
};

static struct virtio_pci_legacy *of(const struct virtio_device *dev)
{
	return (struct virtio_pci_legacy *)container_of(dev, struct virtio_pci_legacy,
							function.dev);
}

static uint16_t port(const struct virtio_device *dev, uint32_t reg)
{
	return (uint16_t)(of(dev)->bar.base + reg);
}

static uint8_t get_status(struct virtio_device *dev)
{
	return inb(port(dev, LEGACY_DEVICE_STATUS));
}

static void set_status(struct virtio_device *dev, uint8_t status)
{
	outb(port(dev, LEGACY_DEVICE_STATUS), status);
}

static uint64_t get_features(struct virtio_device *dev)
{
	return inl(port(dev, LEGACY_DEVICE_FEATURES));
}

static void set_features(struct virtio_device *dev, uint64_t features)
{
	outl(port(dev, LEGACY_DRIVER_FEATURES), (uint32_t)features);
}

static uint32_t config_generation(struct virtio_device *dev __unused)
{
	return 0;
}

static uint32_t config_begin(const struct virtio_device *dev)
{
	return virtio_pci_has_messages(dev) ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;
}

/* The rest of the ports is the device's configuration. */
static void config_measure(struct virtio_device *dev)
{
	dev->config_len = (uint32_t)of(dev)->bar.size - config_begin(dev);
}

static uint16_t config_port(const struct virtio_device *dev, uint32_t offset)
{
	return port(dev, config_begin(dev) + offset);
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	uint16_t at = config_port(dev, offset);

	return width == 4 ? inl(at) : width == 2 ? inw(at) : inb(at);
}

static void config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	uint16_t at = config_port(dev, offset);

	if (width == 4)
		outl(at, value);
	else if (width == 2)
		outw(at, (uint16_t)value);
	else
		outb(at, (uint8_t)value);
}

static void queue_select(struct virtio_device *dev, uint16_t index)
{
	outw(port(dev, LEGACY_QUEUE_SELECT), index);
}

static uint32_t queue_size_max(struct virtio_device *dev, uint16_t index)
{
	queue_select(dev, index);
	return inw(port(dev, LEGACY_QUEUE_SIZE));
}

static int queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			const struct virtqueue_addresses *a)
{
	uint64_t page = a->desc / LEGACY_PAGE;

	if (page > UINT32_MAX)
		return -EOVERFLOW;
	queue_select(dev, vq->index);
	if (inl(port(dev, LEGACY_QUEUE_ADDRESS)) != 0)
		return -EBUSY;
	vq->doorbell = port(dev, LEGACY_QUEUE_NOTIFY);
	outl(port(dev, LEGACY_QUEUE_ADDRESS), (uint32_t)page);
	return 0;
}

static void notify(struct virtqueue *vq)
{
	outw((uint16_t)vq->doorbell, vq->index);
}

/* 4.1.5.1.2: what reads back as NO_VECTOR the device has no room for. */
static int source_write(struct virtio_device *dev, enum virtio_pci_legacy_reg reg, unsigned index)
{
	if (!virtio_pci_has_messages(dev))
		return 0;
	outw(port(dev, reg), (uint16_t)index);
	return inw(port(dev, reg)) == index ? 0 : -EBUSY;
}

static int queue_source(struct virtio_device *dev, uint16_t queue, unsigned index)
{
	queue_select(dev, queue);
	return source_write(dev, LEGACY_QUEUE_MSIX_VECTOR, index);
}

static int config_source(struct virtio_device *dev, unsigned index)
{
	return source_write(dev, LEGACY_CONFIG_MSIX_VECTOR, index);
}

static int irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count)
{
	int rc = virtio_pci_irqs_open(dev, wanted, count);

	config_measure(dev);
	return rc;
}

static void irqs_close(struct virtio_device *dev)
{
	virtio_pci_irqs_close(dev);
	config_measure(dev);
}

static unsigned acknowledge(struct virtio_device *dev)
{
	if (virtio_pci_has_messages(dev))
		return VIRTIO_INTERRUPT_ANY;
	return inb(port(dev, LEGACY_ISR_STATUS)) &
	       (VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG);
}

static int describe(const struct virtio_device *dev, char *buf, size_t size)
{
	const struct virtio_pci_legacy *l = of(dev);
	char address[24];
	const char *shown = address;

	virtio_pci_where(dev, address, sizeof(address));
	if (l->function.pci->host->segment == 0)
		shown += sizeof("0000:") - 1;
	return format(buf, size, "virtio-pci legacy %s ports 0x%llx", shown,
		      (unsigned long long)l->bar.base);
}

static void close(struct virtio_device *dev)
{
	pci_device_disable(of(dev)->function.pci);
}

static int open(struct virtio_device *dev)
{
	struct virtio_pci_legacy *l = of(dev);

	if (pci_device_enable_ports(l->function.pci)) {
		dev->undriven = l->function.pci->problem;
		return -ENODEV;
	}
	pci_messages_off(l->function.pci);
	config_measure(dev);
	return 0;
}

static const struct virtio_transport_ops legacy_ops = {
	.open = open,
	.close = close,
	.status = get_status,
	.set_status = set_status,
	.features = get_features,
	.set_features = set_features,
	.config_generation = config_generation,
	.config_read = config_read,
	.config_write = config_write,
	.queue_size_max = queue_size_max,
	.queue_size_fixed = true,
	.queue_enable = queue_enable,
	.notify = notify,
	.cut_off = virtio_pci_cut_off,
	.irqs_open = irqs_open,
	.irq_connect = virtio_pci_irq_connect,
	.irq_retry = virtio_pci_irq_retry,
	.irqs_close = irqs_close,
	.queue_source = queue_source,
	.config_source = config_source,
	.acknowledge = acknowledge,
	.describe = describe,
	.where = virtio_pci_where,
	.name = "pci",
};

/* Why its ports cannot be used; NULL if they can. */
static const char *ports_find(const struct pci_device *pci, struct pci_bar *bar)
{
	if (pci_bar_read(pci, 0, bar))
		return "legacy, and BAR 0 does not exist";
	if (!bar->io)
		return "legacy, and BAR 0 is no ports";
	return bar->size < LEGACY_CONFIG_MSIX ? "legacy, and its ports are too few" :
	       pci_ports_check(bar);
}

void virtio_pci_legacy_take(const struct pci_device *pci, uint32_t id)
{
	struct virtio_pci_legacy *l = kzalloc(sizeof(*l));

	if (!l) {
		log_err("virtio-pci %02x:%02x.%u: no memory to list it", PCI_BUS(pci->address),
			PCI_SLOT(pci->address), PCI_FUNCTION(pci->address));
		return;
	}
	l->function.pci = pci;
	l->function.dev.ops = &legacy_ops;
	l->function.dev.found_through = "PCI";
	l->function.dev.id = id;
	l->function.dev.undriven = ports_find(pci, &l->bar);
	if (!l->function.dev.undriven)
		l->function.dev.undriven = pci->problem;
	if (virtio_device_register(&l->function.dev))
		kfree(l);
}
