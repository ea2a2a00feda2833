/* SPDX-License-Identifier: MIT */
/*
 * How a device tells that something happened: by interrupts that were seen to
 * come, else by being polled.
 *
 * A source is one interrupt. With more sources than queues the first is for
 * the configuration alone and each queue has its own; with fewer they are
 * shared, down to one for everything. The handler acknowledges the device and
 * posts the source's work; that drains its queues from the event loop.
 *
 * The order matters: the handler acknowledges before any ring is read, so that
 * what the device does after the acknowledgement raises an interrupt of its
 * own. While a queue is drained the device is asked for none; then they are
 * wanted again, and the ring is looked at once more (virtqueue_interrupts_on()).
 *
 * The first interrupt is a proof: the driver has each queue give something
 * back, and its source must count. A line that stays silent is tried in
 * another way, if the transport knows one; after that the device is polled.
 * Nothing can make a device change its configuration, so a source that is for
 * this alone stays unproved, and silence there harms nobody. Nor can a driver
 * make a frame arrive: such a source is used unproved, and until it was seen
 * somebody looks now and then whether something waits there in silence.
 *
 * A line that is asserted and is nobody's is masked (kernel/irq.c), and with it
 * whoever is on it for good reason; he is polled from then on. Not so during a
 * proof: then it is most likely the device under proof, whose interrupt comes
 * elsewhere than was said (window 0 of QEMU's microvm: its second IOAPIC takes
 * pin 0 for pin 2, as if it were the first). Once that device is quiet, the
 * others are connected again.
 */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

enum {
	ANSWER_TRIES = 5,	/* of irq_prove(): a second in all */
	UNPROVED_LOOKS = 2,	/* in a row that find something waiting: it is silent */
	STORM_IDLE = 1000,	/* interrupts in a row for nothing, in a second: no more of them */
};

#define UNPROVED_NS	(100 * NS_PER_MS)	/* between two looks */

static void poll_instead(struct virtio_device *dev, const char *why);

static bool source_interrupt(struct irq *irq)
{
	struct virtio_source *s = container_of(irq, struct virtio_source, irq);
	unsigned told = s->dev->ops->acknowledge(s->dev);

	if (!told)
		return false;
	if (s == s->dev->sources && told & (VIRTIO_INTERRUPT_CONFIG | VIRTIO_INTERRUPT_ANY)) {
		s->config = true;
		s->maybe = told & VIRTIO_INTERRUPT_ANY && !s->dev->config_alone;
	}
	s->again = told & VIRTIO_INTERRUPT_AGAIN;
	s->idle++;
	work_post(&s->work);
	return true;
}

/* Takes what is there; true if more came meanwhile, for which no interrupt may come. */
static bool queue_drain(struct virtqueue *vq)
{
	virtqueue_interrupts_off(vq);
	vq->callback(vq);
	return !virtqueue_interrupts_on(vq);
}

/*
 * An interrupt that comes without end and brings nothing keeps the processor
 * from ever resting, though never from the rest of its work. Not so many in a
 * second are borne.
 */
static bool source_storms(struct virtio_source *s, bool found)
{
	bool soon;

	if (found)
		s->idle = s->idle_since = 0;
	/* More than one may have come before the work had its turn. */
	if (s->idle && !s->idle_since)
		s->idle_since = time_now();
	if (s->idle < STORM_IDLE)
		return false;
	soon = time_now() - s->idle_since < NS_PER_S;
	s->idle = s->idle_since = 0;
	return soon;
}

/* A device that is never done gets one round a turn of the loop, like all others. */
static void source_run(struct work *w)
{
	struct virtio_source *s = container_of(w, struct virtio_source, work);
	struct virtio_device *dev = s->dev;
	bool more = false, found = false;

	if (s->again) {
		s->again = false;
		more = source_interrupt(&s->irq);
	}
	if (s->config) {
		s->config = false;
		virtio_config_changed(dev, s->maybe);
	}
	for (struct virtqueue *vq = dev->queues; vq && !dev->fault; vq = vq->next) {
		if (vq->source != s)
			continue;
		found |= virtqueue_has_used(vq);
		more |= queue_drain(vq);
	}
	if (dev->fault)
		return;
	if (source_storms(s, found))
		poll_instead(dev, "it interrupts without end, for nothing");
	else if (more)
		work_post(w);
}

/* What a line told meanwhile of the configuration, a legacy device says only once (2.5.4). */
static void line_let_go(struct virtio_device *dev)
{
	if (dev->ops->acknowledge(dev) & VIRTIO_INTERRUPT_CONFIG)
		dev->config_told = true;
}

/*
 * Some devices interrupt though nobody asked: QEMU's for the first thing that
 * comes back after a reset. So the line is let go, which may be another's too.
 */
static bool device_poll(struct poller *p)
{
	struct virtio_device *dev = container_of(p, struct virtio_device, poller);
	bool found = false;

	virtio_config_poll(dev);
	for (struct virtqueue *vq = dev->queues; vq && !dev->fault; vq = vq->next) {
		if (virtqueue_has_used(vq)) {
			virtqueue_interrupts_off(vq);
			vq->callback(vq);
			found = true;
		}
	}
	if (found && !dev->fault)
		line_let_go(dev);
	return found;
}

/* Sources whose line was masked while a device was proved. */
static struct virtio_source *stormed;
static bool proving;

static void stormed_remove(struct virtio_source *s)
{
	struct virtio_source **at = &stormed;

	while (*at && *at != s)
		at = &(*at)->next_stormed;
	if (*at)
		*at = s->next_stormed;
	s->stormed = false;
}

/* Nothing comes from its sources any more. */
static void sources_disconnect(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->source_count; i++) {
		irq_disconnect(&dev->sources[i].irq);
		work_cancel(&dev->sources[i].work);
		dev->config_told |= dev->sources[i].config;
		stormed_remove(&dev->sources[i]);
	}
	if (dev->irq_kind)
		dev->ops->irqs_close(dev);
	virtio_config_stop(dev);
	timer_cancel(&dev->unproved);
	dev->irq_kind = NULL;
	dev->source_count = 0;
}

/* From now on it is polled; `why` unless the transport knows better. */
static void poll_instead(struct virtio_device *dev, const char *why)
{
	if (dev->polled)
		return;
	if (!dev->irq_why)
		dev->irq_why = why;
	for (struct virtqueue *vq = dev->queues; vq; vq = vq->next) {
		vq->source = NULL;
		virtqueue_interrupts_off(vq);
	}
	sources_disconnect(dev);
	dev->polled = true;
	dev->poller.poll = device_poll;
	poller_add(&dev->poller);
}

static void source_stormed(struct irq *irq)
{
	struct virtio_source *s = container_of(irq, struct virtio_source, irq);

	if (!proving) {
		s->dev->irq_why = "its line was masked, as nobody lets go of it";
		poll_instead(s->dev, NULL);
	} else if (!s->stormed) {
		s->stormed = true;
		s->next_stormed = stormed;
		stormed = s;
	}
}

/* After a proof: the lines that were masked are tried again. */
static void stormed_reconnect(void)
{
	while (stormed) {
		struct virtio_source *s = stormed;
		enum irq_proof proof = s->irq.proof;

		stormed_remove(s);
		irq_disconnect(&s->irq);
		if (s->dev->ops->irq_connect(s->dev, (unsigned)(s - s->dev->sources), &s->irq)) {
			poll_instead(s->dev, "its line cannot be connected again");
			continue;
		}
		s->irq.proof = proof;
		/* An edge that came while it was masked comes no more. */
		(void)source_interrupt(&s->irq);
	}
}

static const char *connect_problem(int rc)
{
	switch (rc) {
	case -ENODEV: return "no controller has its line";
	case -EBUSY: return "its line is in use in another way";
	case -ENOSPC: return "no interrupt vector left";
	default: return "it cannot be connected";
	}
}

/* "virtio-rng 0xfeb02e00"; one of several also says what it is for. */
static void source_name(struct virtio_device *dev, unsigned index, unsigned count)
{
	struct virtio_source *s = &dev->sources[index];
	const char *type = virtio_id_name(dev->id);
	char where[24], use[16] = "";

	dev->ops->where(dev, where, sizeof(where));
	if (dev->config_alone && index == 0)
		format(use, sizeof(use), " config");
	else if (count > 1)
		format(use, sizeof(use), " queue %u", index - dev->config_alone);
	format(s->name, sizeof(s->name), "virtio-%s %s%s", type ? type : "?", where, use);
}

static void source_init(struct virtio_device *dev, unsigned index, unsigned count)
{
	struct virtio_source *s = &dev->sources[index];

	source_name(dev, index, count);
	s->dev = dev;
	s->work.run = source_run;
	s->irq.name = s->name;
	s->irq.handle = source_interrupt;
	s->irq.stormed = source_stormed;
}

static bool source_retry(struct virtio_device *dev)
{
	return dev->ops->irq_retry && dev->ops->irq_retry(dev, &dev->sources[0].irq) == 0;
}

/* There are fewer than were to be: none is for the configuration alone. */
static void sources_share(struct virtio_device *dev)
{
	dev->config_alone = false;
	for (unsigned i = 0; i < dev->source_count; i++)
		source_name(dev, i, dev->source_count);
}

/* Connects the sources, or as many as there are vectors for; none is an error. */
static int sources_connect(struct virtio_device *dev, unsigned count)
{
	int rc = 0;

	for (unsigned i = 0; i < count; i++) {
		source_init(dev, i, count);
		rc = dev->ops->irq_connect(dev, i, &dev->sources[i].irq);
		if (rc && count == 1 && source_retry(dev))
			rc = 0;
		if (rc)
			break;
		dev->source_count++;
	}
	if (dev->source_count && dev->source_count < count)
		sources_share(dev);
	return dev->source_count ? 0 : rc;
}

int virtio_irqs_open(struct virtio_device *dev, unsigned queues)
{
	unsigned count = 0;
	int rc;

	if (!queues || !dev->ops->irqs_open)
		return 0;
	if (!irq_ready()) {
		dev->irq_why = "no interrupt controller";
		return 0;
	}
	rc = dev->ops->irqs_open(dev, queues + 1, &count);
	if (rc || count == 0)
		return rc;
	dev->sources = kzalloc(count * sizeof(dev->sources[0]));
	if (!dev->sources) {
		sources_disconnect(dev);
		return -ENOMEM;
	}
	dev->config_alone = count > queues;
	rc = sources_connect(dev, count);
	if (rc) {
		if (!dev->irq_why)
			dev->irq_why = connect_problem(rc);
		sources_disconnect(dev);
		return 0;
	}
	if (dev->ops->config_source && dev->ops->config_source(dev, 0))
		virtio_config_untold(dev);
	return 0;
}

static int source_select(struct virtio_device *dev, struct virtqueue *vq, unsigned index)
{
	int rc = dev->ops->queue_source ? dev->ops->queue_source(dev, vq->index, index) : 0;

	if (!rc)
		vq->source = &dev->sources[index];
	return rc;
}

void virtio_irqs_assign(struct virtio_device *dev, struct virtqueue *vq)
{
	unsigned nth = dev->queue_count++;
	unsigned own = dev->source_count - dev->config_alone;
	unsigned index;

	if (dev->source_count == 0)
		return;
	index = own ? dev->config_alone + nth % own : 0;
	/* 4.1.5.1.2: the device may have run out of something; then it is shared. */
	if (source_select(dev, vq, index) && (index == 0 || source_select(dev, vq, 0)))
		return;
	/* An empty ring, which the device does not know: nothing can have come. */
	(void)!virtqueue_interrupts_on(vq);
}

int virtio_irqs_reselect_config(struct virtio_device *dev)
{
	return dev->source_count && dev->ops->config_source ?
	       dev->ops->config_source(dev, 0) : 0;
}

int virtio_irqs_reselect(struct virtio_device *dev, struct virtqueue *vq)
{
	if (!vq->source || !dev->ops->queue_source)
		return 0;
	return dev->ops->queue_source(dev, vq->index, (unsigned)(vq->source - dev->sources));
}

void virtio_irqs_resume(struct virtqueue *vq)
{
	if (vq->source && !virtqueue_interrupts_on(vq))
		work_post(&vq->source->work);
}

/* A device that has not answered yet is slow, which says nothing of its interrupt. */
static bool answer_prove(struct virtqueue *vq, struct irq *irq, uint64_t before, unsigned tries)
{
	while (tries--) {
		if (irq_prove(irq, before))
			return true;
		if (vq->stopped || virtqueue_has_used(vq))
			break;
	}
	return false;
}

/*
 * One queue's interrupt; false if it was not seen in any way. What came in
 * silence is taken and the line let go before another way is tried. Where the
 * device `answers` in other queues, none here may be the world's fault (a wire on
 * which nobody listens yet): the queue stays unproved then.
 */
static bool queue_prove(struct virtio_device *dev, struct virtqueue *vq, bool answers)
{
	struct irq *irq = &vq->source->irq;

	do {
		uint64_t before = irq->count;
		int rc = dev->driver->prove(dev, vq);

		if (rc)
			return rc == -ENOENT;
		if (answer_prove(vq, irq, before, answers ? 1 : ANSWER_TRIES))
			return true;
		(void)!queue_drain(vq);
		/* Of one that failed the interrupts are closed: nothing to acknowledge by. */
		if (dev->fault)
			return false;
		line_let_go(dev);
		if (virtqueue_outstanding(vq)) {
			if (answers)
				return true;
			dev->irq_why = "no answer that could prove it";
			return false;
		}
	} while (!dev->polled && source_retry(dev));
	return false;
}

/* One queue that was not seen to interrupt; whether it goes on being waited for. */
static bool unproved_check(struct virtqueue *vq)
{
	struct virtio_source *s = vq->source;

	if (s->irq.count) {
		s->irq.proof = IRQ_SEEN;
		return true;
	}
	s->silent = virtqueue_has_used(vq) ? s->silent + 1 : 0;
	return s->silent < UNPROVED_LOOKS;
}

static void unproved_look(struct timer *t)
{
	struct virtio_device *dev = container_of(t, struct virtio_device, unproved);
	bool left = false;

	for (struct virtqueue *vq = dev->queues; vq; vq = vq->next) {
		if (!vq->source || vq->source->irq.proof == IRQ_SEEN)
			continue;
		if (!unproved_check(vq)) {
			dev->proof = IRQ_NOT_SEEN;
			poll_instead(dev, "interrupt not seen");
			return;
		}
		left |= vq->source->irq.proof != IRQ_SEEN;
	}
	if (left)
		timer_start(t, UNPROVED_NS);
}

/* True if each source was seen, or at least one, and nothing can make the others fire. */
static bool queues_prove(struct virtio_device *dev)
{
	bool seen = false;

	for (struct virtqueue *vq = dev->queues; vq && !dev->fault; vq = vq->next) {
		if (!vq->source)
			return false;
		if (vq->source->irq.proof != IRQ_SEEN && !queue_prove(dev, vq, seen))
			return false;
		seen |= vq->source->irq.proof == IRQ_SEEN;
	}
	dev->unproved.expired = unproved_look;
	if (seen && !dev->fault)
		unproved_look(&dev->unproved);
	return seen;
}

void virtio_irqs_prove(struct virtio_device *dev)
{
	if (dev->source_count == 0 || !dev->driver->prove) {
		poll_instead(dev, "nothing can make it interrupt");
		return;
	}
	proving = true;
	dev->proof = queues_prove(dev) ? IRQ_SEEN : IRQ_NOT_SEEN;
	if (dev->proof == IRQ_NOT_SEEN && !dev->fault)
		poll_instead(dev, NULL);
	proving = false;
	stormed_reconnect();
}

void virtio_irqs_stop(struct virtio_device *dev)
{
	sources_disconnect(dev);
	if (dev->polled)
		poller_remove(&dev->poller);
	dev->polled = false;
}

void virtio_irqs_free(struct virtio_device *dev)
{
	kfree(dev->sources);
	dev->sources = NULL;
	dev->queue_count = 0;
}

uint64_t virtio_irqs_count(const struct virtio_device *dev)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < dev->source_count; i++)
		count += dev->sources[i].irq.count;
	return count;
}

static int polled_describe(const struct virtio_device *dev, char *buf, size_t size)
{
	static const char not_seen[] = "interrupt not seen";
	const char *why = dev->irq_why ? dev->irq_why : not_seen;

	if (dev->proof != IRQ_NOT_SEEN || strcmp(why, not_seen) == 0)
		return format(buf, size, "polled, %s", why);
	return format(buf, size, "polled, %s: %s", not_seen, why);
}

int virtio_irqs_describe(const struct virtio_device *dev, char *buf, size_t size)
{
	if (dev->source_count == 0)
		return polled_describe(dev, buf, size);
	if (dev->sources[0].irq.kind == IRQ_KIND_LINE)
		return format(buf, size, "%s gsi %u seen", dev->irq_kind,
			      dev->sources[0].irq.gsi);
	return format(buf, size, "%s %u vector%s seen", dev->irq_kind, dev->source_count,
		      dev->source_count == 1 ? "" : "s");
}
