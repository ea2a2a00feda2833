/* SPDX-License-Identifier: MIT */
/*
 * What the modern and the legacy interface of a virtio function have in common:
 * the function and its interrupts. Private to drivers/virtio.
 */
#pragma once

#include "drivers/pci/pci_irq.h"
#include "drivers/virtio/transport.h"

/* First in the struct of either. */
struct virtio_pci_function {
	struct virtio_device dev;
	const struct pci_device *pci;
	struct pci_irqs irqs;
};

static inline struct virtio_pci_function *virtio_pci_function(const struct virtio_device *dev)
{
	return (struct virtio_pci_function *)container_of(dev, struct virtio_pci_function, dev);
}

/* As the operations of transport.h. */
int virtio_pci_irqs_open(struct virtio_device *dev, unsigned wanted, unsigned *count);
int virtio_pci_irq_connect(struct virtio_device *dev, unsigned index, struct irq *irq);
int virtio_pci_irq_retry(struct virtio_device *dev, struct irq *irq);
void virtio_pci_irqs_close(struct virtio_device *dev);
bool virtio_pci_cut_off(struct virtio_device *dev);
int virtio_pci_where(const struct virtio_device *dev, char *buf, size_t size);

/* Whether its interrupts are MSI-X messages, which need no acknowledgement. */
static inline bool virtio_pci_has_messages(const struct virtio_device *dev)
{
	return virtio_pci_function(dev)->irqs.kind == PCI_IRQ_MSIX;
}

/* Lists a function of this type that has the legacy interface only (virtio_pci_legacy.c). */
void virtio_pci_legacy_take(const struct pci_device *pci, uint32_t id);
