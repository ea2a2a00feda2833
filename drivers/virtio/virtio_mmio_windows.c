/* SPDX-License-Identifier: MIT */
/*
 * How a line is signalled: ACPI says it, level and active high on microvm. The
 * command line gives a number alone. Where it is used without ACPI the numbers
 * are those of ISA interrupts, which are edges (MP specification 1.4, 4.3.4:
 * "conforms to the bus"), and there Linux takes them so; Firecracker sends
 * pulses; QEMU holds the line until the device is acknowledged, which begins
 * with an edge too. So an edge comes first, and where it is not seen a level.
 */
#include "drivers/virtio/virtio_mmio_windows.h"

#include "drivers/acpi/acpi.h"
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

static bool is_place(uint64_t base, uint64_t size)
{
	return size >= VIRTIO_MMIO_WINDOW_MIN && size <= VIRTIO_MMIO_WINDOW_MAX &&
	       base != 0 && is_aligned(base, 4) && base + size > base;
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

	if (!is_place(base, size) || irq > UINT32_MAX)
		return -EINVAL;
	*out = (struct virtio_mmio_window){
		.base = base, .size = (uint32_t)size, .gsi = (uint32_t)irq,
		.trigger = IRQ_EDGE, .polarity = IRQ_ACTIVE_HIGH, .from = "command line",
	};
	return 0;
}

int virtio_mmio_window_from_acpi(const struct acpi_virtio_mmio *said,
				 struct virtio_mmio_window *out)
{
	uint32_t size = min(said->size, (uint32_t)VIRTIO_MMIO_WINDOW_MAX);

	if (!is_place(said->base, size))
		return -EINVAL;
	*out = (struct virtio_mmio_window){
		.base = said->base, .size = size, .gsi = said->line.gsi,
		.trigger = said->line.level ? IRQ_LEVEL : IRQ_EDGE,
		.polarity = said->line.active_low ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH,
		.from = "ACPI",
	};
	return 0;
}

int virtio_mmio_windows_add(struct virtio_mmio_windows *w,
			    const struct virtio_mmio_window *window)
{
	for (unsigned i = 0; i < w->count; i++) {
		const struct virtio_mmio_window *other = &w->list[i];

		if (other->base == window->base && other->size == window->size &&
		    (other->gsi == window->gsi || strcmp(other->from, window->from) != 0))
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
