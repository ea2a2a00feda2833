/* SPDX-License-Identifier: MIT */
/* Names for what configuration space says in numbers. */
#include "drivers/pci/pci.h"

#include "kernel/lib/format.h"

/* PCI Code and ID Assignment Specification 1.9, chapter 1. */
static const struct {
	uint16_t class;		/* base class << 8 | sub-class */
	const char *name;
} classes[] = {
	{ 0x0001, "VGA compatible device" },
	{ 0x0100, "SCSI controller" },
	{ 0x0101, "IDE controller" },
	{ 0x0104, "RAID controller" },
	{ 0x0106, "SATA controller" },
	{ 0x0107, "SAS controller" },
	{ 0x0108, "NVM controller" },
	{ 0x0200, "Ethernet controller" },
	{ 0x0280, "Network controller" },
	{ 0x0300, "VGA controller" },
	{ 0x0302, "3D controller" },
	{ 0x0380, "Display controller" },
	{ 0x0400, "Video device" },
	{ 0x0401, "Audio device" },
	{ 0x0403, "HD audio device" },
	{ 0x0500, "RAM controller" },
	{ 0x0501, "Flash controller" },
	{ 0x0580, "Memory controller" },
	{ 0x0600, "Host bridge" },
	{ 0x0601, "ISA bridge" },
	{ 0x0604, "PCI bridge" },
	{ 0x0680, "Bridge" },
	{ 0x0700, "Serial controller" },
	{ 0x0780, "Communication controller" },
	{ 0x0800, "PIC" },
	{ 0x0805, "SD host controller" },
	{ 0x0806, "IOMMU" },
	{ 0x0880, "System peripheral" },
	{ 0x0900, "Keyboard controller" },
	{ 0x0c03, "USB controller" },
	{ 0x0c05, "SMBus" },
	{ 0x0c07, "IPMI interface" },
	{ 0x1000, "Encryption controller" },
	{ 0x1180, "Signal processing controller" },
};

static const char *const bases[] = {
	"Unclassified device",
	"Mass storage controller",
	"Network controller",
	"Display controller",
	"Multimedia device",
	"Memory controller",
	"Bridge",
	"Communication controller",
	"System peripheral",
	"Input device",
	"Docking station",
	"Processor",
	"Serial bus controller",
	"Wireless controller",
	"Intelligent controller",
	"Satellite controller",
	"Encryption controller",
	"Signal processing controller",
	"Processing accelerator",
	"Instrumentation",
};

const char *pci_class_name(uint32_t class)
{
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].class == class >> 8)
			return classes[i].name;
	return class >> 16 < ARRAY_SIZE(bases) ? bases[class >> 16] : "Unknown class";
}

const char *pci_bar_kind(const struct pci_bar *bar)
{
	return bar->io ? "io" : bar->index == PCI_ROM ? "rom" : bar->wide ? "memory64" :
	       "memory32";
}

const char *pci_bar_state_name(enum pci_bar_state state)
{
	static const char *const names[] = { "unknown", "kept", "assigned", "disabled" };

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

const char *pci_name(const struct pci_device *dev, char buf[PCI_NAME_MAX])
{
	format(buf, PCI_NAME_MAX, "%04x:%02x:%02x.%u", dev->host->segment, PCI_BUS(dev->address),
	       PCI_SLOT(dev->address), PCI_FUNCTION(dev->address));
	return buf;
}
