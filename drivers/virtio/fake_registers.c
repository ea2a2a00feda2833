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

static bool is_legacy(const struct fake_registers *f)
{
	return f->face == FAKE_MMIO_1 || f->face == FAKE_PCI_LEGACY;
}

static uint32_t status_read(struct fake_registers *f)
{
	if (f->slow_left) {
		f->slow_left--;
		return VIRTIO_STATUS_ACKNOWLEDGE;
	}
	f->resetting = f->resetting && f->status;
	return f->status;
}

/* 2.1.1: no bit is cleared but by a reset; 3.1.1: they come in order. */
static void status_check(struct fake_registers *f, uint32_t v)
{
	expect_that(f, v == 0 || (f->status & ~v) == 0);
	expect_that(f, !(v & VIRTIO_STATUS_DRIVER) || v & VIRTIO_STATUS_ACKNOWLEDGE);
	expect_that(f, !(v & VIRTIO_STATUS_FEATURES_OK) ||
		       (v & VIRTIO_STATUS_DRIVER && !is_legacy(f)));
	expect_that(f, !(v & VIRTIO_STATUS_DRIVER_OK) || is_legacy(f) ||
		       v & VIRTIO_STATUS_FEATURES_OK);
}

static void status_write(struct fake_registers *f, uint32_t v)
{
	status_check(f, v);
	f->status = (uint8_t)v;
	if (v)
		return;
	f->resets++;
	f->resetting = true;
	f->features_selected = f->accepted_selected = false;
	f->slow_left = f->resets_slowly;
	for (unsigned i = 0; i < FAKE_REGISTERS_QUEUES; i++)
		f->queues[i] = (struct fake_registers_queue){
			.max = f->queues[i].max, .size = f->queues[i].max, .vector = FAKE_NO_VECTOR,
		};
}

static void bell(struct fake_registers *f, uint32_t queue, size_t at)
{
	expect_that(f, f->status & VIRTIO_STATUS_DRIVER_OK);
	f->bells++;
	f->last_bell = queue;
	f->last_bell_at = at;
}

/* 4.1.4.3.2, 4.2.2.2: after a reset first of all the status is read. */
static void written(struct fake_registers *f)
{
	expect_that(f, !f->resetting);
}

static uint32_t features_read(struct fake_registers *f)
{
	expect_that(f, f->features_selected);
	return half(f->offered, f->features_select);
}

static void features_select(struct fake_registers *f, uint32_t v)
{
	f->features_select = v;
	f->features_selected = true;
}

static void accepted_select(struct fake_registers *f, uint32_t v)
{
	f->accepted_select = v;
	f->accepted_selected = true;
}

/* 3.1.1: the features are settled once FEATURES_OK is set. */
static void features_write(struct fake_registers *f, uint32_t v)
{
	expect_that(f, f->accepted_selected && f->status & VIRTIO_STATUS_DRIVER &&
		       !(f->status & VIRTIO_STATUS_FEATURES_OK));
	half_set(&f->accepted, f->accepted_select, v);
}

/* The queue that a register belongs to, which must not be written of one in use. */
static struct fake_registers_queue *unused(struct fake_registers *f)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, !q->ready);
	return q;
}

static void size_write(struct fake_registers *f, uint32_t v)
{
	expect_that(f, is_pow2(v) && v <= selected(f)->max);
	unused(f)->size = (uint16_t)v;
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
	expect_that(f, is_legacy(f) || f->status & VIRTIO_STATUS_FEATURES_OK);
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

static uint32_t mmio_register(struct fake_registers *f, size_t offset)
{
	struct fake_registers_queue *q = selected(f);

	switch (offset) {
	case 0x000: f->magic_read = true; return f->magic;
	case 0x004: f->version_read = true; return f->version;
	case 0x008: expect_that(f, f->magic_read && f->version_read); return f->id;
	case 0x00c: return 0x1af4;
	case 0x010: return features_read(f);
	case 0x034: return q->max;
	case 0x040: expect_that(f, is_mmio_1(f)); return (uint32_t)(q->desc / LEGACY_PAGE);
	case 0x044: expect_that(f, !is_mmio_1(f)); return q->ready;
	case 0x060: return f->isr;
	case 0x070: return status_read(f) | f->status_junk;
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
	case 0x044: q->ready = v; break;
	case 0x080: half_set(&unused(f)->desc, 0, v); break;
	case 0x084: half_set(&unused(f)->desc, 1, v); break;
	case 0x090: half_set(&unused(f)->driver, 0, v); break;
	case 0x094: half_set(&unused(f)->driver, 1, v); break;
	case 0x0a0: half_set(&unused(f)->device, 0, v); break;
	case 0x0a4: half_set(&unused(f)->device, 1, v); break;
	default: expect_that(f, false);
	}
}

static void mmio_set(struct host_registers *r, size_t offset, unsigned width, uint32_t v)
{
	struct fake_registers *f = of(r);

	written(f);
	if (offset >= MMIO_CONFIG_AT) {
		config_set(f, offset - MMIO_CONFIG_AT, width, v);
		return;
	}
	expect_that(f, width == 4);
	switch (offset) {
	case 0x014: features_select(f, v); break;
	case 0x020: features_write(f, v); break;
	case 0x024: accepted_select(f, v); break;
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

/* 4.1.4.3.1: 1 until it is over. */
static uint32_t queue_in_reset(struct fake_registers *f)
{
	if (f->queue_slow_left) {
		f->queue_slow_left--;
		return 1;
	}
	return 0;
}

static void queue_reset(struct fake_registers *f, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	expect_that(f, v == 1 && q->ready);
	f->queue_slow_left = f->queue_resets_slowly;
	*q = (struct fake_registers_queue){
		.max = q->max, .size = q->max, .vector = FAKE_NO_VECTOR,
	};
}

static uint32_t common_get(struct fake_registers *f, size_t offset, unsigned width)
{
	struct fake_registers_queue *q = selected(f);
	static const uint8_t widths[] = {
		[0x04] = 4, [0x10] = 2, [0x12] = 2, [0x14] = 1, [0x15] = 1, [0x16] = 2, [0x18] = 2,
		[0x1a] = 2, [0x1c] = 2, [0x1e] = 2, [0x3a] = 2,
	};

	expect_that(f, offset < sizeof(widths) && width == widths[offset]);
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
	case 0x3a: return queue_in_reset(f);
	default: return 0;
	}
}

static uint16_t vector_of(const struct fake_registers *f, uint32_t v)
{
	return v < f->vectors ? (uint16_t)v : FAKE_NO_VECTOR;
}

static void common_set(struct fake_registers *f, size_t offset, uint32_t v)
{
	struct fake_registers_queue *q = selected(f);

	switch (offset) {
	case 0x00: features_select(f, v); break;
	case 0x08: accepted_select(f, v); break;
	case 0x0c: features_write(f, v); break;
	case 0x10: f->config_vector = vector_of(f, v); break;
	case 0x14: status_write(f, v); break;
	case 0x16: f->queue = v; break;
	case 0x18: size_write(f, v); break;
	case 0x1a: unused(f)->vector = vector_of(f, v); break;
	case 0x1c: expect_that(f, v == 1); q->ready = v; break;	/* 4.1.4.3.2 */
	case 0x20: half_set(&unused(f)->desc, 0, v); break;
	case 0x24: half_set(&unused(f)->desc, 1, v); break;
	case 0x28: half_set(&unused(f)->driver, 0, v); break;
	case 0x2c: half_set(&unused(f)->driver, 1, v); break;
	case 0x30: half_set(&unused(f)->device, 0, v); break;
	case 0x34: half_set(&unused(f)->device, 1, v); break;
	case 0x3a: queue_reset(f, v); break;
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

	written(f);
	if (offset >= FAKE_NOTIFY_AT)
		bell(f, v, offset - FAKE_NOTIFY_AT);
	else if (offset >= FAKE_DEVICE_AT)
		config_set(f, offset - FAKE_DEVICE_AT, width, v);
	else if (offset >= FAKE_ISR_AT)
		expect_that(f, false);
	else
		common_set(f, offset, v);
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

	written(f);
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
