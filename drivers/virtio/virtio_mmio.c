/* SPDX-License-Identifier: MIT */
/*
 * virtio over MMIO, versions 1 (legacy, VIRTIO 1.2, 4.2.4) and 2 (4.2.2).
 *
 * Windows come from `virtio_mmio.device=` on the command line and from ACPI,
 * who of the two spoke first is believed. Only where neither names one, the
 * windows that Kconfig names are tried: reading an address that nobody vouched
 * for can disturb a device, so not where a PCI host answers or is said to be
 * (its BARs may lie there) nor where the memory map names the range.
 *
 * The line is acknowledged in the handler: what InterruptStatus shows is
 * written to InterruptACK (4.2.2), before any ring is read.
 */
#include "drivers/virtio/transport.h"

#include <asm/io.h>
#include <asm/pci_ports.h>

#include "drivers/acpi/acpi.h"
#include "drivers/virtio/virtio_mmio_windows.h"
#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "mm/kmalloc.h"
#include "mm/ioremap.h"
#include "mm/mm.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

/* 4.2.2, and 4.2.4 where it says legacy. */
enum virtio_mmio_reg {
	MMIO_MAGIC = 0x000,
	MMIO_VERSION = 0x004,
	MMIO_DEVICE_ID = 0x008,
	MMIO_DEVICE_FEATURES = 0x010,
	MMIO_DEVICE_FEATURES_SEL = 0x014,
	MMIO_DRIVER_FEATURES = 0x020,
	MMIO_DRIVER_FEATURES_SEL = 0x024,
	MMIO_GUEST_PAGE_SIZE = 0x028,	/* legacy */
	MMIO_QUEUE_SEL = 0x030,
	MMIO_QUEUE_NUM_MAX = 0x034,
	MMIO_QUEUE_NUM = 0x038,
	MMIO_QUEUE_ALIGN = 0x03c,	/* legacy */
	MMIO_QUEUE_PFN = 0x040,		/* legacy */
	MMIO_QUEUE_READY = 0x044,
	MMIO_QUEUE_NOTIFY = 0x050,
	MMIO_INTERRUPT_STATUS = 0x060,
	MMIO_INTERRUPT_ACK = 0x064,
	MMIO_STATUS = 0x070,
	MMIO_QUEUE_DESC = 0x080,	/* low; high follows */
	MMIO_QUEUE_DRIVER = 0x090,
	MMIO_QUEUE_DEVICE = 0x0a0,
	MMIO_QUEUE_RESET = 0x0c0,
	MMIO_CONFIG_GENERATION = 0x0fc,
	MMIO_CONFIG = 0x100,
};

enum {
	MMIO_MAGIC_VALUE = 0x74726976,	/* "virt" */
	MMIO_LEGACY_PAGE = 4096,
	ACKNOWLEDGE_TRIES = 4,
	VIEW_MAX = 1 << 20,		/* bytes of one mapping of several windows */
};

static_assert(CONFIG_VIRTIO_MMIO_BASE % 4 == 0, "CONFIG_VIRTIO_MMIO_BASE is no multiple of 4");
static_assert(CONFIG_VIRTIO_MMIO_STRIDE % 4 == 0, "CONFIG_VIRTIO_MMIO_STRIDE is no multiple of 4");

struct virtio_mmio {
	struct virtio_device dev;
	struct mmio *regs;
	struct virtio_mmio_window window;
	bool retried;			/* with the other trigger */
};

static struct virtio_mmio_windows windows;

static const struct virtio_mmio *of(const struct virtio_device *dev)
{
	return container_of(dev, struct virtio_mmio, dev);
}

static uint32_t reg_read(const struct virtio_device *dev, enum virtio_mmio_reg reg)
{
	return mmio_read32(of(dev)->regs, reg);
}

static void reg_write(const struct virtio_device *dev, enum virtio_mmio_reg reg, uint32_t value)
{
	mmio_write32(of(dev)->regs, reg, value);
}

static uint8_t get_status(struct virtio_device *dev)
{
	/* Bits above the eight that exist must not look like a finished reset. */
	uint32_t status = reg_read(dev, MMIO_STATUS);

	return status > 0xff ? 0xff : (uint8_t)status;
}

static void set_status(struct virtio_device *dev, uint8_t status)
{
	reg_write(dev, MMIO_STATUS, status);
}

static uint64_t get_features(struct virtio_device *dev)
{
	uint64_t features;

	reg_write(dev, MMIO_DEVICE_FEATURES_SEL, 0);
	features = reg_read(dev, MMIO_DEVICE_FEATURES);
	if (virtio_is_legacy(dev))
		return features;
	reg_write(dev, MMIO_DEVICE_FEATURES_SEL, 1);
	return features | (uint64_t)reg_read(dev, MMIO_DEVICE_FEATURES) << 32;
}

static void set_features(struct virtio_device *dev, uint64_t features)
{
	reg_write(dev, MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(dev, MMIO_DRIVER_FEATURES, (uint32_t)features);
	if (virtio_is_legacy(dev))
		return;
	reg_write(dev, MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(dev, MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

static uint32_t config_generation(struct virtio_device *dev)
{
	return virtio_is_legacy(dev) ? 0 : reg_read(dev, MMIO_CONFIG_GENERATION);
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	const struct mmio *regs = of(dev)->regs;

	offset += MMIO_CONFIG;
	return width == 4 ? mmio_read32(regs, offset) :
	       width == 2 ? mmio_read16(regs, offset) : mmio_read8(regs, offset);
}

static void config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	struct mmio *regs = of(dev)->regs;

	offset += MMIO_CONFIG;
	if (width == 4)
		mmio_write32(regs, offset, value);
	else if (width == 2)
		mmio_write16(regs, offset, (uint16_t)value);
	else
		mmio_write8(regs, offset, (uint8_t)value);
}

static uint32_t queue_size_max(struct virtio_device *dev, uint16_t index)
{
	reg_write(dev, MMIO_QUEUE_SEL, index);
	return reg_read(dev, MMIO_QUEUE_NUM_MAX);
}

static int queue_enable_legacy(struct virtio_device *dev, struct virtqueue *vq,
			       const struct virtqueue_addresses *a)
{
	uint64_t pfn = a->desc / MMIO_LEGACY_PAGE;

	if (pfn > UINT32_MAX)
		return -EOVERFLOW;
	if (reg_read(dev, MMIO_QUEUE_PFN) != 0)
		return -EBUSY;
	reg_write(dev, MMIO_GUEST_PAGE_SIZE, MMIO_LEGACY_PAGE);
	reg_write(dev, MMIO_QUEUE_NUM, vq->size);
	reg_write(dev, MMIO_QUEUE_ALIGN, MMIO_LEGACY_PAGE);
	reg_write(dev, MMIO_QUEUE_PFN, (uint32_t)pfn);
	return 0;
}

static void write_address(struct virtio_device *dev, enum virtio_mmio_reg reg, paddr_t addr)
{
	reg_write(dev, reg, (uint32_t)addr);
	reg_write(dev, reg + 4, (uint32_t)(addr >> 32));
}

static int queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			const struct virtqueue_addresses *a)
{
	reg_write(dev, MMIO_QUEUE_SEL, vq->index);
	if (virtio_is_legacy(dev))
		return queue_enable_legacy(dev, vq, a);
	if (reg_read(dev, MMIO_QUEUE_READY) != 0)
		return -EBUSY;
	reg_write(dev, MMIO_QUEUE_NUM, vq->size);
	write_address(dev, MMIO_QUEUE_DESC, a->desc);
	write_address(dev, MMIO_QUEUE_DRIVER, a->avail);
	write_address(dev, MMIO_QUEUE_DEVICE, a->used);
	reg_write(dev, MMIO_QUEUE_READY, 1);
	return 0;
}

static bool queue_is_reset(struct virtio_device *dev, uint16_t index)
{
	reg_write(dev, MMIO_QUEUE_SEL, index);
	return reg_read(dev, MMIO_QUEUE_RESET) == 0 && reg_read(dev, MMIO_QUEUE_READY) == 0;
}

/*
 * 4.2.2: while it goes on QueueReset reads 1, and when it is over QueueReady
 * reads 0. QEMU 7.2 offers RING_RESET on MMIO too, where it has no such
 * register: neither comes true.
 */
static int queue_reset(struct virtio_device *dev, uint16_t index)
{
	reg_write(dev, MMIO_QUEUE_SEL, index);
	reg_write(dev, MMIO_QUEUE_RESET, 1);
	if (reg_read(dev, MMIO_QUEUE_RESET) == 0 && reg_read(dev, MMIO_QUEUE_READY) != 0)
		return -ENOTSUP;
	return 0;
}

static void notify(struct virtqueue *vq)
{
	reg_write(vq->owner, MMIO_QUEUE_NOTIFY, vq->index);
}

static int irqs_open(struct virtio_device *dev, unsigned wanted __unused, unsigned *count)
{
	dev->irq_kind = "line";
	*count = 1;
	return 0;
}

static int irq_connect(struct virtio_device *dev, unsigned index __unused, struct irq *irq)
{
	const struct virtio_mmio_window *w = &of(dev)->window;

	return irq_connect_line(irq, w->gsi, w->trigger, w->polarity);
}

/* The other trigger, once. */
static int irq_retry(struct virtio_device *dev, struct irq *irq)
{
	struct virtio_mmio *m = container_of(dev, struct virtio_mmio, dev);

	irq_disconnect(irq);
	if (m->retried)
		return -ENOENT;
	m->retried = true;
	m->window.trigger = m->window.trigger == IRQ_EDGE ? IRQ_LEVEL : IRQ_EDGE;
	return irq_connect(dev, 0, irq) ? -ENOENT : 0;
}

static void irqs_close(struct virtio_device *dev __unused)
{
}

/* 4.2.2.2: bits that do not exist are not looked at, and never acknowledged. */
static uint32_t interrupt_status(struct virtio_device *dev)
{
	return reg_read(dev, MMIO_INTERRUPT_STATUS) &
	       (VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG);
}

/*
 * An edge comes only after the line has fallen: what the device reports
 * between the reading and the acknowledgement must not be left standing. Where
 * it does so again and again the loop goes on, for a handler does not wait.
 * A level that stands interrupts again.
 */
static unsigned acknowledge(struct virtio_device *dev)
{
	unsigned tries = 0, told = 0;
	uint32_t status;

	while ((status = interrupt_status(dev))) {
		if (tries++ == ACKNOWLEDGE_TRIES)
			return told | VIRTIO_INTERRUPT_AGAIN;
		reg_write(dev, MMIO_INTERRUPT_ACK, status);
		told |= status;
		if (of(dev)->window.trigger != IRQ_EDGE)
			break;
	}
	return told;
}

static int describe(const struct virtio_device *dev, char *buf, size_t size)
{
	return format(buf, size, "virtio-mmio v%u at 0x%llx (%s)", dev->modern ? 2u : 1u,
		      (unsigned long long)of(dev)->window.base, dev->found_through);
}

static int where(const struct virtio_device *dev, char *buf, size_t size)
{
	return format(buf, size, "0x%llx", (unsigned long long)of(dev)->window.base);
}

static const struct virtio_transport_ops mmio_ops = {
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
	.notify = notify,
	.irqs_open = irqs_open,
	.irq_connect = irq_connect,
	.irq_retry = irq_retry,
	.irqs_close = irqs_close,
	.acknowledge = acknowledge,
	.describe = describe,
	.where = where,
	.name = "mmio",
};

static void device_take(struct mmio *regs, const struct virtio_mmio_window *window,
			uint32_t id, uint32_t version)
{
	struct virtio_mmio *m = kzalloc(sizeof(*m));

	if (!m) {
		log_err("virtio-mmio at 0x%llx: no memory to list it",
			(unsigned long long)window->base);
		return;
	}
	m->dev.ops = &mmio_ops;
	m->dev.found_through = window->from;
	m->dev.id = id;
	m->dev.modern = version == 2;
	if (version == 1 && !IS_ENABLED(CONFIG_VIRTIO_LEGACY))
		m->dev.undriven = "legacy, which is not configured";
	m->dev.config_len = window->size - MMIO_CONFIG;
	m->regs = regs;
	m->window = *window;
	if (virtio_device_register(&m->dev))
		kfree(m);
}

/*
 * Looks into one mapped window, in the order of 4.2.3.1.1. False if there is no
 * virtio there. One with id 0 is empty, of which nothing is said (4.2.2.2).
 */
static bool window_probe(struct mmio *regs, const struct virtio_mmio_window *window)
{
	uint32_t version, id;

	if (mmio_read32(regs, MMIO_MAGIC) != MMIO_MAGIC_VALUE)
		return false;
	version = mmio_read32(regs, MMIO_VERSION);
	if (version != 1 && version != 2) {
		log_warn("virtio-mmio at 0x%llx has version %u",
			 (unsigned long long)window->base, version);
		return true;
	}
	id = mmio_read32(regs, MMIO_DEVICE_ID);
	if (id != 0)
		device_take(regs, window, id, version);
	return true;
}

/* A mapping that neighbours share. */
struct view {
	struct mmio *regs;
	paddr_t start, end;
};

/* Has the view hold a window too, if it lies beside what is there. */
static bool view_extend(struct view *v, const struct virtio_mmio_window *w)
{
	paddr_t start = min(v->start, align_down(w->base, (paddr_t)PAGE_SIZE));
	paddr_t end = max(v->end, align_up(w->base + w->size, (paddr_t)PAGE_SIZE));

	if (w->base + w->size < v->start || w->base > v->end || end - start > VIEW_MAX)
		return false;
	v->start = start;
	v->end = end;
	return true;
}

/*
 * Maps window `first` and its neighbours that follow in the list, whichever
 * way that goes: microvm's 24 are one mapping.
 */
static void view_map(struct view *v, unsigned first)
{
	const struct virtio_mmio_window *w = &windows.list[first];

	v->start = align_down(w->base, (paddr_t)PAGE_SIZE);
	v->end = align_up(w->base + w->size, (paddr_t)PAGE_SIZE);
	for (unsigned i = first + 1; i < windows.count; i++)
		if (!view_extend(v, &windows.list[i]))
			break;
	v->regs = ioremap(v->start, v->end - v->start, IOREMAP_UNCACHED);
	if (!v->regs)
		v->end = v->start;
}

/* Windows that somebody vouches for. ACPI lists empty ones too. */
static void probe_told(void)
{
	struct view v = { 0 };

	for (unsigned i = 0; i < windows.count; i++) {
		const struct virtio_mmio_window *w = &windows.list[i];
		struct mmio *regs;

		if (w->base < v.start || w->base + w->size > v.end)
			view_map(&v, i);
		if (!v.regs)
			continue;
		regs = (struct mmio *)mmio_at(v.regs, w->base - v.start);
		if (!window_probe(regs, w))
			log_warn("no virtio-mmio device at 0x%llx (%s)",
				 (unsigned long long)w->base, w->from);
	}
}

static void windows_add_acpi(void)
{
	const struct acpi_info *info = acpi_info();

	for (unsigned i = 0; i < info->virtio_count; i++) {
		const struct acpi_virtio_mmio *said = &info->virtio[i];
		struct virtio_mmio_window window;
		int rc = virtio_mmio_window_from_acpi(said, &window);

		if (!rc)
			rc = virtio_mmio_windows_add(&windows, &window);
		if (rc)
			log_warn("%s at 0x%llx+0x%x is not used: %s", said->path,
				 (unsigned long long)said->base, said->size, errno_name(rc));
	}
}

/* Who may have BARs in the range; NULL if nobody. */
static const char *pci_host_there(void)
{
	if (acpi_info()->mcfg_count)
		return "ACPI names a PCI host";
	return pci_ports_answer() ? "a PCI host answers" : NULL;
}

static bool configured_may_be_tried(paddr_t base, uint64_t len)
{
	const char *host = pci_host_there();

	if (host) {
		/* Without PCI there is nowhere else to look. */
		if (IS_ENABLED(CONFIG_VIRTIO_PCI))
			log_debug("configured windows not tried: %s", host);
		else
			log_warn("configured windows not tried: %s", host);
		return false;
	}
	if (regions_overlap(mm_map(), base, len)) {
		log_warn("configured windows at 0x%llx+0x%llx not tried: the memory map names them",
			 (unsigned long long)base, (unsigned long long)len);
		return false;
	}
	return true;
}

/* Windows of the configuration, side by side: one mapping. */
static void probe_configured(void)
{
	const paddr_t base = CONFIG_VIRTIO_MMIO_BASE;
	const uint32_t count = CONFIG_VIRTIO_MMIO_COUNT;
	const uint64_t len = (uint64_t)CONFIG_VIRTIO_MMIO_STRIDE * count;
	unsigned answered = 0;
	struct mmio *regs;

	if (count == 0 || !configured_may_be_tried(base, len))
		return;
	regs = ioremap(base, len, IOREMAP_UNCACHED);
	if (!regs)
		return;
	for (uint32_t i = 0; i < count; i++) {
		size_t offset = (size_t)i * CONFIG_VIRTIO_MMIO_STRIDE;
		struct virtio_mmio_window w = {
			.base = base + offset,
			.size = CONFIG_VIRTIO_MMIO_STRIDE,
			.gsi = CONFIG_VIRTIO_MMIO_GSI + i,
			.trigger = IRQ_EDGE,
			.polarity = IRQ_ACTIVE_HIGH,
			.from = "configured window",
		};

		answered += window_probe((struct mmio *)mmio_at(regs, offset), &w);
	}
	if (answered == 0)
		log_warn("nothing answers in the %u configured windows at 0x%llx",
			 count, (unsigned long long)base);
}

void virtio_mmio_discover(void)
{
	windows_add_acpi();
	if (windows.count)
		probe_told();
	else
		probe_configured();
}

static int device_param(const char *value)
{
	struct virtio_mmio_window window;
	int rc = virtio_mmio_window_parse(value, &window);

	if (!rc)
		rc = virtio_mmio_windows_add(&windows, &window);
	return rc;
}
CMDLINE_PARAM(virtio_mmio_device, "virtio_mmio.device", device_param);
