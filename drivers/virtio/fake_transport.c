/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/fake_transport.h"

#include "kernel/host_loop.h"
#include "kernel/irq_chip.h"
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
	return of(dev)->gone ? VIRTIO_STATUS_GONE : of(dev)->status;
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
		f->resets++;
		memset(f->rings, 0, sizeof(f->rings));
		if (f->forget)
			f->forget(f);
	}
}

static uint64_t fake_features(struct virtio_device *dev)
{
	const struct fake_device *f = of(dev);

	return f->resets > 1 ? f->offered & ~f->lost_after_restart : f->offered;
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

static void fake_config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			      uint32_t value)
{
	of(dev)->config_writes++;
	memcpy(&of(dev)->config[offset], &value, width);	/* the sanitizer bounds it */
}

static uint32_t fake_queue_size_max(struct virtio_device *dev, uint16_t index)
{
	const struct fake_device *f = of(dev);

	if (f->resets > 1 && f->size_after_restart)
		return f->size_after_restart;
	return index < FAKE_QUEUES ? f->queue_max : 0;
}

static int fake_queue_reset(struct virtio_device *dev, uint16_t index)
{
	struct fake_device *f = of(dev);

	f->queue_resets++;
	if (f->queue_resets_ignored)
		return -ENOTSUP;
	memset(&f->rings[index], 0, sizeof(f->rings[index]));
	return 0;
}

static bool fake_queue_is_reset(struct virtio_device *dev, uint16_t index __unused)
{
	return !of(dev)->queue_never_resets;
}

static bool fake_cut_off(struct virtio_device *dev)
{
	return of(dev)->cut = of(dev)->can_be_cut_off;
}

static int fake_queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			     const struct virtqueue_addresses *addresses)
{
	struct fake_device *f = of(dev);

	if (f->enable_error)
		return f->enable_error;
	f->rings[vq->index] = (struct fake_ring){ .size = vq->size, .at = *addresses };
	f->queue = vq->index;
	return 0;
}

static void fake_notify(struct virtqueue *vq)
{
	struct fake_device *f = of(vq->owner);

	f->bells++;
	f->queue = vq->index;
	if (f->answer)
		f->answer(f);
}

static struct fake_device *interrupting;	/* the only one at a time */

static void local_end(void)
{
}

static bool local_in_service(uint8_t vector __unused)
{
	return false;
}

static struct irq_message local_message(uint8_t vector)
{
	return (struct irq_message){ 0, vector };
}

static const struct irq_local host_local = {
	.name = "host",
	.end = local_end,
	.in_service = local_in_service,
	.message = local_message,
};

/* Where interrupts are open, one that is pending comes. */
static void interrupt(void)
{
	struct fake_device *f = interrupting;

	for (unsigned i = 0; i < FAKE_SOURCES; i++) {
		if (f->pending[i] && f->irqs[i] && f->irqs[i]->vector) {
			f->pending[i] = false;
			irq_dispatch(f->irqs[i]->vector);
			return;
		}
	}
}

static void raise(struct fake_device *f, unsigned source, unsigned what)
{
	bool stood = f->stands && f->isr;	/* no edge */

	f->isr |= what;
	if (f->tried >= f->mute && !stood)
		f->pending[source] = true;
}

static int fake_irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count)
{
	struct fake_device *f = of(dev);

	if (f->irqs_error)
		return f->irqs_error;
	*count = min(wanted, f->sources);
	if (*count) {
		dev->irq_kind = f->messages ? "MSI-X" : "line";
		f->irqs_open++;
	} else {
		dev->irq_why = "a fake without interrupts";
	}
	return 0;
}

static int fake_irq_connect(struct virtio_device *dev, unsigned index, struct irq *irq)
{
	struct fake_device *f = of(dev);
	struct irq_message message;

	if (f->connect_error)
		return f->connect_error;
	if (f->vectors && index >= f->vectors)
		return -ENOSPC;
	f->irqs[index] = irq;
	return irq_connect_message(irq, &message);
}

static int fake_irq_retry(struct virtio_device *dev, struct irq *irq)
{
	struct fake_device *f = of(dev);

	irq_disconnect(irq);
	memset(f->pending, 0, sizeof(f->pending));
	if (f->tried == f->ways)
		return -ENOENT;
	f->tried++;
	f->connect_error = 0;
	return fake_irq_connect(dev, 0, irq);
}

static void fake_irqs_close(struct virtio_device *dev)
{
	struct fake_device *f = of(dev);

	f->irqs_open--;
	memset(f->pending, 0, sizeof(f->pending));
	memset(f->irqs, 0, sizeof(f->irqs));
}

static int fake_queue_source(struct virtio_device *dev, uint16_t queue, unsigned index)
{
	struct fake_device *f = of(dev);

	if (index >= f->room)
		return -EBUSY;
	f->queue_source[queue] = index;
	return 0;
}

static int fake_config_source(struct virtio_device *dev, unsigned index)
{
	return index < of(dev)->room ? 0 : -EBUSY;
}

static unsigned fake_acknowledge(struct virtio_device *dev)
{
	struct fake_device *f = of(dev);
	unsigned isr = f->isr;

	f->isr = 0;
	if (f->storms)
		raise(f, 0, VIRTIO_INTERRUPT_QUEUE);
	f->acknowledged_failed += dev->fault != NULL;
	if (f->stands && isr) {
		f->stands--;
		f->isr = VIRTIO_INTERRUPT_QUEUE;
		return isr | VIRTIO_INTERRUPT_AGAIN;
	}
	return f->messages ? VIRTIO_INTERRUPT_ANY : isr;
}

static int fake_where(const struct virtio_device *dev __unused, char *buf, size_t size)
{
	return format(buf, size, "fake");
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
	.config_write = fake_config_write,
	.queue_size_max = fake_queue_size_max,
	.queue_enable = fake_queue_enable,
	.queue_reset = fake_queue_reset,
	.queue_is_reset = fake_queue_is_reset,
	.cut_off = fake_cut_off,
	.notify = fake_notify,
	.irqs_open = fake_irqs_open,
	.irq_connect = fake_irq_connect,
	.irq_retry = fake_irq_retry,
	.irqs_close = fake_irqs_close,
	.queue_source = fake_queue_source,
	.config_source = fake_config_source,
	.acknowledge = fake_acknowledge,
	.describe = fake_describe,
	.where = fake_where,
	.name = "fake",
};

void fake_device_init(struct fake_device *f, uint32_t id)
{
	memset(f, 0, sizeof(*f));
	f->ops = fake_ops;
	f->dev.ops = &f->ops;
	f->dev.id = id;
	f->dev.modern = true;
	f->dev.config_len = FAKE_CONFIG_LEN;
	f->offered = VIRTIO_F_VERSION_1;
	f->queue_max = 64;
	f->room = FAKE_SOURCES;
	interrupting = f;
	host_interrupt = interrupt;
	host_clock_step = HOST_STEP_NS;
	if (!irq_ready())
		irq_local_register(&host_local);
}

int fake_device_fetch(struct fake_device *f, uint16_t *head, uint8_t **data, uint32_t *writable)
{
	struct fake_ring *r = &f->rings[f->queue];
	const struct virtq_avail *avail = (const void *)(uintptr_t)r->at.avail;
	const struct virtq_desc *desc = (const void *)(uintptr_t)r->at.desc;

	if (r->size == 0 || r->seen == avail->idx)
		return -EAGAIN;
	*head = avail->ring[r->seen++ % r->size];
	*data = (uint8_t *)(uintptr_t)desc[*head].addr;
	*writable = desc[*head].flags & VIRTQ_DESC_F_WRITE ? desc[*head].len : 0;
	return 0;
}

void fake_device_use(struct fake_device *f, uint32_t id, uint32_t len)
{
	const struct fake_ring *r = &f->rings[f->queue];
	const struct virtq_avail *avail = (const void *)(uintptr_t)r->at.avail;
	struct virtq_used *used = (void *)(uintptr_t)r->at.used;

	used->ring[used->idx % r->size] = (struct virtq_used_elem){ id, len };
	used->idx++;
	if (!(avail->flags & VIRTQ_AVAIL_F_NO_INTERRUPT))
		raise(f, f->queue_source[f->queue], VIRTIO_INTERRUPT_QUEUE);
}

void fake_device_config_changes(struct fake_device *f, bool dying)
{
	if (dying)
		f->status |= VIRTIO_STATUS_NEEDS_RESET;
	f->generation++;
	raise(f, 0, VIRTIO_INTERRUPT_CONFIG);
}
