/* SPDX-License-Identifier: MIT */
/*
 * bench=net: frames of 60 bytes, in batches of 64, two batches under way.
 *
 * Who hears whom is found out first, by a frame from each device. Sending is
 * measured on a device that no other hears, if there is one, so that nothing
 * but sending is counted. Receiving needs two on one wire: what a frame costs
 * there, less what sending one costs, is what receiving it does.
 */
#include <asm/cpu.h>

#include "drivers/net/netdev.h"

#include "drivers/virtio/virtio.h"
#include "kernel/bench.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "mm/kmalloc.h"

enum {
	FRAME_LEN = 60,
	BATCH = 64,
	BATCHES = 2,
	PACKETS = BATCH * BATCHES,
	SLOT = 128,			/* bytes of a packet's memory, headroom included */
	BUFFER_ORDER = 2,
	ROUNDS = 1500,			/* of all packets, usually */
	WARM_UP = 4 * PACKETS,
	TYPE = 0x88b5,			/* IEEE 802: local experiments */
	HEAR_NS = 50 * 1000 * 1000,
	WAIT_S = 60,
};

static struct {
	struct netdev *sender;
	struct netdev *receiver;	/* NULL: nobody listens, nobody is waited for */
	struct net_packet packets[PACKETS];
	unsigned pending[BATCHES];	/* packets of each batch that have not ended */
	uint8_t *buffer;
	unsigned all;			/* frames of a measurement */
	unsigned frames;		/* to be sent now */
	unsigned submitted, received, outstanding;
	int error;
	uint64_t submit_ticks;
} run;

static void (*receive_before[NETDEV_MAX])(struct netdev *dev, const struct net_frame *frame);

static void batch_submit(unsigned batch)
{
	uint64_t began = cycles();

	run.submitted += BATCH;
	for (unsigned i = 0; i < BATCH && !run.error; i++) {
		run.error = netdev_transmit(run.sender, &run.packets[batch * BATCH + i]);
		if (run.error)
			break;
		run.pending[batch]++;
		run.outstanding++;
	}
	run.submit_ticks += cycles() - began;
}

/* Submits what may be: a batch is free, and the receiver is not behind by more than two. */
static void pump(void)
{
	for (unsigned b = 0; b < BATCHES && !run.error; b++) {
		if (run.pending[b] || run.submitted >= run.frames)
			continue;
		if (run.receiver && run.submitted - run.received > PACKETS - BATCH)
			continue;
		batch_submit(b);
	}
}

static void sent(struct request *request)
{
	struct net_packet *p = container_of(request, struct net_packet, request);
	unsigned batch = (unsigned)(p - run.packets) / BATCH;

	if (request->error)
		run.error = request->error;
	run.outstanding--;
	if (--run.pending[batch] == 0)
		pump();
}

static bool is_ours(const struct net_frame *frame)
{
	return frame->len >= FRAME_LEN && frame->data[12] == TYPE >> 8 &&
	       frame->data[13] == (TYPE & 0xff);
}

static void received(struct netdev *dev, const struct net_frame *frame)
{
	if (dev != run.receiver || !is_ours(frame))
		return;
	run.received++;
	if (run.received % BATCH == 0)
		pump();
}

static bool is_over(void *context __unused)
{
	if (run.outstanding)
		return false;
	return run.error || (run.submitted >= run.frames &&
			     (!run.receiver || run.received >= run.frames));
}

static int send_all(unsigned frames, struct bench_span *span)
{
	int rc;

	run.frames = frames;
	run.submitted = 0;
	run.received = 0;
	run.error = 0;
	run.submit_ticks = 0;
	bench_span_begin(span);
	pump();
	rc = loop_until(is_over, NULL, WAIT_S * NS_PER_S);
	bench_span_end(span);
	return rc ? rc : run.error;
}

/* Frames from `from`, to `to` or, where that is NULL, to everybody. */
static void packets_make(const struct netdev *from, const struct netdev *to)
{
	static const uint8_t everybody[NET_MAC_LEN] = { 255, 255, 255, 255, 255, 255 };

	memset(run.buffer, 0, PAGE_SIZE << BUFFER_ORDER);
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t *frame = run.buffer + (size_t)i * SLOT + NET_HEADROOM;

		memcpy(frame, to ? to->mac : everybody, NET_MAC_LEN);
		memcpy(frame + NET_MAC_LEN, from->mac, NET_MAC_LEN);
		frame[12] = TYPE >> 8;
		frame[13] = TYPE & 0xff;
		run.packets[i] = (struct net_packet){
			.request.done = sent, .data = frame, .len = FRAME_LEN, .headroom = true,
		};
	}
}

static const struct netdev *heard_by;

/* Proofs of interrupts and frames of before may come late. */
static void hear(struct netdev *dev, const struct net_frame *frame)
{
	if (is_ours(frame) && frame->data[0] == 0xff &&
	    memcmp(frame->data + NET_MAC_LEN, run.sender->mac, NET_MAC_LEN) == 0)
		heard_by = dev;
}

static bool was_heard(void *context __unused)
{
	return heard_by && run.outstanding == 0;
}

/* The device that hears what `from` sends; NULL if none does. */
static struct netdev *listener_of(struct netdev *from)
{
	heard_by = NULL;
	run.sender = from;
	run.receiver = NULL;
	packets_make(from, NULL);
	run.error = netdev_transmit(from, &run.packets[0]);
	if (run.error)
		return NULL;
	run.frames = 0;
	run.outstanding = 1;
	run.pending[0] = 1;
	(void)!loop_until(was_heard, NULL, HEAR_NS);
	return (struct netdev *)heard_by;
}

/* Finds a device that nobody hears, and two of which one hears the other. */
static void wires_find(struct netdev **alone, struct netdev **from, struct netdev **to)
{
	struct netdev *dev, *listener;

	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		dev->receive = hear;
	for (unsigned i = 0; (dev = netdev_at(i)); i++) {
		listener = listener_of(dev);
		if (run.error || run.outstanding)
			return;
		if (!listener && !*alone)
			*alone = dev;
		if (listener && !*from) {
			*from = dev;
			*to = listener;
		}
	}
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		dev->receive = received;
}

static const struct virtio_device *virtio_device(const struct netdev *dev)
{
	const struct virtio_device *v;
	unsigned nth = 0;

	for (unsigned i = 0; (v = virtio_device_at(i)); i++)
		if (v->id == VIRTIO_ID_NET && v->driver && netdev_at(nth++) == dev)
			return v;
	return NULL;
}

static uint64_t interrupts_of(const struct netdev *dev)
{
	const struct virtio_device *v = virtio_device(dev);

	return v ? virtio_irqs_count(v) : 0;
}

static int transmit(struct netdev *dev, uint64_t *ticks)
{
	uint64_t doorbells, interrupts;
	struct bench_span span;
	int rc;

	run.sender = dev;
	run.receiver = NULL;
	packets_make(dev, NULL);
	rc = send_all(WARM_UP, &span);
	if (rc)
		return rc;
	doorbells = dev->stats.doorbells;
	interrupts = interrupts_of(dev);
	rc = send_all(run.all, &span);
	if (rc)
		return rc;
	*ticks = span.ticks;
	bench_per_request("net.transmit_60.total", span.ticks, run.all, "ticks");
	bench_per_request("net.transmit_60.submit", run.submit_ticks, run.all, "ticks");
	bench_per_request("net.transmit_60.complete", span.ticks - run.submit_ticks, run.all,
			  "ticks");
	bench_per_request("net.transmit_60.doorbells", dev->stats.doorbells - doorbells, run.all,
			  "doorbells");
	bench_per_request("net.transmit_60.interrupts", interrupts_of(dev) - interrupts, run.all,
			  "interrupts");
	bench_per_second("net.transmit_60.rate", run.all, span.ns, "frames");
	return 0;
}

/* `ticks`: what sending as many costs, 0 if that is not known. */
static int receive(struct netdev *from, struct netdev *to, uint64_t ticks)
{
	uint64_t doorbells, interrupts;
	struct bench_span span;
	int rc;

	run.sender = from;
	run.receiver = to;
	packets_make(from, to);
	rc = send_all(WARM_UP, &span);
	if (rc)
		return rc;
	doorbells = to->stats.doorbells;
	interrupts = interrupts_of(to);
	rc = send_all(run.all, &span);
	if (rc)
		return rc;
	bench_per_request("net.wire_60.total", span.ticks, run.all, "ticks");
	if (ticks)
		bench_per_request("net.receive_60.total", span.ticks - min(span.ticks, ticks),
				  run.all, "ticks");
	bench_per_request("net.receive_60.doorbells", to->stats.doorbells - doorbells, run.all,
			  "doorbells");
	bench_per_request("net.receive_60.interrupts", interrupts_of(to) - interrupts, run.all,
			  "interrupts");
	bench_per_second("net.receive_60.rate", run.all, span.ns, "frames");
	return 0;
}

static int measure(void)
{
	struct netdev *alone = NULL, *from = NULL, *to = NULL;
	uint64_t ticks = 0;
	int rc;

	wires_find(&alone, &from, &to);
	if (run.error || run.outstanding)
		return run.error ?: -ETIMEDOUT;
	rc = transmit(alone ? alone : from, &ticks);
	if (rc)
		return rc;
	if (!from) {
		print("bench net: receiving is not measured: no device hears another\n");
		return 0;
	}
	if (!alone)
		print("bench net: transmit includes receiving: each device hears another\n");
	return receive(from, to, alone ? ticks : 0);
}

static bool none_outstanding(void *context __unused)
{
	return run.outstanding == 0;
}

/* After an error: false if a device still has some, and with it their memory. */
static bool withdraw(void)
{
	run.frames = 0;
	for (unsigned i = 0; i < PACKETS; i++)
		(void)netdev_cancel(&run.packets[i]);
	return loop_until(none_outstanding, NULL, 2 * NET_ANSWER_NS) == 0;
}

BENCH(net)
{
	struct netdev *dev;
	int rc;

	if (netdev_count() == 0) {
		print("bench net: not measured: no network device\n");
		return;
	}
	run.buffer = page_alloc(BUFFER_ORDER, PAGE_ANY | PAGE_USE_DMA);
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		receive_before[i] = dev->receive;
	run.all = PACKETS * bench_times(ROUNDS);
	rc = run.buffer ? measure() : -ENOMEM;
	if (rc)
		print("bench net: not measured: %s\n", errno_name(rc));
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		dev->receive = receive_before[i];
	if (withdraw() && run.buffer)
		page_free(run.buffer, BUFFER_ORDER);
}
