/* SPDX-License-Identifier: MIT */
/* What is said about the devices: a line each, and the same as JSON. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/json.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"

enum { IRQS_TEXT_MAX = 128 };

int virtio_device_describe(const struct virtio_device *dev, char *buf, size_t size)
{
	const char *name = virtio_id_name(dev->id);
	char where[VIRTIO_TEXT_MAX], irqs[IRQS_TEXT_MAX], type[16];

	dev->ops->describe(dev, where, sizeof(where));
	if (name)
		format(type, sizeof(type), "%s", name);
	else
		format(type, sizeof(type), "type %u", dev->id);
	if (dev->undriven)
		return format(buf, size, "%-7s %s, %s", type, where, dev->undriven);
	if (dev->fault)
		return format(buf, size, "%-7s %s, stopped: %s (%llu)", type, where, dev->fault,
			      (unsigned long long)dev->fault_value);
	if (!dev->driver)
		return format(buf, size, "%-7s %s, no driver", type, where);
	virtio_irqs_describe(dev, irqs, sizeof(irqs));
	return format(buf, size, "%-7s %s, %s, %s", type, where, dev->driver->name, irqs);
}

int virtio_device_where(const struct virtio_device *dev, char *buf, size_t size)
{
	return dev->ops->where(dev, buf, size);
}

void virtio_report(void)
{
	const struct virtio_device *dev;
	char text[VIRTIO_LINE_MAX];

	for (unsigned i = 0; (dev = virtio_device_at(i)); i++) {
		virtio_device_describe(dev, text, sizeof(text));
		print("virtio  %s\n", text);
	}
	if (!virtio_device_at(0))
		print("virtio  no device\n");
}

/* The queue that comes after `index`, which -1 is before all. */
static const struct virtqueue *queue_after(const struct virtio_device *dev, int index)
{
	const struct virtqueue *found = NULL;

	for (const struct virtqueue *vq = dev->queues; vq; vq = vq->next)
		if (vq->index > index && (!found || vq->index < found->index))
			found = vq;
	return found;
}

/* "features 0x330000020: packed ring, event index, indirect; queues 0:256 1:256" */
static void agreed_print(const struct virtio_device *dev)
{
	const struct virtqueue *vq = queue_after(dev, -1);

	print("        features 0x%llx: %s ring%s%s%s; queues", (unsigned long long)dev->features,
	      dev->features & VIRTIO_F_RING_PACKED ? "packed" : "split",
	      dev->features & VIRTIO_F_EVENT_IDX ? ", event index" : "",
	      dev->features & VIRTIO_F_INDIRECT_DESC ? ", indirect" : "",
	      dev->features & VIRTIO_F_ACCESS_PLATFORM ? ", addresses of the platform" : "");
	for (; vq; vq = queue_after(dev, vq->index))
		print(" %u:%u", vq->index, vq->size);
	print("\n");
}

void virtio_print(void)
{
	const struct virtio_device *dev;
	char text[VIRTIO_LINE_MAX];

	for (unsigned i = 0; (dev = virtio_device_at(i)); i++) {
		virtio_device_describe(dev, text, sizeof(text));
		print("%s\n", text);
		if (!dev->driver || dev->fault)
			continue;
		agreed_print(dev);
		if (dev->source_count)
			print("        %llu interrupts, %llu for the configuration\n",
			      (unsigned long long)virtio_irqs_count(dev),
			      (unsigned long long)dev->config_changes);
	}
	if (!virtio_device_at(0))
		print("no device\n");
}

static const char *proof_name(enum irq_proof proof)
{
	return proof == IRQ_SEEN ? "seen" : proof == IRQ_NOT_SEEN ? "not seen" : "unproved";
}

/* null for a device that nobody drives: none was set up. */
static void interrupts_json(struct json *j, const struct virtio_device *dev)
{
	if (!dev->driver || dev->fault) {
		json_null(j, "interrupts");
		return;
	}
	json_object(j, "interrupts");
	json_string(j, "kind", dev->irq_kind ? dev->irq_kind : "polled");
	json_number(j, "vectors", dev->source_count);
	json_string(j, "proof", proof_name(dev->proof));
	json_string(j, "why", dev->irq_why || dev->proof != IRQ_NOT_SEEN ? dev->irq_why :
		    "interrupt not seen");
	json_number(j, "count", virtio_irqs_count(dev));
	json_number(j, "config_changes", dev->config_changes);
	json_end(j);
}

static void device_json(struct json *j, const struct virtio_device *dev)
{
	char where[24];

	dev->ops->where(dev, where, sizeof(where));
	json_object(j, NULL);
	json_string(j, "type", virtio_id_name(dev->id));
	json_number(j, "id", dev->id);
	json_string(j, "transport", dev->ops->name);
	json_string(j, "where", where);
	json_number(j, "version", dev->modern ? 2 : 1);
	json_string(j, "found_through", dev->found_through);
	json_string(j, "driver", dev->driver ? dev->driver->name : NULL);
	json_string(j, "undriven", dev->undriven);
	json_string(j, "fault", dev->fault);
	json_hex(j, "features", dev->features);
	interrupts_json(j, dev);
	json_end(j);
}

void virtio_report_json(struct json *j)
{
	const struct virtio_device *dev;

	json_array(j, NULL);
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		device_json(j, dev);
	json_end(j);
}
