/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/fake_transport.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

static struct fake_device *of(const struct virtio_device *dev)
{
	return (struct fake_device *)container_of(dev, struct fake_device, dev);
}

static int fake_open(struct virtio_device *dev)
{
	struct fake_device *f = of(dev);

	if (f->open_error)
		return f->open_error;
	f->opened++;
	return 0;
}

static void fake_close(struct virtio_device *dev)
{
	of(dev)->opened--;
}

static uint8_t fake_status(struct virtio_device *dev)
{
	return of(dev)->status;
}

static void fake_set_status(struct virtio_device *dev, uint8_t status)
{
	struct fake_device *f = of(dev);

	if (f->writes < ARRAY_SIZE(f->history))
		f->history[f->writes++] = status;
	if (status == 0 && f->never_resets) {
		f->status |= VIRTIO_STATUS_NEEDS_RESET;
		return;
	}
	f->status = status;
	if (f->refuses_features)
		f->status &= ~VIRTIO_STATUS_FEATURES_OK;
	if (status == 0) {
		f->queue_size = 0;
		f->seen = 0;
	}
}

static uint64_t fake_features(struct virtio_device *dev)
{
	return of(dev)->offered;
}

static void fake_set_features(struct virtio_device *dev, uint64_t features)
{
	of(dev)->accepted = features;
}

static uint32_t fake_generation(struct virtio_device *dev)
{
	struct fake_device *f = of(dev);

	if (f->config_never_settles || f->config_changes) {
		f->config_changes -= f->config_changes > 0;
		f->generation++;
	}
	return f->generation;
}

static uint32_t fake_config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	struct fake_device *f = of(dev);
	uint32_t value = 0;

	if (!dev->modern && (f->config_never_settles || f->config_changes)) {
		f->config_changes -= f->config_changes > 0;
		f->config[offset]++;
	}
	memcpy(&value, &f->config[offset], width);	/* the sanitizer bounds it */
	return value;
}

static uint32_t fake_queue_size_max(struct virtio_device *dev, uint16_t index)
{
	return index == 0 ? of(dev)->queue_max : 0;
}

static int fake_queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			     const struct virtqueue_addresses *addresses)
{
	struct fake_device *f = of(dev);

	if (f->enable_error)
		return f->enable_error;
	f->ring = *addresses;
	f->queue_size = vq->size;
	return 0;
}

static void fake_notify(struct virtqueue *vq)
{
	struct fake_device *f = of(vq->owner);

	f->bells++;
	if (f->answer)
		f->answer(f);
}

static int fake_describe(const struct virtio_device *dev, char *buf, size_t size)
{
	return format(buf, size, "fake device of type %u", dev->id);
}

static const struct virtio_transport_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.status = fake_status,
	.set_status = fake_set_status,
	.features = fake_features,
	.set_features = fake_set_features,
	.config_generation = fake_generation,
	.config_read = fake_config_read,
	.queue_size_max = fake_queue_size_max,
	.queue_enable = fake_queue_enable,
	.notify = fake_notify,
	.describe = fake_describe,
};

void fake_device_init(struct fake_device *f, uint32_t id)
{
	memset(f, 0, sizeof(*f));
	f->dev.ops = &fake_ops;
	f->dev.id = id;
	f->dev.modern = true;
	f->dev.config_len = FAKE_CONFIG_LEN;
	f->offered = VIRTIO_F_VERSION_1;
	f->queue_max = 64;
}

int fake_device_fetch(struct fake_device *f, uint16_t *head, uint8_t **data, uint32_t *writable)
{
	const struct virtq_avail *avail = (const void *)(uintptr_t)f->ring.avail;
	const struct virtq_desc *desc = (const void *)(uintptr_t)f->ring.desc;

	if (f->queue_size == 0 || f->seen == avail->idx)
		return -EAGAIN;
	*head = avail->ring[f->seen++ % f->queue_size];
	*data = (uint8_t *)(uintptr_t)desc[*head].addr;
	*writable = desc[*head].flags & VIRTQ_DESC_F_WRITE ? desc[*head].len : 0;
	return 0;
}

void fake_device_use(struct fake_device *f, uint32_t id, uint32_t len)
{
	struct virtq_used *used = (void *)(uintptr_t)f->ring.used;

	used->ring[used->idx % f->queue_size] = (struct virtq_used_elem){ id, len };
	used->idx++;
}
