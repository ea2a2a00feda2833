/* SPDX-License-Identifier: MIT */
#include "drivers/block/fake_disk_test.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_disk *of(struct fake_device *f)
{
	return container_of(f, struct fake_disk, device);
}

static void mistake(struct fake_disk *d, const char *what)
{
	if (!d->mistake)
		d->mistake = what;
}

static bool is_erasure(uint32_t type)
{
	return type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES;
}

/* 5.2.6.1, 5.2.6.4: the descriptors of one chain. */
static void frame_check(struct fake_disk *d, const struct fake_command *c, bool header_alone,
			bool status_alone)
{
	uint32_t most = d->device.accepted & VIRTIO_BLK_F_SIZE_MAX ? d->config.size_max
								    : UINT32_MAX;

	if (!header_alone)
		mistake(d, "the header is no descriptor of its own");
	if (!status_alone)
		mistake(d, "the status is no descriptor of its own");
	if (d->device.accepted & VIRTIO_BLK_F_SEG_MAX && c->segments > max(d->config.seg_max, 1u))
		mistake(d, "more segments than seg_max");
	for (unsigned i = 0; i < c->segments; i++)
		if (c->data[i].len > most)
			mistake(d, "a segment beyond size_max");
}

static void sectors_check(struct fake_disk *d, uint64_t sector, uint64_t sectors)
{
	if (sector > d->config.capacity || sectors > d->config.capacity - sector)
		mistake(d, "beyond the capacity");
}

static const struct virtio_blk_range *range_of(const struct fake_command *c)
{
	return (const void *)c->data[0].at;
}

static void range_check(struct fake_disk *d, const struct fake_command *c)
{
	bool discard = c->header.type == VIRTIO_BLK_T_DISCARD;
	uint32_t most = discard ? d->config.max_discard_sectors
				: d->config.max_write_zeroes_sectors;

	if (c->len != sizeof(struct virtio_blk_range)) {
		mistake(d, "a range of another size");
		return;
	}
	sectors_check(d, range_of(c)->sector, range_of(c)->sectors);
	if (range_of(c)->sectors > most)
		mistake(d, "a range beyond its maximum");
	if (range_of(c)->flags & ~(discard ? 0u : VIRTIO_BLK_UNMAP))
		mistake(d, "a flag that this request does not have");
}

static void request_check(struct fake_disk *d, const struct fake_command *c)
{
	uint32_t type = c->header.type;
	bool moves = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT;

	if (c->header.reserved)
		mistake(d, "reserved is not 0");
	if (!moves && c->header.sector)
		mistake(d, "a sector where there is none");
	if (moves)
		sectors_check(d, c->header.sector, c->len / BLOCK_SECTOR);
	if (moves && (c->len == 0 || c->len % BLOCK_SECTOR))
		mistake(d, "data that are no sectors");
	if (type == VIRTIO_BLK_T_FLUSH && c->len)
		mistake(d, "a flush with data");
	if (type == VIRTIO_BLK_T_GET_ID && c->len != BLOCK_ID_LEN)
		mistake(d, "an id that has not 20 bytes");
	if (is_erasure(type))
		range_check(d, c);
}

static void command_take(struct fake_disk *d, uint16_t queue, uint16_t head)
{
	const struct virtq_desc *desc = (const void *)(uintptr_t)d->device.rings[queue].at.desc;
	struct fake_command *c = &d->held[d->count];
	const struct virtq_desc *at = &desc[head];
	bool header_alone = at->len == sizeof(c->header) && !(at->flags & VIRTQ_DESC_F_WRITE);

	if (d->count == FAKE_DISK_HELD) {
		mistake(d, "more requests than the fake can hold");
		return;
	}
	*c = (struct fake_command){ .queue = queue, .head = head };
	memcpy(&c->header, (const void *)(uintptr_t)at->addr, sizeof(c->header));
	for (at = &desc[at->next]; at->flags & VIRTQ_DESC_F_NEXT; at = &desc[at->next]) {
		bool in = c->header.type == VIRTIO_BLK_T_IN ||
			  c->header.type == VIRTIO_BLK_T_GET_ID;

		if (c->segments == VIRTIO_BLK_SEGMENTS ||
		    in != !!(at->flags & VIRTQ_DESC_F_WRITE)) {
			mistake(d, "data in the wrong direction, or too many");
			return;
		}
		c->data[c->segments++] = (struct fake_segment){
			(uint8_t *)(uintptr_t)at->addr, at->len,
		};
		c->len += at->len;
	}
	c->status = (uint8_t *)(uintptr_t)at->addr;
	frame_check(d, c, header_alone, at->len == 1 && at->flags & VIRTQ_DESC_F_WRITE);
	request_check(d, c);
	d->per_queue[queue]++;
	d->count++;
}

void fake_disk_fetch(struct fake_disk *d)
{
	struct fake_device *f = &d->device;
	uint32_t writable;
	uint16_t head;
	uint8_t *data;

	for (uint16_t queue = 0; queue < FAKE_QUEUES && !d->mute; queue++) {
		f->queue = queue;
		while (fake_device_fetch(f, &head, &data, &writable) == 0)
			command_take(d, queue, head);
	}
}

static void move(struct fake_disk *d, const struct fake_command *c)
{
	uint8_t *at = &d->media[c->header.sector * BLOCK_SECTOR];

	for (unsigned i = 0; i < c->segments; i++) {
		if (c->header.type == VIRTIO_BLK_T_IN)
			memcpy(c->data[i].at, at, c->data[i].len);
		else
			memcpy(at, c->data[i].at, c->data[i].len);
		at += c->data[i].len;
	}
}

static bool is_bad(const struct fake_disk *d, const struct fake_command *c)
{
	uint64_t first = is_erasure(c->header.type) ? range_of(c)->sector : c->header.sector;
	uint64_t n = is_erasure(c->header.type) ? range_of(c)->sectors : c->len / BLOCK_SECTOR;

	return d->bad_sector >= first && d->bad_sector - first < n;
}

static uint8_t execute(struct fake_disk *d, const struct fake_command *c)
{
	if (d->unsupported)
		return VIRTIO_BLK_S_UNSUPP;
	if (is_bad(d, c))
		return VIRTIO_BLK_S_IOERR;
	switch (c->header.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		move(d, c);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		d->flushes++;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		memset(c->data[0].at, 0, BLOCK_ID_LEN);
		memcpy(c->data[0].at, d->serial, min(strlen(d->serial), (size_t)BLOCK_ID_LEN));
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		memset(&d->media[range_of(c)->sector * BLOCK_SECTOR],
		       c->header.type == VIRTIO_BLK_T_DISCARD ? 0xdd : 0,
		       (size_t)range_of(c)->sectors * BLOCK_SECTOR);
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

void fake_disk_answer(struct fake_disk *d, unsigned index)
{
	struct fake_command c = d->held[index];
	uint8_t status = execute(d, &c);
	uint32_t written = 1;

	if (c.header.type == VIRTIO_BLK_T_IN || c.header.type == VIRTIO_BLK_T_GET_ID)
		written += c.len;
	if (!d->no_status)
		*c.status = d->status_lie >= 0 ? (uint8_t)d->status_lie : status;
	d->held[index] = d->held[--d->count];
	d->answered++;
	d->device.queue = c.queue;
	fake_device_use(&d->device, c.head, written - min(written, d->written_less));
}

void fake_disk_forget(struct fake_disk *d, uint16_t queue)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < d->count; i++)
		if (d->held[i].queue != queue)
			d->held[kept++] = d->held[i];
	d->count = kept;
}

void fake_disk_answer_all(struct fake_disk *d)
{
	fake_disk_fetch(d);
	while (d->count)
		fake_disk_answer(d, 0);
}

static void rung(struct fake_device *f)
{
	struct fake_disk *d = of(f);

	if (d->holds)
		fake_disk_fetch(d);
	else
		fake_disk_answer_all(d);
}

static void forget(struct fake_device *f)
{
	of(f)->count = 0;
}

void fake_disk_configure(struct fake_disk *d)
{
	memcpy(d->device.config, &d->config, sizeof(d->config));
}

void fake_disk_init(struct fake_disk *d)
{
	memset(d, 0, sizeof(*d));
	fake_device_init(&d->device, VIRTIO_ID_BLOCK);
	d->device.answer = rung;
	d->device.forget = forget;
	d->device.offered |= VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE |
			     VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;
	d->serial = "fake";
	d->bad_sector = UINT64_MAX;
	d->status_lie = -1;
	d->config = (struct virtio_blk_config){
		.capacity = FAKE_DISK_SECTORS, .size_max = 65536, .seg_max = 16,
		.blk_size = BLOCK_SECTOR,
		.max_discard_sectors = 256, .max_discard_seg = 1,
		.max_write_zeroes_sectors = 128, .max_write_zeroes_seg = 1,
	};
	fake_disk_configure(d);
}

static const struct virtio_driver *blk_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_BLOCK)
			return *driver;
	return NULL;
}

/* The list of devices is not built for the host. */
__weak int virtio_device_describe(const struct virtio_device *dev, char *text, size_t size)
{
	return dev->ops->describe(dev, text, size);
}

__weak int virtio_device_where(const struct virtio_device *dev, char *text, size_t size)
{
	return dev->ops->where(dev, text, size);
}

struct block_device *fake_disk_start(struct fake_disk *d)
{
	unsigned before = block_count();

	if (virtio_device_start(&d->device.dev, blk_driver()) || block_count() == before)
		return NULL;
	return block_at(before);
}

void fake_disk_end(struct fake_disk *d)
{
	d->status_lie = -1;
	virtio_device_fail(&d->device.dev, "the test is over", 0);
	virtio_queues_free(&d->device.dev);
	requests_tell();
}
