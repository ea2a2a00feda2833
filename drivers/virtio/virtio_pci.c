/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI, modern interface (VIRTIO 1.2, 4.1). A transitional device
 * is driven as a modern one, a legacy-only device by virtio_pci_legacy.c.
 *
 * A BAR of ordinary size is mapped once, whole; from a larger one each
 * structure is mapped by itself, with a bound.
 *
 * With MSI-X a message needs no acknowledgement. A line, or MSI, is told by the
 * ISR status: reading it says whose the interrupt is and acknowledges it
 * (4.1.4.5).
 */
#include "drivers/virtio/virtio_pci.h"

#include <asm/io.h>

#include "drivers/virtio/virtio_pci_caps.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

/* struct virtio_pci_common_cfg (4.1.4.3). */
enum virtio_pci_common_reg {
	COMMON_DEVICE_FEATURE_SELECT = 0x00,
	COMMON_DEVICE_FEATURE = 0x04,
	COMMON_DRIVER_FEATURE_SELECT = 0x08,
	COMMON_DRIVER_FEATURE = 0x0c,
	COMMON_CONFIG_MSIX_VECTOR = 0x10,	/* 16 bits */
	COMMON_DEVICE_STATUS = 0x14,		/* 8 bits */
	COMMON_CONFIG_GENERATION = 0x15,	/* 8 bits */
	COMMON_QUEUE_SELECT = 0x16,		/* 16 bits, to NOTIFY_OFF */
	COMMON_QUEUE_SIZE = 0x18,
	COMMON_QUEUE_MSIX_VECTOR = 0x1a,
	COMMON_QUEUE_ENABLE = 0x1c,
	COMMON_QUEUE_NOTIFY_OFF = 0x1e,
	COMMON_QUEUE_DESC = 0x20,		/* low; high follows */
	COMMON_QUEUE_DRIVER = 0x28,
	COMMON_QUEUE_DEVICE = 0x30,
	COMMON_QUEUE_RESET = 0x3a,		/* 16 bits, with RING_RESET */
};

enum {
	MAP_WHOLE_MAX = 256 * 1024,
};

struct virtio_pci {
	struct virtio_pci_function function;
	struct virtio_pci_caps caps;
	struct mmio *bars[PCI_BARS_MAX];		/* mapped whole */
	struct mmio *regs[VIRTIO_PCI_CAP_COUNT];	/* structures, by cfg_type */
	uint32_t lengths[VIRTIO_PCI_CAP_COUNT];		/* bytes of them mapped */
};

static const struct virtio_pci *of(const struct virtio_device *dev)
{
	return container_of(dev, struct virtio_pci, function.dev);
}

static struct mmio *common(const struct virtio_device *dev)
{
	return of(dev)->regs[VIRTIO_PCI_CAP_COMMON];
}

static uint8_t get_status(struct virtio_device *dev)
{
	return mmio_read8(common(dev), COMMON_DEVICE_STATUS);
}

static void set_status(struct virtio_device *dev, uint8_t status)
{
	mmio_write8(common(dev), COMMON_DEVICE_STATUS, status);
}

static uint64_t get_features(struct virtio_device *dev)
{
	uint64_t features;

	mmio_write32(common(dev), COMMON_DEVICE_FEATURE_SELECT, 0);
	features = mmio_read32(common(dev), COMMON_DEVICE_FEATURE);
	mmio_write32(common(dev), COMMON_DEVICE_FEATURE_SELECT, 1);
	features |= (uint64_t)mmio_read32(common(dev), COMMON_DEVICE_FEATURE) << 32;
	/* Not without the register. */
	if (of(dev)->lengths[VIRTIO_PCI_CAP_COMMON] < COMMON_QUEUE_RESET + sizeof(uint16_t))
		features &= ~VIRTIO_F_RING_RESET;
	return features;
}

static void set_features(struct virtio_device *dev, uint64_t features)
{
	mmio_write32(common(dev), COMMON_DRIVER_FEATURE_SELECT, 0);
	mmio_write32(common(dev), COMMON_DRIVER_FEATURE, (uint32_t)features);
	mmio_write32(common(dev), COMMON_DRIVER_FEATURE_SELECT, 1);
	mmio_write32(common(dev), COMMON_DRIVER_FEATURE, (uint32_t)(features >> 32));
}

static uint32_t config_generation(struct virtio_device *dev)
{
	return mmio_read8(common(dev), COMMON_CONFIG_GENERATION);
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	const struct mmio *regs = of(dev)->regs[VIRTIO_PCI_CAP_DEVICE];

	return width == 4 ? mmio_read32(regs, offset) :
	       width == 2 ? mmio_read16(regs, offset) : mmio_read8(regs, offset);
}

static void config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	struct mmio *regs = of(dev)->regs[VIRTIO_PCI_CAP_DEVICE];

	if (width == 4)
		mmio_write32(regs, offset, value);
	else if (width == 2)
		mmio_write16(regs, offset, (uint16_t)value);
	else
		mmio_write8(regs, offset, (uint8_t)value);
}

static uint32_t queue_size_max(struct virtio_device *dev, uint16_t index)
{
	mmio_write16(common(dev), COMMON_QUEUE_SELECT, index);
	return mmio_read16(common(dev), COMMON_QUEUE_SIZE);
}

static void write_address(struct mmio *regs, enum virtio_pci_common_reg reg, paddr_t addr)
{
	mmio_write32(regs, reg, (uint32_t)addr);
	mmio_write32(regs, reg + 4, (uint32_t)(addr >> 32));
}

static int queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			const struct virtqueue_addresses *a)
{
	const struct virtio_pci *p = of(dev);
	struct mmio *regs = common(dev);
	uint64_t bell;

	mmio_write16(regs, COMMON_QUEUE_SELECT, vq->index);
	if (mmio_read16(regs, COMMON_QUEUE_ENABLE) != 0)
		return -EBUSY;
	/* 4.1.4.4: the doorbell lies inside the notify structure. */
	bell = (uint64_t)mmio_read16(regs, COMMON_QUEUE_NOTIFY_OFF) * p->caps.notify_multiplier;
	if (bell + sizeof(uint16_t) > p->lengths[VIRTIO_PCI_CAP_NOTIFY])
		return -EPROTO;
	vq->doorbell = (uintptr_t)bell;

	mmio_write16(regs, COMMON_QUEUE_SIZE, vq->size);
	write_address(regs, COMMON_QUEUE_DESC, a->desc);
	write_address(regs, COMMON_QUEUE_DRIVER, a->avail);
	write_address(regs, COMMON_QUEUE_DEVICE, a->used);
	mmio_write16(regs, COMMON_QUEUE_ENABLE, 1);
	return 0;
}

/* 4.1.4.3.2: over when both read 0. */
static int queue_reset(struct virtio_device *dev, uint16_t index)
{
	mmio_write16(common(dev), COMMON_QUEUE_SELECT, index);
	mmio_write16(common(dev), COMMON_QUEUE_RESET, 1);
	return 0;
}

static bool queue_is_reset(struct virtio_device *dev, uint16_t index)
{
	mmio_write16(common(dev), COMMON_QUEUE_SELECT, index);
	return mmio_read16(common(dev), COMMON_QUEUE_RESET) == 0 &&
	       mmio_read16(common(dev), COMMON_QUEUE_ENABLE) == 0;
}

static void notify(struct virtqueue *vq)
{
	mmio_write16(of(vq->owner)->regs[VIRTIO_PCI_CAP_NOTIFY], vq->doorbell, vq->index);
}

static int irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count)
{
	int rc = virtio_pci_irqs_open(dev, wanted, count);

	if (rc || *count == 0 || virtio_pci_has_messages(dev) ||
	    of(dev)->regs[VIRTIO_PCI_CAP_ISR])
		return rc;
	dev->irq_why = "no ISR structure to acknowledge by";
	virtio_pci_irqs_close(dev);
	dev->irq_kind = NULL;
	*count = 0;
	return 0;
}

/* 4.1.5.1.2: what reads back as NO_VECTOR the device has no room for. */
static int source_write(struct virtio_device *dev, enum virtio_pci_common_reg reg,
			unsigned index)
{
	if (!virtio_pci_has_messages(dev))
		return 0;
	mmio_write16(common(dev), reg, (uint16_t)index);
	return mmio_read16(common(dev), reg) == index ? 0 : -EBUSY;
}

static int queue_source(struct virtio_device *dev, uint16_t queue, unsigned index)
{
	mmio_write16(common(dev), COMMON_QUEUE_SELECT, queue);
	return source_write(dev, COMMON_QUEUE_MSIX_VECTOR, index);
}

static int config_source(struct virtio_device *dev, unsigned index)
{
	return source_write(dev, COMMON_CONFIG_MSIX_VECTOR, index);
}

static unsigned acknowledge(struct virtio_device *dev)
{
	if (virtio_pci_has_messages(dev))
		return VIRTIO_INTERRUPT_ANY;
	if (!of(dev)->regs[VIRTIO_PCI_CAP_ISR])
		return 0;			/* of one that is polled */
	return mmio_read8(of(dev)->regs[VIRTIO_PCI_CAP_ISR], 0) &
	       (VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG);
}

static int describe(const struct virtio_device *dev, char *buf, size_t size)
{
	const struct virtio_pci *p = of(dev);
	const struct virtio_pci_cap *c = &p->caps.caps[VIRTIO_PCI_CAP_COMMON];
	char address[24];
	const char *shown = address;

	virtio_pci_where(dev, address, sizeof(address));
	if (p->function.pci->host->segment == 0)
		shown += sizeof("0000:") - 1;
	if (!c->length)
		return format(buf, size, "virtio-pci %s", shown);
	return format(buf, size, "virtio-pci %s bar%u 0x%llx", shown, c->bar,
		      (unsigned long long)p->caps.bars[c->bar].base);
}

static struct mmio *structure_map(struct virtio_pci *p, const struct virtio_pci_cap *cap,
				  uint32_t length)
{
	const struct pci_bar *bar = &p->caps.bars[cap->bar];
	struct mmio **whole = &p->bars[cap->bar];

	if (bar->size > MAP_WHOLE_MAX)
		return pci_bar_map(p->function.pci, bar, cap->offset, length);
	if (!*whole)
		*whole = pci_bar_map(p->function.pci, bar, 0, (size_t)bar->size);
	return *whole ? (struct mmio *)mmio_at(*whole, cap->offset) : NULL;
}

static void close(struct virtio_device *dev)
{
	struct virtio_pci *p = container_of(dev, struct virtio_pci, function.dev);

	pci_device_disable(p->function.pci);
	for (unsigned type = 1; type < VIRTIO_PCI_CAP_COUNT; type++) {
		if (p->regs[type] && !p->bars[p->caps.caps[type].bar])
			iounmap(p->regs[type]);
		p->regs[type] = NULL;
	}
	for (unsigned i = 0; i < PCI_BARS_MAX; i++) {
		if (p->bars[i])
			iounmap(p->bars[i]);
		p->bars[i] = NULL;
	}
}

static int open(struct virtio_device *dev)
{
	struct virtio_pci *p = container_of(dev, struct virtio_pci, function.dev);

	for (unsigned type = 1; type < VIRTIO_PCI_CAP_COUNT; type++) {
		const struct virtio_pci_cap *cap = &p->caps.caps[type];

		if (!cap->length)
			continue;
		p->lengths[type] = min(cap->length, (uint32_t)MAP_WHOLE_MAX);
		p->regs[type] = structure_map(p, cap, p->lengths[type]);
		if (!p->regs[type]) {
			close(dev);
			dev->undriven = "a BAR cannot be mapped";
			return -ENOMEM;
		}
	}
	dev->config_len = p->lengths[VIRTIO_PCI_CAP_DEVICE];
	if (pci_device_enable(p->function.pci)) {
		close(dev);
		dev->undriven = p->function.pci->problem;
		return -ENODEV;
	}
	return 0;
}

static const struct virtio_transport_ops pci_ops = {
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
	.queue_enable = queue_enable,
	.queue_reset = queue_reset,
	.queue_is_reset = queue_is_reset,
	.cut_off = virtio_pci_cut_off,
	.notify = notify,
	.irqs_open = irqs_open,
	.irq_connect = virtio_pci_irq_connect,
	.irq_retry = virtio_pci_irq_retry,
	.irqs_close = virtio_pci_irqs_close,
	.queue_source = queue_source,
	.config_source = config_source,
	.acknowledge = acknowledge,
	.describe = describe,
	.where = virtio_pci_where,
	.name = "pci",
};

static void function_take(const struct pci_device *pci, uint32_t id)
{
	struct virtio_pci *p = kzalloc(sizeof(*p));
	int rc;

	if (!p) {
		log_err("virtio-pci %02x:%02x.%u: no memory to list it", PCI_BUS(pci->address),
			PCI_SLOT(pci->address), PCI_FUNCTION(pci->address));
		return;
	}
	rc = virtio_pci_caps_read(pci, &p->caps);
	if (rc == -ENOENT && pci->device < VIRTIO_PCI_MODERN && IS_ENABLED(CONFIG_VIRTIO_LEGACY)) {
		kfree(p);
		virtio_pci_legacy_take(pci, id);
		return;
	}
	p->function.pci = pci;
	p->function.dev.ops = &pci_ops;
	p->function.dev.found_through = "PCI";
	p->function.dev.id = id;
	p->function.dev.modern = rc != -ENOENT || pci->device >= VIRTIO_PCI_MODERN;
	p->function.dev.undriven = !rc ? pci->problem : rc != -ENOENT ? p->caps.problem :
				   p->function.dev.modern ? "no virtio structures" :
				   "legacy only, which is not configured";
	if (virtio_device_register(&p->function.dev))
		kfree(p);
}

void virtio_pci_discover(void)
{
	for (unsigned i = 0; i < pci_device_count(); i++) {
		const struct pci_device *pci = pci_device_at(i);
		uint32_t id = virtio_pci_id(pci);

		if (id)
			function_take(pci, id);
	}
}
