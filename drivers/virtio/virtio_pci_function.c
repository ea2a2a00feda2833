/* SPDX-License-Identifier: MIT */
#include "drivers/virtio/virtio_pci.h"

#include "kernel/lib/format.h"

int virtio_pci_irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count)
{
	struct virtio_pci_function *f = virtio_pci_function(dev);
	int rc = pci_irqs_open(f->pci, wanted, &f->irqs);

	if (rc)
		return rc;
	dev->irq_why = f->irqs.why;
	*count = f->irqs.count;
	if (f->irqs.count)
		dev->irq_kind = pci_irq_kind_name(f->irqs.kind);
	return 0;
}

int virtio_pci_irq_connect(struct virtio_device *dev, unsigned index, struct irq *irq)
{
	return pci_irqs_connect(&virtio_pci_function(dev)->irqs, index, irq);
}

int virtio_pci_irq_retry(struct virtio_device *dev, struct irq *irq)
{
	struct virtio_pci_function *f = virtio_pci_function(dev);
	int rc = pci_irqs_retry(&f->irqs, irq);

	dev->irq_why = f->irqs.why;
	return rc;
}

void virtio_pci_irqs_close(struct virtio_device *dev)
{
	pci_irqs_close(&virtio_pci_function(dev)->irqs);
}

bool virtio_pci_cut_off(struct virtio_device *dev)
{
	return pci_master_off(virtio_pci_function(dev)->pci);
}

int virtio_pci_where(const struct virtio_device *dev, char *buf, size_t size)
{
	const struct pci_device *pci = virtio_pci_function(dev)->pci;

	return format(buf, size, "%04x:%02x:%02x.%u", pci->host->segment, PCI_BUS(pci->address),
		      PCI_SLOT(pci->address), PCI_FUNCTION(pci->address));
}
