/* SPDX-License-Identifier: MIT */
/* The command `lspci`. */
#include "drivers/acpi/acpi.h"
#include "drivers/pci/line.h"
#include "drivers/pci/msi.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/shell.h"

/* Names of the capabilities (PCI Code and ID Assignment 1.9, chapter 2) that are met often. */
static const char *capability_name(uint8_t id)
{
	static const char *const names[] = {
		[0x01] = "power management", [0x02] = "AGP", [0x03] = "vital product data",
		[0x04] = "slot", [PCI_CAP_MSI] = "MSI", [0x07] = "PCI-X",
		[PCI_CAP_VENDOR] = "vendor", [0x0a] = "debug port", [0x0d] = "subsystem",
		[0x10] = "PCI Express", [PCI_CAP_MSIX] = "MSI-X", [0x12] = "SATA",
		[0x13] = "advanced features",
	};

	return id < ARRAY_SIZE(names) && names[id] ? names[id] : "unknown";
}

static void print_capabilities(const struct pci_device *dev)
{
	struct pci_capability_walk walk;
	uint8_t at, id;
	int rc;

	pci_capability_begin(dev, &walk);
	while ((rc = pci_capability_any(dev, &walk, &id, &at)) == 0)
		print("    capability 0x%02x at 0x%02x: %s\n", id, at, capability_name(id));
	if (rc != -ENOENT)
		print("    the list of capabilities is broken\n");
}

static void print_interrupts(const struct pci_device *dev)
{
	struct pci_line lines[PCI_LINE_CANDIDATES_MAX];
	const struct acpi_info *acpi = acpi_info();
	struct pci_msix msix;
	const char *why;
	unsigned count;

	if (pci_msix_read(dev, &msix, &why) == 0)
		print("    MSI-X of %u vectors, table in BAR%u at 0x%x\n", msix.size,
		      msix.bar.index, msix.offset);
	else if (why)
		print("    %s\n", why);
	if (pci_config_read8(dev, PCI_INTERRUPT_PIN) == 0)
		return;
	count = pci_line_find(dev, acpi_pci_route, acpi->overrides, acpi->override_count, lines,
			      &why);
	for (unsigned i = 0; i < count; i++)
		print("    line GSI %u, %s, active %s, by %s\n", lines[i].gsi,
		      lines[i].trigger == IRQ_LEVEL ? "level" : "edge",
		      lines[i].polarity == IRQ_ACTIVE_LOW ? "low" : "high", lines[i].from);
	if (why)
		print("    %s\n", why);
}

static void print_bridge(const struct pci_device *dev)
{
	uint32_t numbers = pci_config_read32(dev, PCI_PRIMARY_BUS);

	print("    to buses %u-%u\n", numbers >> 8 & 0xff, numbers >> 16 & 0xff);
}

static void print_details(const struct pci_device *dev)
{
	if (dev->problem)
		print("    not driven: %s\n", dev->problem);
	if (dev->header == PCI_HEADER_BRIDGE)
		print_bridge(dev);
	pci_print_bars(dev);
	print_capabilities(dev);
	print_interrupts(dev);
}

static void print_bytes(const struct pci_device *dev)
{
	for (uint16_t at = 0; at < PCI_CONFIG_SIZE; at += 4) {
		uint32_t v = pci_config_read32(dev, at);

		if (at % 16 == 0)
			print("    %02x:", at);
		print(" %02x %02x %02x %02x%s", v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24,
		      at % 16 == 12 ? "\n" : "");
	}
}

static int lspci_run(int argc, char **argv)
{
	bool details = argc == 2 && strcmp(argv[1], "-v") == 0;
	bool bytes = argc == 2 && strcmp(argv[1], "-x") == 0;
	const struct pci_device *dev;

	if (argc > 2 || (argc == 2 && !details && !bytes))
		return -EINVAL;
	if (!pci_host_at(0))
		print("no PCI host\n");
	for (unsigned i = 0; (dev = pci_device_at(i)); i++) {
		if (shell_interrupted())
			return -EINTR;
		pci_print_function(dev);
		if (details)
			print_details(dev);
		if (bytes)
			print_bytes(dev);
	}
	return 0;
}

static const char *const words[] = { "-v", "-x", NULL };

SHELL_COMMAND(lspci, "[-v|-x]", "list PCI functions (-v: BARs, interrupts; -x: bytes)",
	      lspci_run, .words = words);
