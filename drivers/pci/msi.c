/* SPDX-License-Identifier: MIT */
#include "drivers/pci/msi.h"

#include <asm/io.h>

#include "kernel/lib/errno.h"

/* MSI-X capability (PCI Local Bus 3.0, 6.8.2). */
enum {
	MSIX_TABLE = 4,
	MSIX_PENDING = 8,
	MSIX_BYTES = 12,
	MSIX_BIR = 7,
};

/* An entry of the table (6.8.2.6). */
enum {
	ENTRY_ADDRESS = 0,
	ENTRY_ADDRESS_HIGH = 4,
	ENTRY_DATA = 8,
	ENTRY_CONTROL = 12,
	ENTRY_MASKED = 1 << 0,
};

/* MSI capability (6.8.1): what follows the address depends on its width. */
enum {
	MSI_ADDRESS = 4,
	MSI_ADDRESS_HIGH = 8,
	MSI_DATA = 8,
	MSI_DATA_64 = 12,
	MSI_MASK = 12,
	MSI_MASK_64 = 16,
	MSI_BYTES = 10,
	MSI_BYTES_64 = 14,
	MSI_MASK_BYTES = 10,		/* more: mask and pending bits, aligned */
};

static int capability_find(const struct pci_device *dev, enum pci_capability_id id, uint8_t *at)
{
	struct pci_capability_walk walk;

	pci_capability_begin(dev, &walk);
	return pci_capability_next(dev, &walk, id, at);
}

/* The BAR that a field names, if [offset, offset+len) of it can be used. */
static const char *place_read(const struct pci_device *dev, uint32_t field, uint64_t len,
			      struct pci_bar *bar, uint32_t *offset)
{
	const char *problem;

	*offset = field & ~(uint32_t)MSIX_BIR;
	if ((field & MSIX_BIR) >= PCI_BARS_MAX || pci_bar_read(dev, field & MSIX_BIR, bar))
		return "MSI-X table in a BAR that does not exist";
	if (bar->io)
		return "MSI-X table in ports";
	problem = pci_bar_check(dev->host, bar);
	if (problem)
		return "MSI-X table in a BAR that cannot be used";
	return pci_bar_holds(bar, *offset, len) ? NULL : "MSI-X table outside its BAR";
}

static const char *msix_check(const struct pci_device *dev, struct pci_msix *out)
{
	uint64_t table = (uint64_t)out->size * PCI_MSIX_ENTRY;
	uint64_t pending = align_up((uint64_t)out->size, 64) / 8;
	struct pci_bar bar;
	const char *problem;
	uint32_t offset;

	problem = place_read(dev, pci_config_read32(dev, out->at + MSIX_TABLE), table, &out->bar,
			     &out->offset);
	if (!problem)
		problem = place_read(dev, pci_config_read32(dev, out->at + MSIX_PENDING), pending,
				     &bar, &offset);
	if (problem)
		return problem;
	if (bar.base == out->bar.base && offset < out->offset + table &&
	    out->offset < offset + pending)
		return "MSI-X table over its pending bits";
	return NULL;
}

int pci_msix_read(const struct pci_device *dev, struct pci_msix *out, const char **why)
{
	int rc = capability_find(dev, PCI_CAP_MSIX, &out->at);

	*why = rc == -ENOENT ? "no MSI-X" : "its list of capabilities is broken";
	if (rc)
		return rc;
	*why = "MSI-X capability runs out of configuration space";
	if (out->at > PCI_CONFIG_SIZE - MSIX_BYTES)
		return -EPROTO;
	out->size = (pci_config_read16(dev, out->at + PCI_MSI_CONTROL) & PCI_MSIX_SIZE) + 1;
	*why = msix_check(dev, out);
	return *why ? -EPROTO : 0;
}

int pci_msi_read(const struct pci_device *dev, struct pci_msi *out, const char **why)
{
	int rc = capability_find(dev, PCI_CAP_MSI, &out->at);
	uint16_t control;

	*why = rc == -ENOENT ? "no MSI" : "its list of capabilities is broken";
	if (rc)
		return rc;
	control = pci_config_read16(dev, out->at + PCI_MSI_CONTROL);
	out->wide = control & PCI_MSI_64;
	out->maskable = control & PCI_MSI_MASKABLE;
	*why = NULL;
	if (out->at + (out->wide ? MSI_BYTES_64 : MSI_BYTES) +
	    (out->maskable ? MSI_MASK_BYTES : 0) <= PCI_CONFIG_SIZE)
		return 0;
	*why = "MSI capability runs out of configuration space";
	return -EPROTO;
}

void pci_msix_mask(struct mmio *table, unsigned index, bool masked)
{
	mmio_write32(table, index * PCI_MSIX_ENTRY + ENTRY_CONTROL, masked ? ENTRY_MASKED : 0);
}

int pci_msix_write(struct mmio *table, unsigned index, const struct irq_message *message)
{
	size_t entry = index * PCI_MSIX_ENTRY;
	uint32_t low = (uint32_t)message->address;
	uint32_t high = (uint32_t)(message->address >> 32);

	mmio_write32(table, entry + ENTRY_ADDRESS, low);
	mmio_write32(table, entry + ENTRY_ADDRESS_HIGH, high);
	mmio_write32(table, entry + ENTRY_DATA, message->data);
	return mmio_read32(table, entry + ENTRY_ADDRESS) == low &&
	       mmio_read32(table, entry + ENTRY_ADDRESS_HIGH) == high &&
	       mmio_read32(table, entry + ENTRY_DATA) == message->data ? 0 : -EIO;
}

int pci_msi_write(const struct pci_device *dev, const struct pci_msi *msi,
		  const struct irq_message *message)
{
	uint16_t data = msi->at + (msi->wide ? MSI_DATA_64 : MSI_DATA);
	uint32_t high = (uint32_t)(message->address >> 32);

	if (!msi->wide && high)
		return -ENOTSUP;
	pci_config_write32(dev, msi->at + MSI_ADDRESS, (uint32_t)message->address);
	if (msi->wide)
		pci_config_write32(dev, msi->at + MSI_ADDRESS_HIGH, high);
	pci_config_write16(dev, data, (uint16_t)message->data);
	return pci_config_read32(dev, msi->at + MSI_ADDRESS) == (uint32_t)message->address &&
	       pci_config_read16(dev, data) == (uint16_t)message->data ? 0 : -EIO;
}

void pci_msi_mask(const struct pci_device *dev, const struct pci_msi *msi, bool masked)
{
	if (msi->maskable)
		pci_config_write32(dev, msi->at + (msi->wide ? MSI_MASK_64 : MSI_MASK), masked);
}

static void message_off(const struct pci_device *dev, enum pci_capability_id id, uint16_t enable)
{
	uint16_t control;
	uint8_t at;

	if (capability_find(dev, id, &at))
		return;
	control = pci_config_read16(dev, at + PCI_MSI_CONTROL);
	if (control & enable)
		pci_config_write16(dev, at + PCI_MSI_CONTROL, control & ~enable);
}

void pci_messages_off(const struct pci_device *dev)
{
	message_off(dev, PCI_CAP_MSIX, PCI_MSIX_ENABLE);
	message_off(dev, PCI_CAP_MSI, PCI_MSI_ENABLE);
}
