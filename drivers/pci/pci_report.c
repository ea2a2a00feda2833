/* SPDX-License-Identifier: MIT */
/* What was found on PCI, in the boot report and as JSON. */
#include "drivers/pci/pci.h"

#include "drivers/pci/bars.h"
#include "kernel/json.h"
#include "kernel/log.h"

static const char *const window_from[] = {
	[PCI_FROM_CRS] = "_CRS",
	[PCI_FROM_MAP] = "memory map",
	[PCI_FROM_CONFIGURED] = "configured (a guess)",
};

static const char *const space_name[] = { "io", "memory", "prefetchable" };

/* BARs in one state; ROMs are not counted, as they are never in use. */
static unsigned count_bars(enum pci_bar_state state)
{
	const struct pci_device *dev;
	unsigned count = 0;

	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		for (unsigned k = 0; k < dev->bar_count; k++)
			count += dev->bars[k].state == state && dev->bars[k].index != PCI_ROM;
	return count;
}

static void report_host(const struct pci_host *h, bool first)
{
	print("%s%s", first ? "pci     " : "        ", h->access);
	if (h->ecam_base)
		print(" at 0x%llx by %s", (unsigned long long)h->ecam_base, h->from);
	print(", %u functions on %u buses", h->count, h->buses);
	if (h->segment)
		print(", segment %u", h->segment);
	if (h->numbered)
		print(", %u bridges numbered", h->numbered);
	if (h->lost || h->unnumbered)
		print(", %u functions lost, %u bridges without a number", h->lost, h->unnumbered);
	print("\n");
}

/* Ports are not missed: what has them has memory too. */
static void report_problems(const struct pci_device *dev)
{
	char name[PCI_NAME_MAX];

	for (unsigned i = 0; i < dev->bar_count; i++) {
		const struct pci_bar *bar = &dev->bars[i];

		if (bar->state == PCI_BAR_DISABLED && !bar->io && bar->index != PCI_ROM)
			print("        %s BAR%u of 0x%llx bytes is disabled: %s\n",
			      pci_name(dev, name), bar->index, (unsigned long long)bar->size,
			      bar->why);
	}
	if (dev->problem && dev->bar_count == 0)
		print("        %s: %s\n", pci_name(dev, name), dev->problem);
}

/* Whether anything was put where somebody only guessed that it may be. */
static bool guessed(void)
{
	unsigned count;
	const struct pci_window *windows = pci_windows(&count);
	const struct pci_device *dev;

	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		for (unsigned k = 0; k < dev->bar_count; k++)
			for (unsigned w = 0; w < count; w++)
				if (dev->bars[k].state == PCI_BAR_ASSIGNED &&
				    windows[w].from == PCI_FROM_CONFIGURED &&
				    dev->bars[k].base >= windows[w].span.start &&
				    dev->bars[k].base < windows[w].span.end)
					return true;
	return false;
}

void pci_report(void)
{
	const struct pci_device *dev;
	const struct pci_host *h;

	for (unsigned i = 0; (h = pci_host_at(i)); i++)
		report_host(h, i == 0);
	if (!pci_host_at(0)) {
		print("pci     no host\n");
		return;
	}
	print("        BARs: %u kept, %u assigned%s, %u disabled\n", count_bars(PCI_BAR_KEPT),
	      count_bars(PCI_BAR_ASSIGNED), guessed() ? " (in a configured window: a guess)" : "",
	      count_bars(PCI_BAR_DISABLED));
	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		report_problems(dev);
}

void pci_print_function(const struct pci_device *dev)
{
	char name[PCI_NAME_MAX];

	print("%s %04x:%04x %06x %s\n", pci_name(dev, name), dev->vendor, dev->device,
	      dev->class, pci_class_name(dev->class));
}

void pci_print_bars(const struct pci_device *dev)
{
	for (unsigned i = 0; i < dev->bar_count; i++) {
		const struct pci_bar *bar = &dev->bars[i];

		print("    BAR%u %s%s, 0x%llx bytes at 0x%llx, %s%s%s\n", bar->index,
		      pci_bar_kind(bar), bar->prefetchable ? ", prefetchable" : "",
		      (unsigned long long)bar->size, (unsigned long long)bar->base,
		      pci_bar_state_name(bar->state), bar->why ? ": " : "",
		      bar->why ? bar->why : "");
	}
}

void pci_print(void)
{
	const struct pci_device *dev;

	for (unsigned i = 0; (dev = pci_device_at(i)); i++) {
		pci_print_function(dev);
		pci_print_bars(dev);
	}
}

static void json_windows(struct json *j)
{
	unsigned count;
	const struct pci_window *windows = pci_windows(&count);

	json_array(j, "windows");
	for (unsigned i = 0; i < count; i++) {
		json_object(j, NULL);
		json_hex(j, "start", windows[i].span.start);
		json_hex(j, "end", windows[i].span.end);
		json_string(j, "kind", space_name[windows[i].space]);
		json_string(j, "from", window_from[windows[i].from]);
		json_end(j);
	}
	json_end(j);
}

static void json_bridge(struct json *j, const struct pci_device *dev)
{
	uint32_t numbers;

	if (dev->header != PCI_HEADER_BRIDGE) {
		json_null(j, "bridge");
		return;
	}
	numbers = pci_config_read32(dev, PCI_PRIMARY_BUS);
	json_object(j, "bridge");
	json_number(j, "secondary", numbers >> 8 & 0xff);
	json_number(j, "subordinate", numbers >> 16 & 0xff);
	json_end(j);
}

/* Whether the function answers at this BAR's address now. */
static bool decodes(const struct pci_device *dev, const struct pci_bar *bar)
{
	enum { ROM_ENABLE = 1 << 0 };	/* PCI Local Bus 3.0, 6.2.5.2 */
	uint16_t by = bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	if (bar->state == PCI_BAR_DISABLED || !(pci_config_read16(dev, PCI_COMMAND) & by))
		return false;
	return bar->index != PCI_ROM ||
	       pci_config_read32(dev, pci_rom_register(dev)) & ROM_ENABLE;
}

static void json_bars(struct json *j, const struct pci_device *dev)
{
	json_array(j, "bars");
	for (unsigned i = 0; i < dev->bar_count; i++) {
		const struct pci_bar *bar = &dev->bars[i];

		json_object(j, NULL);
		json_number(j, "index", bar->index);
		json_hex(j, "address", bar->base);
		json_hex(j, "size", bar->size);
		json_string(j, "kind", pci_bar_kind(bar));
		json_bool(j, "prefetchable", bar->prefetchable);
		json_string(j, "state", pci_bar_state_name(bar->state));
		json_string(j, "why", bar->why);
		json_bool(j, "decodes", decodes(dev, bar));
		json_end(j);
	}
	json_end(j);
}

static void json_function(struct json *j, const struct pci_device *dev)
{
	char name[PCI_NAME_MAX];

	json_object(j, NULL);
	json_string(j, "address", pci_name(dev, name));
	json_hex(j, "vendor", dev->vendor);
	json_hex(j, "device", dev->device);
	json_hex(j, "class", dev->class);
	json_string(j, "class_name", pci_class_name(dev->class));
	json_bridge(j, dev);
	json_bars(j, dev);
	json_end(j);
}

void pci_report_json(struct json *j)
{
	const struct pci_host *first = pci_host_at(0), *h;
	const struct pci_device *dev;
	unsigned buses = 0, lost = 0;

	for (unsigned i = 0; (h = pci_host_at(i)); i++) {
		buses += h->buses;
		lost += h->lost;
	}
	json_object(j, NULL);
	json_string(j, "access", first ? first->access : NULL);
	json_string(j, "from", first ? first->from : NULL);
	if (first && first->ecam_base)
		json_hex(j, "ecam", first->ecam_base);
	else
		json_null(j, "ecam");
	json_number(j, "buses", buses);
	json_number(j, "lost", lost);
	json_windows(j);
	json_array(j, "functions");
	for (unsigned i = 0; (dev = pci_device_at(i)); i++)
		json_function(j, dev);
	json_end(j);
	json_end(j);
}
