/* SPDX-License-Identifier: MIT */
/*
 * virtio over MMIO, versions 1 (legacy, VIRTIO 1.2, 4.2.4) and 2 (4.2.2).
 *
 * Windows come from `virtio_mmio.device=` on the command line. Only where
 * there is none, the windows that Kconfig names are tried: reading an address
 * that nobody vouched for can disturb a device, so not where a PCI host
 * answers (its BARs may lie there) nor where the memory map names the range.
 */
#include "drivers/virtio/transport.h"

#include <asm/io.h>
#include <asm/pci_ports.h>

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
	MMIO_STATUS = 0x070,
	MMIO_QUEUE_DESC = 0x080,	/* low; high follows */
	MMIO_QUEUE_DRIVER = 0x090,
	MMIO_QUEUE_DEVICE = 0x0a0,
	MMIO_CONFIG_GENERATION = 0x0fc,
	MMIO_CONFIG = 0x100,
};

enum {
	MMIO_MAGIC_VALUE = 0x74726976,	/* "virt" */
	MMIO_LEGACY_PAGE = 4096,
};

static_assert(CONFIG_VIRTIO_MMIO_BASE % 4 == 0, "CONFIG_VIRTIO_MMIO_BASE is no multiple of 4");
static_assert(CONFIG_VIRTIO_MMIO_STRIDE % 4 == 0, "CONFIG_VIRTIO_MMIO_STRIDE is no multiple of 4");

struct virtio_mmio {
	struct virtio_device dev;
	struct mmio *regs;
	struct virtio_mmio_window window;
	const char *source;		/* who said that it is there */
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
	if (!dev->modern)
		return features;
	reg_write(dev, MMIO_DEVICE_FEATURES_SEL, 1);
	return features | (uint64_t)reg_read(dev, MMIO_DEVICE_FEATURES) << 32;
}

static void set_features(struct virtio_device *dev, uint64_t features)
{
	reg_write(dev, MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(dev, MMIO_DRIVER_FEATURES, (uint32_t)features);
	if (!dev->modern)
		return;
	reg_write(dev, MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(dev, MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

static uint32_t config_generation(struct virtio_device *dev)
{
	return dev->modern ? reg_read(dev, MMIO_CONFIG_GENERATION) : 0;
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	const struct mmio *regs = of(dev)->regs;

	offset += MMIO_CONFIG;
	return width == 4 ? mmio_read32(regs, offset) :
	       width == 2 ? mmio_read16(regs, offset) : mmio_read8(regs, offset);
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
	if (!dev->modern)
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

static void notify(struct virtqueue *vq)
{
	reg_write(vq->owner, MMIO_QUEUE_NOTIFY, vq->index);
}

static int describe(const struct virtio_device *dev, char *buf, size_t size)
{
	const struct virtio_mmio *m = of(dev);

	return format(buf, size, "virtio-mmio v%u at 0x%llx gsi %u (%s)", dev->modern ? 2u : 1u,
		      (unsigned long long)m->window.base, m->window.gsi, m->source);
}

static const struct virtio_transport_ops mmio_ops = {
	.status = get_status,
	.set_status = set_status,
	.features = get_features,
	.set_features = set_features,
	.config_generation = config_generation,
	.config_read = config_read,
	.queue_size_max = queue_size_max,
	.queue_enable = queue_enable,
	.notify = notify,
	.describe = describe,
};

/* Looks into one mapped window. False if there is no virtio there. */
static bool window_probe(struct mmio *regs, const struct virtio_mmio_window *window,
			 const char *source)
{
	struct virtio_mmio *m;
	uint32_t version, id;

	if (mmio_read32(regs, MMIO_MAGIC) != MMIO_MAGIC_VALUE)
		return false;
	version = mmio_read32(regs, MMIO_VERSION);
	id = mmio_read32(regs, MMIO_DEVICE_ID);
	if (id == 0)				/* 4.2.2: nobody lives here */
		return true;
	if (version != 1 && version != 2) {
		log_warn("virtio-mmio at 0x%llx has version %u",
			 (unsigned long long)window->base, version);
		return true;
	}
	m = kzalloc(sizeof(*m));
	if (!m) {
		log_err("virtio-mmio at 0x%llx: no memory to list it",
			(unsigned long long)window->base);
		return true;
	}
	m->dev.ops = &mmio_ops;
	m->dev.id = id;
	m->dev.modern = version == 2;
	m->dev.config_len = window->size - MMIO_CONFIG;
	m->regs = regs;
	m->window = *window;
	m->source = source;
	if (virtio_device_register(&m->dev))
		kfree(m);
	return true;
}

/*
 * Windows of the command line. Those that follow each other within a page or
 * two share one mapping.
 */
static void probe_told(void)
{
	struct mmio *regs = NULL;
	paddr_t start = 0, end = 0;

	for (unsigned i = 0; i < windows.count; i++) {
		const struct virtio_mmio_window *w = &windows.list[i];

		if (w->base < start || w->base + w->size > end) {
			start = align_down(w->base, PAGE_SIZE);
			end = align_up(w->base + w->size, PAGE_SIZE);
			regs = ioremap(start, end - start, IOREMAP_UNCACHED);
			if (!regs)
				end = start;
		}
		if (regs && !window_probe((struct mmio *)mmio_at(regs, w->base - start), w,
					  "command line"))
			log_warn("no virtio-mmio device at 0x%llx",
				 (unsigned long long)w->base);
	}
}

static bool configured_may_be_tried(paddr_t base, uint64_t len)
{
	if (pci_ports_answer()) {
		/* Without PCI there is nowhere else to look. */
		if (IS_ENABLED(CONFIG_VIRTIO_PCI))
			log_debug("configured windows not tried: a PCI host answers");
		else
			log_warn("configured windows not tried: a PCI host answers");
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
		};

		answered += window_probe((struct mmio *)mmio_at(regs, offset), &w,
					 "configured window");
	}
	if (answered == 0)
		log_warn("nothing answers in the %u configured windows at 0x%llx",
			 count, (unsigned long long)base);
}

void virtio_mmio_discover(void)
{
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
