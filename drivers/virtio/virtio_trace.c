/* SPDX-License-Identifier: MIT */
/*
 * The operations of a transport are seen by taking their place: a traced device
 * has a table of its own, in which each tells what it does and then does what
 * the transport's would. What goes through the rings is told by two calls in
 * the ring itself, which knows the id that a request comes back by.
 */
#include "drivers/virtio/virtio_trace.h"

#include "drivers/virtio/transport.h"
#include "kernel/cmdline.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

enum { LENGTHS_MAX = 192 };	/* bytes of text for the lengths of one request */

/* A device that is traced; lives as long as the device, for ever. */
struct traced {
	struct virtio_transport_ops ops;	/* instead of */
	const struct virtio_transport_ops *real;
	struct virtio_trace_queue *queues;
	char name[16];
};

static bool tracing;
static unsigned seen[64];	/* devices by type; the types from 63 on share one */

void virtio_trace_set(bool on)
{
	tracing = on;
	memset(seen, 0, sizeof(seen));
}

static struct traced *of(const struct virtio_device *dev)
{
	return container_of(dev->ops, struct traced, ops);
}

#define trace(dev, fmt, ...)	print("trace %s " fmt "\n", of(dev)->name, ##__VA_ARGS__)

static int open(struct virtio_device *dev)
{
	int rc = of(dev)->real->open ? of(dev)->real->open(dev) : 0;

	trace(dev, "open: %s", rc ? errno_name(rc) : "done");
	return rc;
}

/* The core has freed the device's queues, or keeps them for ever. */
static void close(struct virtio_device *dev)
{
	struct traced *t = of(dev);

	trace(dev, "close");
	while (t->queues) {
		struct virtio_trace_queue *q = t->queues;

		t->queues = q->next;
		kfree(q);
	}
	if (t->real->close)
		t->real->close(dev);
}

static uint8_t status(struct virtio_device *dev)
{
	uint8_t value = of(dev)->real->status(dev);

	trace(dev, "status read 0x%x", value);
	return value;
}

static void set_status(struct virtio_device *dev, uint8_t value)
{
	trace(dev, "%s 0x%x", value ? "status write" : "reset, status write", value);
	of(dev)->real->set_status(dev, value);
}

static uint64_t features(struct virtio_device *dev)
{
	uint64_t value = of(dev)->real->features(dev);

	trace(dev, "features offered 0x%llx", (unsigned long long)value);
	return value;
}

static void set_features(struct virtio_device *dev, uint64_t value)
{
	trace(dev, "features accepted 0x%llx", (unsigned long long)value);
	of(dev)->real->set_features(dev, value);
}

static uint32_t config_generation(struct virtio_device *dev)
{
	uint32_t value = of(dev)->real->config_generation(dev);

	trace(dev, "config generation %u", value);
	return value;
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	uint32_t value = of(dev)->real->config_read(dev, offset, width);

	trace(dev, "config read %u width %u: 0x%x", offset, width, value);
	return value;
}

static void config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	trace(dev, "config write %u width %u: 0x%x", offset, width, value);
	of(dev)->real->config_write(dev, offset, width, value);
}

static uint32_t queue_size_max(struct virtio_device *dev, uint16_t index)
{
	uint32_t value = of(dev)->real->queue_size_max(dev, index);

	trace(dev, "q%u offers %u", index, value);
	return value;
}

static struct virtio_trace_queue *queue_find(struct traced *t, uint16_t index)
{
	struct virtio_trace_queue *q = t->queues;

	while (q && q->index != index)
		q = q->next;
	return q;
}

/* Remembers a queue; one that is given to its device again has its numbers go on. */
static void queue_remember(struct virtio_device *dev, struct virtqueue *vq)
{
	struct traced *t = of(dev);
	struct virtio_trace_queue *q = queue_find(t, vq->index);

	if (!q) {
		q = kzalloc(sizeof(*q) + vq->size * sizeof(q->records[0]));
		if (!q) {
			log_warn("%s: no memory to trace queue %u", t->name, vq->index);
			return;
		}
		q->device = t->name;
		q->index = vq->index;
		q->size = vq->size;
		q->next = t->queues;
		t->queues = q;
	}
	vq->trace = q->size >= vq->size ? q : NULL;
}

static int queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			const struct virtqueue_addresses *addresses)
{
	int rc = of(dev)->real->queue_enable(dev, vq, addresses);

	trace(dev, "q%u set up with %u: %s", vq->index, vq->size, rc ? errno_name(rc) : "done");
	if (!rc)
		queue_remember(dev, vq);
	return rc;
}

static int queue_reset(struct virtio_device *dev, uint16_t index)
{
	int rc = of(dev)->real->queue_reset(dev, index);

	trace(dev, "q%u reset%s", index, rc ? ", ignored" : "");
	return rc;
}

static bool queue_is_reset(struct virtio_device *dev, uint16_t index)
{
	bool is_reset = of(dev)->real->queue_is_reset(dev, index);

	trace(dev, "q%u %s", index, is_reset ? "is reset" : "is not reset yet");
	return is_reset;
}

static bool cut_off(struct virtio_device *dev)
{
	bool safe = of(dev)->real->cut_off(dev);

	trace(dev, "cut off: %s", safe ? "done" : "in vain");
	return safe;
}

static void notify(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;

	trace(dev, "q%u doorbell", vq->index);
	of(dev)->real->notify(vq);
}

static int irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count)
{
	int rc = of(dev)->real->irqs_open(dev, wanted, count);

	trace(dev, "interrupts wanted %u, got %u: %s", wanted, *count,
	      rc ? errno_name(rc) : "done");
	return rc;
}

static int irq_connect(struct virtio_device *dev, unsigned index, struct irq *irq)
{
	int rc = of(dev)->real->irq_connect(dev, index, irq);

	trace(dev, "interrupt %u connected: %s", index, rc ? errno_name(rc) : "done");
	return rc;
}

static int irq_retry(struct virtio_device *dev, struct irq *irq)
{
	int rc = of(dev)->real->irq_retry(dev, irq);

	trace(dev, "interrupt connected in another way: %s", rc ? errno_name(rc) : "done");
	return rc;
}

static void irqs_close(struct virtio_device *dev)
{
	trace(dev, "interrupts closed");
	of(dev)->real->irqs_close(dev);
}

static int queue_source(struct virtio_device *dev, uint16_t queue, unsigned index)
{
	int rc = of(dev)->real->queue_source(dev, queue, index);

	trace(dev, "q%u interrupts by %u: %s", queue, index, rc ? errno_name(rc) : "done");
	return rc;
}

static int config_source(struct virtio_device *dev, unsigned index)
{
	int rc = of(dev)->real->config_source(dev, index);

	trace(dev, "config interrupts by %u: %s", index, rc ? errno_name(rc) : "done");
	return rc;
}

/* What the transport lacks must stay NULL: the core asks. */
#define REPLACE(ops, op)	((ops)->op = (ops)->op ? op : NULL)

static void ops_replace(struct virtio_transport_ops *ops)
{
	ops->open = open;
	ops->close = close;
	REPLACE(ops, status);
	REPLACE(ops, set_status);
	REPLACE(ops, features);
	REPLACE(ops, set_features);
	REPLACE(ops, config_generation);
	REPLACE(ops, config_read);
	REPLACE(ops, config_write);
	REPLACE(ops, queue_size_max);
	REPLACE(ops, queue_enable);
	REPLACE(ops, queue_reset);
	REPLACE(ops, queue_is_reset);
	REPLACE(ops, cut_off);
	REPLACE(ops, notify);
	REPLACE(ops, irqs_open);
	REPLACE(ops, irq_connect);
	REPLACE(ops, irq_retry);
	REPLACE(ops, irqs_close);
	REPLACE(ops, queue_source);
	REPLACE(ops, config_source);
}

void virtio_trace_device(struct virtio_device *dev)
{
	const char *kind = virtio_id_name(dev->id);
	struct traced *t;

	if (!tracing)
		return;
	t = kzalloc(sizeof(*t));
	if (!t) {
		log_warn("no memory to trace a device of type %u", dev->id);
		return;
	}
	t->real = dev->ops;
	t->ops = *dev->ops;
	ops_replace(&t->ops);
	format(t->name, sizeof(t->name), "%s%u", kind ? kind : "type",
	       seen[min(dev->id, (uint32_t)ARRAY_SIZE(seen) - 1)]++);
	dev->ops = &t->ops;
}

void virtio_trace_wish(struct virtio_device *dev, uint16_t index, uint16_t wish)
{
	if (dev->ops->close == close)
		trace(dev, "q%u wished %u", index, wish);
}

uint32_t virtio_trace_sum(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum = sum * 0x01000193u + bytes[i];
	return sum;
}

/* "16+512", "-" for none; cut where there is no room, which a "..." tells. */
static void lengths_text(char *buf, const struct virtqueue_segment *segs, unsigned count)
{
	size_t at = 0;

	format(buf, LENGTHS_MAX, "-");
	for (unsigned i = 0; i < count; i++) {
		if (at + sizeof("+4294967295...") > LENGTHS_MAX) {
			format(buf + at, LENGTHS_MAX - at, "...");
			return;
		}
		at += (size_t)format(buf + at, LENGTHS_MAX - at, i ? "+%u" : "%u", segs[i].len);
	}
}

/* The first `len` bytes of the segments: text of those shown, and the sum of the others. */
static void contents_text(char hex[2 * VIRTIO_TRACE_DATA + 1], uint32_t *sum,
			  const struct virtqueue_segment *segs, unsigned count, uint64_t len)
{
	unsigned shown = 0;

	*sum = 0;
	hex[0] = '\0';
	for (unsigned i = 0; i < count && len; i++) {
		const uint8_t *bytes = segs[i].data;
		size_t n = (size_t)min((uint64_t)segs[i].len, len);

		len -= n;
		for (; n && shown < VIRTIO_TRACE_DATA; n--, bytes++, shown++)
			format(hex + 2 * shown, 3, "%02x", *bytes);
		*sum = virtio_trace_sum(*sum, bytes, n);
	}
}

void virtio_trace_request(struct virtio_trace_queue *q, uint16_t id,
			  const struct virtqueue_segment *segs, unsigned out, unsigned in)
{
	char outs[LENGTHS_MAX], ins[LENGTHS_MAX], hex[2 * VIRTIO_TRACE_DATA + 1];
	struct virtio_trace_record *r = &q->records[id];
	uint32_t sum;

	r->number = q->requests++;
	r->in = min(in, (unsigned)VIRTIO_TRACE_SEGMENTS);
	memcpy(r->segs, segs + out, r->in * sizeof(segs[0]));
	lengths_text(outs, segs, out);
	lengths_text(ins, segs + out, in);
	if (!out) {
		print("trace %s q%u request %u: out - in %s\n", q->device, q->index, r->number,
		      ins);
		return;
	}
	contents_text(hex, &sum, segs, out, UINT64_MAX);
	print("trace %s q%u request %u: out %s in %s data %s sum %08x\n", q->device, q->index,
	      r->number, outs, ins, hex, sum);
}

void virtio_trace_response(struct virtio_trace_queue *q, uint16_t id, uint32_t written)
{
	const struct virtio_trace_record *r = &q->records[id];
	char hex[2 * VIRTIO_TRACE_DATA + 1];
	uint32_t sum;

	contents_text(hex, &sum, r->segs, r->in, written);
	print("trace %s q%u response %u: %u data %s sum %08x\n", q->device, q->index, r->number,
	      written, hex[0] ? hex : "-", sum);
}

static int trace_param(const char *value)
{
	if (strcmp(value, "virtio") != 0)
		return -EINVAL;
	tracing = true;
	return 0;
}
CMDLINE_PARAM(virtio_trace, "trace", trace_param);
