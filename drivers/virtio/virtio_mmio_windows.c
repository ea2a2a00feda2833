/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/virtio_mmio_windows.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Reads a number that `delimiter` ends, and steps over that. */
static bool number_before(const char **s, char delimiter, uint64_t *value)
{
	const char *end;

	if (parse_size(*s, &end, value) || *end != delimiter)
		return false;
	*s = end + 1;
	return true;
}

int virtio_mmio_window_parse(const char *value, struct virtio_mmio_window *out)
{
	uint64_t size, base, irq, id;
	const char *end;

	if (!number_before(&value, '@', &size) || !number_before(&value, ':', &base))
		return -EINVAL;
	if (parse_u64(value, &end, &irq))
		return -EINVAL;
	if (*end == ':' && (parse_u64(end + 1, &end, &id) || id > UINT32_MAX))
		return -EINVAL;
	if (*end != '\0')
		return -EINVAL;

	if (size < VIRTIO_MMIO_WINDOW_MIN || size > VIRTIO_MMIO_WINDOW_MAX ||
	    base == 0 || !is_aligned(base, 4) || base + size < base || irq > UINT32_MAX)
		return -EINVAL;
	*out = (struct virtio_mmio_window){
		.base = base, .size = (uint32_t)size, .gsi = (uint32_t)irq,
	};
	return 0;
}

int virtio_mmio_windows_add(struct virtio_mmio_windows *w,
			    const struct virtio_mmio_window *window)
{
	for (unsigned i = 0; i < w->count; i++) {
		const struct virtio_mmio_window *other = &w->list[i];

		if (other->base == window->base && other->size == window->size &&
		    other->gsi == window->gsi)
			return 0;
		if (other->base < window->base + window->size &&
		    window->base < other->base + other->size)
			return -EBUSY;
	}
	if (w->count == VIRTIO_MMIO_WINDOWS_MAX)
		return -ENOSPC;
	w->list[w->count++] = *window;
	return 0;
}
