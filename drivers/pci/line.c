/* SPDX-License-Identifier: MIT */
/*
 * The Interrupt Line register holds what firmware told the 8259's drivers; as
 * a GSI it is right where firmware routes alike for both, which nobody can
 * know: a candidate, to be proved.
 */
#include "drivers/pci/line.h"

#include "kernel/lib/errno.h"

enum {
	PINS = 4,
	ISA_LINES = 16,
	LINE_NONE = 255,
};

/* The bridges on the way to the function's bus, from the root on; their number. */
static unsigned path_to(const struct pci_device *dev, uint8_t path[256])
{
	const struct pci_device *bridge = pci_bridge_above(dev);
	unsigned depth = 0, at;

	for (const struct pci_device *b = bridge; b && depth < 256; b = pci_bridge_above(b))
		depth++;
	at = depth;
	for (const struct pci_device *b = bridge; b && at > 0; b = pci_bridge_above(b))
		path[--at] = (uint8_t)b->address;
	return depth;
}

static int route_find(const struct pci_device *dev, unsigned pin, pci_route_fn *route,
		      struct acpi_gsi *out)
{
	uint8_t path[256];
	unsigned depth = path_to(dev, path);
	uint8_t slot = (uint8_t)PCI_SLOT(dev->address);
	uint8_t root = pci_root_bus(dev);

	for (;;) {
		int rc = route(dev->host->segment, root, path, depth, slot, pin, out);

		if (rc != -ENOENT || depth == 0)
			return rc;
		pin = (pin - 1 + slot) % PINS + 1;
		slot = path[--depth] >> 3;
	}
}

/* PCI's lines are level, active low; on an ISA interrupt firmware may have said otherwise. */
static struct pci_line register_line(uint8_t number, const struct acpi_override *overrides,
				     unsigned count)
{
	struct pci_line line = { number, IRQ_LEVEL, IRQ_ACTIVE_LOW, "Interrupt Line register" };

	for (unsigned i = 0; number < ISA_LINES && i < count; i++) {
		if (overrides[i].source != number)
			continue;
		line.gsi = overrides[i].to.gsi;
		line.trigger = overrides[i].to.level ? IRQ_LEVEL : IRQ_EDGE;
		line.polarity = overrides[i].to.active_low ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH;
	}
	return line;
}

static bool line_same(const struct pci_line *a, const struct pci_line *b)
{
	return a->gsi == b->gsi && a->trigger == b->trigger && a->polarity == b->polarity;
}

unsigned pci_line_find(const struct pci_device *dev, pci_route_fn *route,
		       const struct acpi_override *overrides, unsigned override_count,
		       struct pci_line out[PCI_LINE_CANDIDATES_MAX], const char **why)
{
	uint8_t pin = pci_config_read8(dev, PCI_INTERRUPT_PIN);
	uint8_t number = pci_config_read8(dev, PCI_INTERRUPT_LINE);
	unsigned count = 0;
	struct acpi_gsi gsi;
	int rc;

	*why = pin == 0 ? "no interrupt pin" : "its interrupt pin is none of four";
	if (pin == 0 || pin > PINS)
		return 0;
	rc = route_find(dev, pin, route, &gsi);
	*why = rc == -ENOTSUP ? "line not routed (_PRT is code)" :
	       rc == -EPROTO ? "line not routed (_PRT is broken)" : "line not routed";
	if (!rc) {
		*why = NULL;
		out[count++] = (struct pci_line){ gsi.gsi, gsi.level ? IRQ_LEVEL : IRQ_EDGE,
						  gsi.active_low ? IRQ_ACTIVE_LOW :
						  IRQ_ACTIVE_HIGH, "_PRT" };
	}
	if (number == 0 || number == LINE_NONE)
		return count;
	out[count] = register_line(number, overrides, override_count);
	return count && line_same(&out[0], &out[1]) ? count : count + 1;
}
