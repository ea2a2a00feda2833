/* SPDX-License-Identifier: MIT */
#include "drivers/pci/pci_irq.h"

#include "drivers/acpi/acpi.h"
#include "drivers/pci/line.h"
#include "drivers/pci/msi.h"
#include "kernel/lib/errno.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS pci
#include "kernel/log.h"

static void control_write(const struct pci_irqs *p, uint16_t clear, uint16_t set)
{
	uint16_t at = p->capability + PCI_MSI_CONTROL;

	pci_config_write16(p->dev, at, (pci_config_read16(p->dev, at) & ~clear) | set);
}

/* Masks the function, then every entry: a table may hold what firmware left in it. */
static void msix_silence(const struct pci_irqs *p)
{
	control_write(p, 0, PCI_MSIX_ENABLE | PCI_MSIX_MASK);
	for (unsigned i = 0; i < p->table_size; i++)
		pci_msix_mask(p->table, i, true);
}

static int msix_open(struct pci_irqs *p, unsigned wanted)
{
	struct pci_msix msix;
	int rc = pci_msix_read(p->dev, &msix, &p->why);

	if (rc)
		return rc;
	p->table = pci_bar_map(p->dev, &msix.bar, msix.offset,
			       (size_t)msix.size * PCI_MSIX_ENTRY);
	if (!p->table)
		return -ENOMEM;
	p->capability = msix.at;
	p->table_size = msix.size;
	p->kind = PCI_IRQ_MSIX;
	p->count = min(wanted, p->table_size);
	msix_silence(p);
	control_write(p, PCI_MSIX_MASK, PCI_MSIX_ENABLE);
	return 0;
}

static int msi_open(struct pci_irqs *p)
{
	const char *ignored;
	struct pci_msi msi;
	int rc = pci_msi_read(p->dev, &msi, &ignored);

	if (rc)
		return rc;
	p->capability = msi.at;
	p->kind = PCI_IRQ_MSI;
	p->count = 1;
	return 0;
}

static void line_open(struct pci_irqs *p)
{
	const struct acpi_info *acpi = acpi_info();
	const char *why;

	p->candidate_count = pci_line_find(p->dev, acpi_pci_route, acpi->overrides,
					   acpi->override_count, p->candidates, &why);
	if (p->candidate_count == 0) {
		p->why = why;
		return;
	}
	p->line = p->candidates[0];
	p->kind = PCI_IRQ_LINE;
	p->count = 1;
}

int pci_irqs_open(const struct pci_device *dev, unsigned wanted, struct pci_irqs *p)
{
	int rc;

	*p = (struct pci_irqs){ .dev = dev };
	if (!irq_ready()) {
		p->why = "no interrupt controller";
		return 0;
	}
	if (pci_device_enable(dev)) {
		p->why = dev->problem;
		return 0;
	}
	/* What firmware left on would go on beside what is chosen here (6.8: one of them). */
	pci_messages_off(dev);
	if (acpi_info()->fadt.no_msi) {
		p->why = "firmware forbids MSI";
	} else {
		rc = msix_open(p, wanted);
		if (rc == 0 || rc == -ENOMEM)
			return rc;
		if (msi_open(p) == 0)
			return 0;
	}
	line_open(p);
	return 0;
}

static int msix_connect(struct pci_irqs *p, unsigned index, struct irq *irq)
{
	struct irq_message message;
	int rc = irq_connect_message(irq, &message);

	if (rc)
		return rc;
	rc = pci_msix_write(p->table, index, &message);
	if (rc)
		irq_disconnect(irq);
	else
		pci_msix_mask(p->table, index, false);
	return rc;
}

static int msi_connect(struct pci_irqs *p, struct irq *irq)
{
	struct irq_message message;
	struct pci_msi msi;
	const char *why;
	int rc = pci_msi_read(p->dev, &msi, &why);

	if (!rc)
		rc = irq_connect_message(irq, &message);
	if (rc)
		return rc;
	control_write(p, PCI_MSI_ENABLE | PCI_MSI_MULTIPLE, 0);
	pci_msi_mask(p->dev, &msi, true);
	rc = pci_msi_write(p->dev, &msi, &message);
	if (rc) {
		irq_disconnect(irq);
		return rc;
	}
	control_write(p, 0, PCI_MSI_ENABLE);
	pci_msi_mask(p->dev, &msi, false);
	return 0;
}

static void line_enable(const struct pci_device *dev, bool on)
{
	uint16_t command = pci_config_read16(dev, PCI_COMMAND);

	pci_config_write16(dev, PCI_COMMAND, on ? command & ~PCI_COMMAND_INTX_DISABLE :
			   command | PCI_COMMAND_INTX_DISABLE);
}

/* Connects the first candidate from the current one on that can be. */
static int line_connect(struct pci_irqs *p, struct irq *irq)
{
	int rc = -ENOENT;

	for (; p->candidate_next < p->candidate_count; p->candidate_next++) {
		p->line = p->candidates[p->candidate_next];
		rc = irq_connect_line(irq, p->line.gsi, p->line.trigger, p->line.polarity);
		if (!rc) {
			line_enable(p->dev, true);
			return 0;
		}
		log_debug("%02x:%02x.%u: line GSI %u by %s: %s", PCI_BUS(p->dev->address),
			  PCI_SLOT(p->dev->address), PCI_FUNCTION(p->dev->address), p->line.gsi,
			  p->line.from, errno_name(rc));
	}
	return rc;
}

int pci_irqs_connect(struct pci_irqs *p, unsigned index, struct irq *irq)
{
	if (index >= p->count)
		return -EINVAL;
	return p->kind == PCI_IRQ_MSIX ? msix_connect(p, index, irq) :
	       p->kind == PCI_IRQ_MSI ? msi_connect(p, irq) : line_connect(p, irq);
}

/* What is to be said of a line of which no candidate was seen. */
static const char *line_why(const struct pci_device *dev)
{
	struct pci_line candidates[PCI_LINE_CANDIDATES_MAX];
	const struct acpi_info *acpi = acpi_info();
	const char *why;

	pci_line_find(dev, acpi_pci_route, acpi->overrides, acpi->override_count, candidates,
		      &why);
	return why ? why : "interrupt not seen";
}

int pci_irqs_retry(struct pci_irqs *p, struct irq *irq)
{
	if (p->kind != PCI_IRQ_LINE)
		return -ENOENT;
	line_enable(p->dev, false);
	irq_disconnect(irq);
	p->candidate_next++;
	if (line_connect(p, irq) == 0)
		return 0;
	p->why = line_why(p->dev);
	return -ENOENT;
}

void pci_irqs_close(struct pci_irqs *p)
{
	if (p->kind == PCI_IRQ_MSIX) {
		msix_silence(p);
		control_write(p, PCI_MSIX_ENABLE | PCI_MSIX_MASK, 0);
		iounmap(p->table);
	} else if (p->kind == PCI_IRQ_MSI) {
		control_write(p, PCI_MSI_ENABLE, 0);
	} else if (p->kind == PCI_IRQ_LINE) {
		line_enable(p->dev, false);
	}
	p->kind = PCI_IRQ_NONE;
	p->table = NULL;
	p->count = 0;
}

const char *pci_irq_kind_name(enum pci_irq_kind kind)
{
	static const char *const names[] = { "none", "line", "MSI", "MSI-X" };

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}
