// SPDX-License-Identifier: MIT
/*
 * Which UARTs are consoles. Three speak, each over those before it: the
 * configuration, firmware (SPCR), the command line. All that they name are
 * consoles at once; of one that several name the last has the say on its speed.
 *
 * Ports are opened when they are named: the command line is read before
 * firmware's tables, and its lines should be seen where reading these goes
 * wrong. MMIO waits until it can be mapped and all owners of addresses are known.
 */
#include "drivers/console/serial.h"

#include "drivers/acpi/acpi.h"
#include "drivers/console/serial_param.h"
#include "kernel/cmdline.h"
#include "kernel/lib/format.h"
#include "mm/ioremap.h"
#include "mm/mm.h"

#define LOG_SUBSYS console
#include "kernel/log.h"

enum { SERIAL_MAX = 4, PLACE_TEXT_MAX = 32 };

/* Who named it. */
enum source { BY_CONFIG, BY_FIRMWARE, BY_COMMAND_LINE };

static struct serial {
	struct uart uart;
	enum source source;
} serials[SERIAL_MAX];
static unsigned serial_count;

/* MMIO on the command line. */
static struct uart_setup waiting[SERIAL_MAX];
static unsigned waiting_count;

static_assert(CONFIG_SERIAL_CLOCK / 16 / CONFIG_SERIAL_BAUD > 0,
	      "CONFIG_SERIAL_BAUD is more than CONFIG_SERIAL_CLOCK makes");

static const char *source_name(enum source source)
{
	static const char *const names[] = { "configuration", "SPCR", "command line" };

	return names[source];
}

/* One that is a console already and shares an address with this place. */
static struct serial *find(const struct uart_place *p)
{
	for (unsigned i = 0; i < serial_count; i++) {
		if (serial_overlaps(&serials[i].uart.setup.place, p))
			return &serials[i];
	}
	return NULL;
}

static bool is_same(const struct uart_place *a, const struct uart_place *b)
{
	return a->kind == b->kind && a->base == b->base;
}

/* It was named before: only the speed may be new. */
static const char *name_again(struct serial *s, const struct uart_setup *setup, enum source source)
{
	if (!is_same(&s->uart.setup.place, &setup->place))
		return "it overlaps another console";
	if (source < s->source)
		return NULL;
	s->source = source;
	if (setup->baud)
		uart_set_speed(&s->uart, setup->baud, setup->clock);
	return NULL;
}

static void name_it(struct serial *s, bool first)
{
	char place[PLACE_TEXT_MAX];

	uart_place_describe(&s->uart.setup.place, place, sizeof(place));
	if (first)
		format(s->uart.name, sizeof(s->uart.name), "serial line");
	else
		format(s->uart.name, sizeof(s->uart.name), "serial line %s", place);
}

/* Makes it a console. `registers` of MMIO. Returns NULL, or why it is none. */
static const char *open_uart(const struct uart_setup *setup, enum source source,
			     struct mmio *registers)
{
	unsigned isa = serial_isa_number(&setup->place);
	struct serial *s;

	if (serial_count == SERIAL_MAX)
		return "there are too many";
	s = &serials[serial_count];
	*s = (struct serial){ .uart.setup = *setup, .source = source };
	if (isa != SERIAL_NO_ISA) {
		s->uart.line = UART_LINE_ISA;
		s->uart.line_number = isa;
	}
	if (!uart_start(&s->uart, registers))
		return "no UART answers there";
	name_it(s, serial_count == 0);
	serial_count++;
	console_register(&s->uart.console);
	return NULL;
}

/* Ports, which need no mapping. */
static const char *open_ports(const struct uart_setup *setup, enum source source)
{
	struct serial *s = find(&setup->place);

	return s ? name_again(s, setup, source) : open_uart(setup, source, NULL);
}

/* Memory, or what somebody claimed; what firmware calls reserved may be a device's. */
static bool is_in_memory(const struct uart_place *p)
{
	const struct regions *map = mm_map();

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (r->kind != REGION_RESERVED && r->start < p->base + uart_span(p->kind) &&
		    p->base < r->end)
			return true;
	}
	return false;
}

static bool overlaps(const struct uart_place *p, uint64_t base, uint64_t len)
{
	return base && p->base < base + len && base < p->base + uart_span(p->kind);
}

/* Whose these addresses are by firmware's word; NULL: nobody's that is known. */
static const char *owner_of(const struct uart_place *p)
{
	const struct acpi_info *acpi = acpi_info();

	if (is_in_memory(p))
		return "it is memory";
	if (overlaps(p, acpi->lapic, PAGE_SIZE))
		return "it is the local APIC's place";
	if (acpi->hpet.present && overlaps(p, acpi->hpet.base, PAGE_SIZE))
		return "it is the HPET's place";
	for (unsigned i = 0; i < acpi->ioapic_count; i++) {
		if (overlaps(p, acpi->ioapics[i].base, PAGE_SIZE))
			return "it is an IOAPIC's place";
	}
	for (unsigned i = 0; i < acpi->mcfg_count; i++) {
		uint64_t buses = acpi->mcfg[i].bus_last + UINT64_C(1);

		if (overlaps(p, acpi->mcfg[i].base, buses << 20))
			return "it is configuration space (MCFG)";
	}
	for (unsigned i = 0; i < acpi->virtio_count; i++) {
		if (overlaps(p, acpi->virtio[i].base, acpi->virtio[i].size))
			return "it is the place of an LNRO0005";
	}
	return NULL;
}

static const char *open_mmio(const struct uart_setup *setup, enum source source)
{
	struct serial *s = find(&setup->place);
	const char *problem = s ? name_again(s, setup, source) : owner_of(&setup->place);
	struct mmio *registers;

	if (s || problem)
		return problem;
	registers = ioremap(setup->place.base, uart_span(setup->place.kind), IOREMAP_UNCACHED);
	if (!registers)
		return "it cannot be mapped";
	problem = open_uart(setup, source, registers);
	if (problem)
		iounmap(registers);
	return problem;
}

static void refuse(const struct uart_place *p, enum source source, const char *problem)
{
	char place[PLACE_TEXT_MAX];

	uart_place_describe(p, place, sizeof(place));
	log_warn("no console at %s, which the %s names: %s", place, source_name(source), problem);
}

/* Opens one that was named, or says why not. */
static void open_named(const struct uart_setup *setup, enum source source)
{
	const char *problem = setup->place.kind == UART_PORTS ? open_ports(setup, source)
							      : open_mmio(setup, source);

	if (problem)
		refuse(&setup->place, source, problem);
}

/* What is wrong is said here, with the reason, and not once more by the caller. */
static int console_parse(const char *word)
{
	struct uart_setup setup;
	const char *problem = serial_parse(word, &setup);

	if (!problem && setup.place.kind != UART_PORTS && waiting_count == SERIAL_MAX)
		problem = "there are too many";
	if (problem)
		log_warn("console=%.64s: %s", word, problem);
	else if (setup.place.kind == UART_PORTS)
		open_named(&setup, BY_COMMAND_LINE);
	else
		waiting[waiting_count++] = setup;
	return 0;
}

CMDLINE_PARAM(console, "console", console_parse);
CMDLINE_PARAM(earlycon, "earlycon", console_parse);

/* Interface types of SPCR (DBG2 table 3): a 16550, a 16450, a 16550 as its address says. */
static bool is_16550(uint8_t type)
{
	enum { FULL_16550 = 0, FULL_16450 = 1, GAS_16550 = 0x12 };

	return type == FULL_16550 || type == FULL_16450 || type == GAS_16550;
}

/* What firmware says of a port. Returns NULL, or why it can be none of ours. */
static const char *read_spcr(const struct acpi_spcr *spcr, struct uart_setup *out)
{
	enum { SPACE_MEMORY = 0, SPACE_PORTS = 1, ACCESS_32 = 3, WIDE = 32 };
	bool wide = spcr->base.access == ACCESS_32 ||
		    (spcr->base.access == 0 && spcr->base.width == WIDE);

	*out = (struct uart_setup){
		.place = { spcr->base.space == SPACE_PORTS ? UART_PORTS :
			   wide ? UART_MMIO32 : UART_MMIO, spcr->base.address },
		.baud = spcr->baud,
		.clock = spcr->clock,
	};
	if (!is_16550(spcr->type))
		return "it is not a 16550";
	if (spcr->base.space != SPACE_MEMORY && spcr->base.space != SPACE_PORTS)
		return "it is neither in memory nor at ports";
	return serial_problem(out);
}

static void open_spcr(void)
{
	const struct acpi_spcr *spcr = &acpi_info()->spcr;
	unsigned before = serial_count;
	struct uart_setup setup;
	const char *problem;

	if (!spcr->present)
		return;
	problem = read_spcr(spcr, &setup);
	if (problem) {
		refuse(&setup.place, BY_FIRMWARE, problem);
		return;
	}
	open_named(&setup, BY_FIRMWARE);
	if (serial_count == before || serials[before].uart.line != UART_LINE_NONE ||
	    !spcr->has_gsi)
		return;
	serials[before].uart.line = UART_LINE_GSI;
	serials[before].uart.line_number = spcr->gsi;
}

void serial_init(void)
{
	for (unsigned i = 0; i < waiting_count; i++)
		open_named(&waiting[i], BY_COMMAND_LINE);
	open_spcr();
}

static void serial_early(void)
{
	const struct uart_setup setup = {
		{ UART_PORTS, CONFIG_SERIAL_PORT }, CONFIG_SERIAL_BAUD, CONFIG_SERIAL_CLOCK,
	};

	open_ports(&setup, BY_CONFIG);
}

CONSOLE_EARLY(serial, serial_early);
