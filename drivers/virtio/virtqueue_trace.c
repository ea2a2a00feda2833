/* SPDX-License-Identifier: MIT */
/* What a ring that is traced does beside its work (virtio_trace.h). */
#include "drivers/virtio/virtio_trace.h"
#include "drivers/virtio/virtqueue_ring.h"

/* The first free slot: where a request goes, and where one that was taken was. */
static const struct virtqueue_slot *first_free(const struct virtqueue *vq)
{
	return virtqueue_packed(vq) ? vq->pack.free : vq->free;
}

int virtqueue_add_traced(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token)
{
	const struct virtqueue_slot *slot = first_free(vq);
	int rc = virtqueue_add_any(vq, segs, out, in, token);

	if (!rc)
		virtio_trace_request(vq->trace, slot->id, segs, out, in);
	return rc;
}

int virtqueue_take_traced(struct virtqueue *vq, void **token, uint32_t *written)
{
	int rc = virtqueue_take_plain(vq, token, written);

	if (!rc)
		virtio_trace_response(vq->trace, first_free(vq)->id, *written);
	return rc;
}
