/* SPDX-License-Identifier: MIT */
#include "drivers/pci/pci_irq.h"

#include "kernel/lib/errno.h"

int pci_irqs_open(const struct pci_device *dev, unsigned wanted __unused, struct pci_irqs *p)
{
	*p = (struct pci_irqs){ .dev = dev, .why = "not looked for" };
	return 0;
}

int pci_irqs_connect(struct pci_irqs *p __unused, unsigned index __unused,
		     struct irq *irq __unused)
{
	return -EINVAL;
}

int pci_irqs_retry(struct pci_irqs *p __unused, struct irq *irq __unused)
{
	return -ENOENT;
}

void pci_irqs_close(struct pci_irqs *p __unused)
{
}

const char *pci_irq_kind_name(enum pci_irq_kind kind __unused)
{
	return "none";
}
