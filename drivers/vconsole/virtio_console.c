/* SPDX-License-Identifier: MIT */
/*
 * The console device (VIRTIO 1.2, 5.3): a queue of buffers that the device
 * fills with input, one of buffers with output.
 *
 * Output is copied into pieces, so nobody waits for the host: text goes into
 * the piece at hand, which is given to the device at the end of each write()
 * while the device has few, and else when it is full or one comes back. Where
 * the device has all of them it is waited for, once and for a second; then
 * output is dropped and counted until it gives one back. As many pieces as
 * there are hold more than the log ring is by default, so a host that looks late
 * misses nothing of the boot.
 *
 * Input stays in the device's pieces until it is read; a piece goes back when
 * it is empty. So whoever types more than fits is held up at the host's end.
 *
 * In a panic nothing may be relied upon: the panic may have come from within
 * here. Where the device has the emergency register (5.3.4) it takes each byte,
 * after the queue had a moment to run dry; else the queue is used, polled, unless
 * it was just being used.
 */
#include "drivers/vconsole/virtio_console.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/wait.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

enum {
	QUEUE_IN = 0, QUEUE_OUT = 1,		/* of port 0 (5.3.2) */
	QUEUES = 2,
	OUT_ORDER = 4,				/* pages of all pieces of output */
	OUT_BATCH = 4,		/* pieces: from so many on one waits until it is full */
	ROOM_NS = 1000 * 1000 * 1000,		/* that the device is waited for */
};
static_assert(VCONSOLE_OUT_PIECES * VCONSOLE_OUT_PIECE == PAGE_SIZE << OUT_ORDER, "OUT_ORDER");

struct piece {
	uint8_t *bytes;
	uint32_t len;
	uint32_t at;			/* input: what was read of it */
	bool given;			/* the device has it */
	bool waiting;			/* input: it is in the line */
};

struct vconsole {
	struct console console;
	struct virtio_device *dev;
	struct virtqueue *in, *out;
	bool busy;			/* within write(): a panic may find it so */
	bool halted;			/* the device is reset and comes back */
	bool emergency;

	struct piece out_pieces[VCONSOLE_OUT_PIECES];
	struct piece *filling;		/* output goes there; NULL: none at hand */
	bool stalled;			/* the host did not read for so long that nobody waits */
	uint64_t dropped, dropped_told;	/* bytes */
	struct work tell;

	struct piece in_pieces[VCONSOLE_IN_PIECES];
	struct piece *line[VCONSOLE_IN_PIECES];	/* with input, in the order it came */
	unsigned head, tail;			/* of the line; they run on, and wrap */
	uint8_t in_bytes[VCONSOLE_IN_PIECES * VCONSOLE_IN_PIECE];
};

static struct vconsole *of(struct console *c)
{
	return container_of(c, struct vconsole, console);
}

static bool is_usable(const struct vconsole *v)
{
	return !v->dev->fault && !v->halted;
}

static void tell_dropped(struct work *w)
{
	struct vconsole *v = container_of(w, struct vconsole, tell);

	v->dropped_told = v->dropped;
	log_warn("virtio console: %llu bytes of output lost so far: its host did not read, or a "
		 "reset came",
		 (unsigned long long)v->dropped);
}

/* Takes back what the device is done with. */
static void out_take(struct vconsole *v)
{
	uint32_t written;
	void *token;

	for (unsigned i = 0; i < VCONSOLE_OUT_PIECES; i++) {
		if (virtqueue_take(v->out, &token, &written))
			return;
		((struct piece *)token)->given = false;
		((struct piece *)token)->len = 0;
		v->stalled = false;
	}
}

/* Gives the piece at hand to the device. */
static void out_give(struct vconsole *v)
{
	struct piece *p = v->filling;
	struct virtqueue_segment seg;

	if (!p || p->len == 0)
		return;
	seg = (struct virtqueue_segment){ p->bytes, p->len };
	v->filling = NULL;
	p->given = virtqueue_add(v->out, &seg, 1, 0, p) == 0;
	if (!p->given) {
		v->dropped += p->len;
		p->len = 0;
		return;
	}
	virtqueue_publish(v->out);
}

/* One that the device has not, if its queue has room for it. */
static struct piece *out_find(struct vconsole *v)
{
	if (virtqueue_outstanding(v->out) >= v->out->size)
		return NULL;
	for (unsigned i = 0; i < VCONSOLE_OUT_PIECES; i++) {
		if (!v->out_pieces[i].given)
			return &v->out_pieces[i];
	}
	return NULL;
}

/* Polls the device until `done` or, once in a stall, a second has passed. */
static bool out_wait(struct vconsole *v, bool (*done)(struct vconsole *v))
{
	struct wait w;

	out_take(v);
	if (done(v) || v->stalled || !is_usable(v))
		return done(v);
	wait_begin_ns(&w, ROOM_NS);
	do
		out_take(v);
	while (!done(v) && is_usable(v) && wait_turn(&w));
	wait_end(&w);
	v->stalled = !done(v);
	return !v->stalled;
}

static bool has_room(struct vconsole *v)
{
	return out_find(v) != NULL;
}

static bool is_dry(struct vconsole *v)
{
	return virtqueue_outstanding(v->out) == 0;
}

/* A place for one more byte; false if there is none. */
static bool out_make_room(struct vconsole *v)
{
	bool full = v->filling && v->filling->len == VCONSOLE_OUT_PIECE;

	if (v->halted && (full || !v->filling))
		return false;
	if (full)
		out_give(v);
	if (!v->filling && out_wait(v, has_room) && is_usable(v))
		v->filling = out_find(v);
	return v->filling != NULL;
}

static void put(struct vconsole *v, char c)
{
	if (!out_make_room(v)) {
		v->dropped++;
		return;
	}
	v->filling->bytes[v->filling->len++] = (uint8_t)c;
}

static void out_write(struct vconsole *v, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			put(v, '\r');
		put(v, text[i]);
	}
	if (v->halted)
		return;
	out_take(v);
	if (is_usable(v) && virtqueue_outstanding(v->out) < OUT_BATCH)
		out_give(v);
	out_take(v);			/* many devices are done by now */
}

static void vconsole_flush(struct console *c)
{
	struct vconsole *v = of(c);

	if (!is_usable(v) || v->busy)
		return;
	v->busy = true;
	out_give(v);
	out_wait(v, is_dry);
	v->busy = false;
}

static void emergency_put(struct vconsole *v, char c)
{
	uint32_t word = (uint8_t)c;

	/* What cannot be said so cannot be said at all. */
	(void)!virtio_config_write(v->dev, VIRTIO_CONSOLE_EMERGENCY, sizeof(word), &word,
				   sizeof(word));
}

/* Byte by byte past the queue, once what lies there is out, or had its time. */
static void emergency_write(struct vconsole *v, const char *text, size_t len)
{
	vconsole_flush(&v->console);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			emergency_put(v, '\r');
		emergency_put(v, text[i]);
	}
}

static void vconsole_write(struct console *c, const char *text, size_t len)
{
	struct vconsole *v = of(c);

	if (is_usable(v) && v->emergency && console_in_panic()) {
		emergency_write(v, text, len);
		return;
	}
	if (v->dev->fault || v->busy) {
		v->dropped += len;
		return;
	}
	v->busy = true;
	out_write(v, text, len);
	v->busy = false;
	if (console_in_panic())
		vconsole_flush(c);	/* nothing may come after this */
}

static int vconsole_describe(struct console *c, char *buf, size_t size)
{
	const struct vconsole *v = of(c);

	return format(buf, size, "%s%s, %llu bytes of output lost",
		      v->dev->fault ? "stopped: " : v->emergency ? "with" : "without",
		      v->dev->fault ? v->dev->fault : " emergency register",
		      (unsigned long long)v->dropped);
}

/* Room again: what waited for it goes, and what was lost meanwhile is told. */
static void out_drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct vconsole *v = dev->driver_data;

	if (v->busy)
		return;
	v->busy = true;
	out_take(v);
	if (is_usable(v))
		out_give(v);
	v->busy = false;
	if (v->dropped != v->dropped_told && !v->stalled)
		work_post(&v->tell);
}

static int in_give(struct vconsole *v, struct piece *p)
{
	struct virtqueue_segment seg = { p->bytes, VCONSOLE_IN_PIECE };
	int rc = virtqueue_add(v->in, &seg, 0, 1, p);

	p->given = rc == 0;
	return rc;
}

/* As many as the queue takes; not yet told to the device. */
static int in_give_all(struct vconsole *v)
{
	for (unsigned i = 0; i < VCONSOLE_IN_PIECES; i++) {
		struct piece *p = &v->in_pieces[i];
		int rc = p->given || p->waiting ? 0 : in_give(v, p);

		if (rc)
			return rc == -ENOSPC ? 0 : rc;
	}
	return 0;
}

/* An empty piece goes back. What the device refuses is gone, and it is failed by then. */
static void in_give_back(struct vconsole *v, struct piece *p)
{
	if (in_give(v, p) == 0)
		virtqueue_publish(v->in);
}

static void in_take(struct vconsole *v)
{
	uint32_t got;
	void *token;

	for (unsigned i = 0; i < VCONSOLE_IN_PIECES && is_usable(v); i++) {
		struct piece *p;

		if (virtqueue_take(v->in, &token, &got))
			return;
		p = token;
		p->given = false;
		p->len = got;
		p->at = 0;
		p->waiting = got > 0;
		if (p->waiting)
			v->line[v->head++ % VCONSOLE_IN_PIECES] = p;
		else
			in_give_back(v, p);
	}
}

static void in_drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;

	in_take(dev->driver_data);
}

static int vconsole_read(struct console *c)
{
	struct vconsole *v = of(c);
	struct piece *p;
	int byte;

	if (v->head == v->tail && is_usable(v))
		in_take(v);
	if (v->head == v->tail)
		return -EAGAIN;
	p = v->line[v->tail % VCONSOLE_IN_PIECES];
	byte = READ_ONCE(p->bytes[p->at]);
	p->at++;
	if (p->at == p->len) {
		v->tail++;
		p->waiting = false;
		if (is_usable(v))
			in_give_back(v, p);
	}
	return byte;
}

/* A carriage return, which shows nowhere. Input is the user's to make. */
static int prove(struct virtio_device *dev, struct virtqueue *vq)
{
	struct vconsole *v = dev->driver_data;

	if (vq == v->in)
		return -ENOENT;
	put(v, '\r');
	out_give(v);
	return virtqueue_outstanding(v->out) ? 0 : -ENOSPC;
}

/* Of a device that was reset, all is ours again; output that it had is lost. */
static void queue_halted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct vconsole *v = dev->driver_data;
	struct piece *p;

	while ((p = virtqueue_detach(vq))) {
		p->given = false;
		if (vq == v->out) {
			v->dropped += p->len;
			p->len = 0;
		}
	}
}

static void halted(struct virtio_device *dev)
{
	struct vconsole *v = dev->driver_data;

	queue_halted(dev, v->in);
	queue_halted(dev, v->out);
	if (!v->filling)
		v->filling = out_find(v);	/* for what is said meanwhile */
	v->halted = true;
}

static void queue_restarted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct vconsole *v = dev->driver_data;

	if (vq == v->out) {
		out_give(v);
		return;
	}
	if (in_give_all(v) && !dev->fault)
		virtio_device_fail(dev, "cannot be given buffers, queue", QUEUE_IN);
	virtqueue_publish(vq);
}

static void restarted(struct virtio_device *dev)
{
	struct vconsole *v = dev->driver_data;

	v->halted = false;
	v->stalled = false;
	queue_restarted(dev, v->in);
	queue_restarted(dev, v->out);
}

static void tell_size(struct virtio_device *dev)
{
	uint16_t size[2];

	if (!(dev->features & VIRTIO_CONSOLE_F_SIZE) ||
	    virtio_config_read(dev, VIRTIO_CONSOLE_COLUMNS, sizeof(size[0]), size, sizeof(size)))
		return;
	log_info("virtio console: %u columns, %u rows", size[0], size[1]);
}

static void set_up(struct vconsole *v, uint8_t *out_bytes)
{
	v->console = (struct console){
		.name = "virtio console",
		.write = vconsole_write,
		.read = vconsole_read,
		.flush = vconsole_flush,
		.describe = vconsole_describe,
	};
	v->tell.run = tell_dropped;
	v->emergency = v->dev->features & VIRTIO_CONSOLE_F_EMERG_WRITE;
	for (unsigned i = 0; i < VCONSOLE_OUT_PIECES; i++)
		v->out_pieces[i].bytes = out_bytes + i * VCONSOLE_OUT_PIECE;
	for (unsigned i = 0; i < VCONSOLE_IN_PIECES; i++)
		v->in_pieces[i].bytes = v->in_bytes + i * VCONSOLE_IN_PIECE;
}

static int virtio_console_probe(struct virtio_device *dev)
{
	struct vconsole *v = kzalloc(sizeof(*v));
	uint8_t *out_bytes = page_alloc(OUT_ORDER, PAGE_ANY | PAGE_USE_DMA);
	int rc = -ENOMEM;

	if (!v || !out_bytes)
		goto free_all;
	v->dev = dev;
	dev->driver_data = v;
	set_up(v, out_bytes);
	rc = virtio_queue_setup(dev, QUEUE_IN, VCONSOLE_IN_PIECES, in_drain, &v->in);
	if (!rc)
		rc = virtio_queue_setup(dev, QUEUE_OUT, VCONSOLE_OUT_PIECES, out_drain, &v->out);
	if (!rc)
		rc = in_give_all(v);
	if (rc)
		goto free_all;
	virtio_device_ready(dev);
	virtqueue_publish(v->in);
	tell_size(dev);
	console_register(&v->console);
	return 0;

free_all:
	if (out_bytes)
		page_free(out_bytes, OUT_ORDER);
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_console_driver = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.features = VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE,
	.queues = QUEUES,
	.probe = virtio_console_probe,
	.prove = prove,
	.halted = halted,
	.restarted = restarted,
	.queue_halted = queue_halted,
	.queue_restarted = queue_restarted,
};
TABLE_ADD(virtio_drivers, virtio_console_driver);
