/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/fake_registers.h"

#include "drivers/virtio/transport.h"
#include "kernel/lib/string.h"

enum {
	MAGIC = 0x74726976,
	LEGACY_PAGE = 4096,
	MMIO_CONFIG_AT = 0x100,
	MMIO_LEN = MMIO_CONFIG_AT + FAKE_REGISTERS_CONFIG,
	LEGACY_CONFIG_AT = 0x14,	/* 0x18 with MSI-X */
	LEGACY_LEN = 0x18 + FAKE_REGISTERS_CONFIG,
};

static struct fake_registers *of(struct host_registers *r)
{
	return container_of(r, struct fake_registers, io);
}

/* What is counted against the driver. */
static void expect_that(struct fake_registers *f, bool ok)
{
	f->mistakes += !ok;
}

static struct fake_registers_queue *selected(struct fake_registers *f)
{
	static struct fake_registers_queue none;

	memset(&none, 0, sizeof(none));
	return f->queue < FAKE_REGISTERS_QUEUES ? &f->queues[f->queue] : &none;
}

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> 32 * select);
}

static void half_set(uint64_t *value, uint32_t select, uint32_t v)
{
	*value = select ? (*value & UINT32_MAX) | (uint64_t)v << 32 :
			  (*value & ~(uint64_t)UINT32_MAX) | v;
}

static uint32_t status_read(struct fake_registers *f)
{
	if (f->slow_left) {
		f->slow_left--;
		return VIRTIO_STATUS_ACKNOWLEDGE;
	}
	f->reset_unread = false;
	return f->status;
}

static void status_write(struct fake_registers *f, uint32_t v)
{
	/* 2.1.1: the driver must not clear a bit, but by a reset. */
	expect_that(f, v == 0 || (f->status & ~v) == 0);
	/* 4.1.4.3.2: a reset is over before anything begins. */
	expect_that(f, v == 0 || !f->reset_unread);
	f->status = (uint8_t)v;
	if (v)
		return;
	f->resets++;
	f->reset_unread = true;
	f->slow_left = f->resets_slowly;
	for (unsigned i = 0; i < FAKE_REGISTERS_QUEUES; i++)
		f->queues[i] = (struct fake_registers_queue){
			.max = f->queues[i].max, .size = f->queues[i].max, .vector = FAKE_NO_VECTOR,
		};
}

static bool is_modern(const struct fake_registers *f)
{
	return f->face == FAKE_MMIO_2 || f->face == FAKE_PCI_MODERN;
}

static uint32_t features_read(struct fake_registers *f)
{
	expect_that(f, f->features_selected);
	return half(f->offered, f->features_select);
}

/* 3.1.1: none after FEATURES_OK. */
static void accepted_write(struct fake_registers *f, uint32_t v)
{
	expect_that(f, f->accepted_selected && !(f->status & VIRTIO_STATUS_FEATURES_OK));
	half_set(&f->accepted, f->accepted_select, v);
}

/* 2.7: a power of two; 4.2.2.2: not beyond the maximum, nor while the queue is ready. */
static void size_write(struct fake_registers *f, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, is_pow2(v) && v <= q->max && !q->ready);
	q->size = (uint16_t)v;
}

static void address_write(struct fake_registers *f, uint64_t *address, uint32_t which, uint32_t v)
{
	expect_that(f, !selected(f)->ready);
	half_set(address, which, v);
}

/* 4.1.4.3.2, 4.2.2: all else is written before. Only a reset takes it back. */
static void ready_write(struct fake_registers *f, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, v == 1 && !q->ready && q->desc && q->driver && q->device);
	expect_that(f, f->status & VIRTIO_STATUS_FEATURES_OK);
	q->ready = v;
}

static void queue_reset_write(struct fake_registers *f, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, v == 1 && q->ready);
	*q = (struct fake_registers_queue){
		.max = q->max, .size = q->max, .vector = FAKE_NO_VECTOR,
		.resetting = f->resets_slowly,
	};
}

static uint32_t queue_reset_read(struct fake_registers *f)
{
	struct fake_registers_queue *q = selected(f);

	return q->resetting ? q->resetting-- > 0 : 0;
}

static void bell(struct fake_registers *f, uint32_t queue, size_t at)
{
	expect_that(f, f->status & VIRTIO_STATUS_DRIVER_OK);
	f->bells++;
	f->last_bell = queue;
	f->last_bell_at = at;
}

static uint32_t config_get(struct fake_registers *f, size_t offset, unsigned width)
{
	uint32_t v = 0;

	if (offset + width > sizeof(f->config)) {
		expect_that(f, false);
		return 0;
	}
	memcpy(&v, f->config + offset, width);
	return v;
}

static void config_set(struct fake_registers *f, size_t offset, unsigned width, uint32_t v)
{
	/* 3.1.1: not while features are negotiated. */
	expect_that(f, !is_modern(f) || f->status & VIRTIO_STATUS_FEATURES_OK);
	if (offset + width > sizeof(f->config))
		expect_that(f, false);
	else
		memcpy(f->config + offset, &v, width);
}

/* MMIO (4.2.2, table 4.1; 4.2.4, table 4.2). */

static bool is_mmio_1(const struct fake_registers *f)
{
	return f->face == FAKE_MMIO_1;
}

/* 4.2.3.1.1: magic value, version, type; and of an empty window nothing else. */
static uint32_t mmio_identity(struct fake_registers *f, size_t offset)
{
	if (offset == 0) {
		f->magic_read = true;
		f->version_read = f->empty = false;
		return f->magic;
	}
	expect_that(f, f->magic_read && !f->empty);
	if (offset == 4) {
		f->version_read = true;
		return f->version;
	}
	expect_that(f, f->version_read);
	f->empty = f->id == 0;
	return f->id;
}

static uint32_t mmio_register(struct fake_registers *f, size_t offset)
{
	struct fake_registers_queue *q = selected(f);

	switch (offset) {
	case 0x000:
	case 0x004:
	case 0x008: return mmio_identity(f, offset);
	case 0x00c: return 0x1af4;
	case 0x010: return features_read(f);
	case 0x034: return q->max;
	case 0x040: expect_that(f, is_mmio_1(f)); return (uint32_t)(q->desc / LEGACY_PAGE);
	case 0x044: expect_that(f, !is_mmio_1(f)); return q->ready;
	case 0x060: return f->isr;
	case 0x070: return status_read(f) | f->status_junk;
	case 0x0c0:
		expect_that(f, !is_mmio_1(f));
		return f->no_queue_resets ? 0 : queue_reset_read(f);
	case 0x0fc: expect_that(f, !is_mmio_1(f)); return f->generation;
	default: expect_that(f, false); return 0;
	}
}

static uint32_t mmio_get(struct host_registers *r, size_t offset, unsigned width)
{
	struct fake_registers *f = of(r);

	if (offset >= MMIO_CONFIG_AT)
		return config_get(f, offset - MMIO_CONFIG_AT, width);
	expect_that(f, width == 4);		/* 4.2.2.2 */
	expect_that(f, offset <= 8 || !f->empty);
	return mmio_register(f, offset);
}

static void mmio_acknowledge(struct fake_registers *f, uint32_t v)
{
	/* 4.2.2.2: nothing that is not defined. */
	expect_that(f, !(v & ~(uint32_t)(VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG)));
	f->isr &= ~v;
	if (f->isr_again) {
		f->isr_again--;
		f->isr |= VIRTIO_INTERRUPT_QUEUE;
	}
}

static void mmio_1_set(struct fake_registers *f, size_t offset, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	switch (offset) {
	case 0x028: f->page_size = v; break;
	case 0x03c: expect_that(f, v == LEGACY_PAGE); break;
	case 0x040:
		expect_that(f, f->page_size == LEGACY_PAGE);
		q->desc = (uint64_t)v * f->page_size;
		q->ready = v != 0;
		break;
	default: expect_that(f, false);
	}
}

static void mmio_2_set(struct fake_registers *f, size_t offset, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	switch (offset) {
	case 0x044: ready_write(f, v); break;
	case 0x080: address_write(f, &q->desc, 0, v); break;
	case 0x084: address_write(f, &q->desc, 1, v); break;
	case 0x090: address_write(f, &q->driver, 0, v); break;
	case 0x094: address_write(f, &q->driver, 1, v); break;
	case 0x0a0: address_write(f, &q->device, 0, v); break;
	case 0x0a4: address_write(f, &q->device, 1, v); break;
	case 0x0c0:
		if (!f->no_queue_resets)
			queue_reset_write(f, v);
		break;
	default: expect_that(f, false);
	}
}

static void mmio_set(struct host_registers *r, size_t offset, unsigned width, uint32_t v)
{
	struct fake_registers *f = of(r);

	if (offset >= MMIO_CONFIG_AT) {
		config_set(f, offset - MMIO_CONFIG_AT, width, v);
		return;
	}
	expect_that(f, width == 4 && !f->empty);
	switch (offset) {
	case 0x014: f->features_select = v; f->features_selected = true; break;
	case 0x020: accepted_write(f, v); break;
	case 0x024: f->accepted_select = v; f->accepted_selected = true; break;
	case 0x030: f->queue = v; break;
	case 0x038: size_write(f, v); break;
	case 0x050: bell(f, v, 0); break;
	case 0x064: mmio_acknowledge(f, v); break;
	case 0x070: status_write(f, v); break;
	default:
		(is_mmio_1(f) ? mmio_1_set : mmio_2_set)(f, offset, v);
	}
}

/* PCI, modern: struct virtio_pci_common_cfg (4.1.4.3) and its companions. */

/* 4.1.4.3; addresses are written by halves. */
static const uint8_t common_widths[] = {
	[0x00] = 4, [0x04] = 4, [0x08] = 4, [0x0c] = 4, [0x10] = 2, [0x12] = 2, [0x14] = 1,
	[0x15] = 1, [0x16] = 2, [0x18] = 2, [0x1a] = 2, [0x1c] = 2, [0x1e] = 2, [0x20] = 4,
	[0x24] = 4, [0x28] = 4, [0x2c] = 4, [0x30] = 4, [0x34] = 4, [0x38] = 2, [0x3a] = 2,
};

static uint32_t common_get(struct fake_registers *f, size_t offset, unsigned width)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, offset < sizeof(common_widths) && width == common_widths[offset]);
	switch (offset) {
	case 0x04: return features_read(f);
	case 0x10: return f->config_vector;
	case 0x12: return FAKE_REGISTERS_QUEUES;
	case 0x14: return status_read(f);
	case 0x15: return (uint8_t)f->generation;
	case 0x16: return f->queue;
	case 0x18: return q->size;
	case 0x1a: return q->vector;
	case 0x1c: return q->ready;
	case 0x1e: return f->queue < FAKE_REGISTERS_QUEUES ? f->notify_off[f->queue] : 0;
	case 0x3a: return queue_reset_read(f);
	default: return 0;
	}
}

static uint16_t vector_of(const struct fake_registers *f, uint32_t v)
{
	return v < f->vectors ? (uint16_t)v : FAKE_NO_VECTOR;
}

static void common_set(struct fake_registers *f, size_t offset, unsigned width, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, offset < sizeof(common_widths) && width == common_widths[offset]);
	switch (offset) {
	case 0x00: f->features_select = v; f->features_selected = true; break;
	case 0x08: f->accepted_select = v; f->accepted_selected = true; break;
	case 0x0c: accepted_write(f, v); break;
	case 0x10: f->config_vector = vector_of(f, v); break;
	case 0x14: status_write(f, v); break;
	case 0x16: f->queue = v; break;
	case 0x18: size_write(f, v); break;
	case 0x1a: expect_that(f, !q->ready); q->vector = vector_of(f, v); break;
	case 0x1c: ready_write(f, v); break;
	case 0x20: address_write(f, &q->desc, 0, v); break;
	case 0x24: address_write(f, &q->desc, 1, v); break;
	case 0x28: address_write(f, &q->driver, 0, v); break;
	case 0x2c: address_write(f, &q->driver, 1, v); break;
	case 0x30: address_write(f, &q->device, 0, v); break;
	case 0x34: address_write(f, &q->device, 1, v); break;
	case 0x3a: queue_reset_write(f, v); break;
	default: expect_that(f, false);
	}
}

/* Reading acknowledges (4.1.4.5). */
static uint32_t isr_get(struct fake_registers *f, unsigned width)
{
	uint32_t isr = f->isr;

	expect_that(f, width == 1);
	f->isr = 0;
	return isr;
}

static uint32_t modern_get(struct host_registers *r, size_t offset, unsigned width)
{
	struct fake_registers *f = of(r);

	if (offset >= FAKE_NOTIFY_AT) {
		expect_that(f, false);
		return 0;
	}
	return offset >= FAKE_DEVICE_AT ? config_get(f, offset - FAKE_DEVICE_AT, width) :
	       offset >= FAKE_ISR_AT ? isr_get(f, width) : common_get(f, offset, width);
}

static void modern_set(struct host_registers *r, size_t offset, unsigned width, uint32_t v)
{
	struct fake_registers *f = of(r);

	if (offset >= FAKE_NOTIFY_AT)
		bell(f, v, offset - FAKE_NOTIFY_AT);
	else if (offset >= FAKE_DEVICE_AT)
		config_set(f, offset - FAKE_DEVICE_AT, width, v);
	else if (offset >= FAKE_ISR_AT)
		expect_that(f, false);
	else
		common_set(f, offset, width, v);
}

/* PCI, legacy (4.1.4.10), in ports. */

static size_t legacy_config_at(const struct fake_registers *f)
{
	return f->message_signalled ? LEGACY_CONFIG_AT + 4 : LEGACY_CONFIG_AT;
}

static uint32_t legacy_get(struct host_registers *r, size_t offset, unsigned width)
{
	struct fake_registers *f = of(r);

	if (offset >= legacy_config_at(f))
		return config_get(f, offset - legacy_config_at(f), width);
	switch (offset) {
	case 0x00: return (uint32_t)f->offered;
	case 0x08: return (uint32_t)(selected(f)->desc / LEGACY_PAGE);
	case 0x0c: return selected(f)->max;
	case 0x12: return status_read(f);
	case 0x13: return isr_get(f, width);
	case 0x14: return f->config_vector;
	case 0x16: return selected(f)->vector;
	default: expect_that(f, false); return 0;
	}
}

static void legacy_set(struct host_registers *r, size_t offset, unsigned width, uint32_t v)
{
	struct fake_registers *f = of(r);

	if (offset >= legacy_config_at(f)) {
		config_set(f, offset - legacy_config_at(f), width, v);
		return;
	}
	switch (offset) {
	case 0x04: f->accepted = v; break;
	case 0x08:
		selected(f)->desc = (uint64_t)v * LEGACY_PAGE;
		selected(f)->ready = v != 0;
		break;
	case 0x0e: f->queue = v; break;
	case 0x10: bell(f, v, 0); break;
	case 0x12: status_write(f, v); break;
	case 0x14: f->config_vector = vector_of(f, v); break;
	case 0x16: selected(f)->vector = vector_of(f, v); break;
	default: expect_that(f, false);
	}
}

static const struct host_registers faces[] = {
	[FAKE_MMIO_1] = { .len = MMIO_LEN, .read = mmio_get, .write = mmio_set },
	[FAKE_MMIO_2] = { .len = MMIO_LEN, .read = mmio_get, .write = mmio_set },
	[FAKE_PCI_MODERN] = { .len = FAKE_BAR_LEN, .read = modern_get, .write = modern_set },
	[FAKE_PCI_LEGACY] = {
		.ports = true, .len = LEGACY_LEN, .read = legacy_get, .write = legacy_set,
	},
};

void fake_registers_init(struct fake_registers *f, enum fake_face face, uint32_t id,
			 uintptr_t base)
{
	host_registers_remove(&f->io);
	memset(f, 0, sizeof(*f));
	f->io = faces[face];
	f->io.base = base;
	f->face = face;
	f->id = id;
	f->magic = MAGIC;
	f->version = face == FAKE_MMIO_1 ? 1 : 2;
	f->offered = VIRTIO_F_VERSION_1;
	f->vectors = FAKE_REGISTERS_VECTORS;
	f->config_vector = FAKE_NO_VECTOR;
	for (unsigned i = 0; i < FAKE_REGISTERS_QUEUES; i++) {
		f->queues[i].max = f->queues[i].size = 64;
		f->queues[i].vector = FAKE_NO_VECTOR;
		f->notify_off[i] = (uint16_t)i;
	}
	host_registers_add(&f->io);
}

void fake_registers_end(struct fake_registers *f)
{
	host_registers_remove(&f->io);
}
