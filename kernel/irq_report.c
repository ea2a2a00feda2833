// SPDX-License-Identifier: MIT
/* What is known about interrupts: boot report, JSON, the table of routes. */
#include "kernel/irq.h"

#include "kernel/irq_chip.h"
#include "kernel/json.h"
#include "kernel/log.h"

/* Every source that is connected, in the order of vectors. */
#define for_each_source(vector, irq) \
	for (unsigned vector = IRQ_VECTOR_DEVICES; vector < IRQ_VECTOR_SPURIOUS; vector++) \
		for (const struct irq *irq = irq_slot(vector)->first; irq; irq = irq->next)

static const char *kind_name(enum irq_kind kind)
{
	static const char *const names[] = { "none", "line", "message", "local" };

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

static const char *proof_name(enum irq_proof proof)
{
	static const char *const names[] = { "unproved", "seen", "not seen" };

	return proof < ARRAY_SIZE(names) ? names[proof] : "?";
}

static const char *trigger_name(const struct irq *irq)
{
	return irq->trigger == IRQ_LEVEL ? "level" : "edge";
}

static const char *polarity_name(const struct irq *irq)
{
	return irq->polarity == IRQ_ACTIVE_LOW ? "low" : "high";
}

static void print_controllers(void)
{
	const struct irq_local *local = irq_local();
	const struct irq_origin *origin = irq_origin();

	print("irq     %s", local->name);
	if (local->address)
		print(" at %#llx", (unsigned long long)local->address);
	for (const struct irq_lines *c = irq_lines_first(); c; c = c->next)
		print(", %s at %#llx (GSI %u-%u)", c->name, (unsigned long long)c->address,
		      c->gsi_base, c->gsi_base + c->count - 1);
	if (origin && origin->from)
		print(", by the %s", origin->from);
	else
		print(", no table of lines");
	print("%s\n", origin && origin->pic_masked ? ", 8259 masked" : "");
}

static void print_unseen(void)
{
	bool any = false;

	for_each_source(vector, irq) {
		if (irq->proof != IRQ_NOT_SEEN)
			continue;
		print("%s%s", any ? ", " : "        interrupt not seen: ", irq->name);
		any = true;
	}
	if (any)
		print("\n");
}

void irq_report(void)
{
	struct irq_stray stray = irq_stray();
	unsigned sources = 0, seen = 0, storming = 0;

	if (!irq_ready()) {
		print("irq     no local APIC: everything is polled\n");
		return;
	}
	print_controllers();
	for_each_source(vector, irq) {
		sources++;
		seen += irq->proof == IRQ_SEEN;
		storming += irq->storming;
	}
	print("        %u sources, %u seen to interrupt; %llu unexpected, %llu spurious",
	      sources, seen, (unsigned long long)stray.unexpected,
	      (unsigned long long)stray.spurious);
	if (stray.unexpected)
		print(", the last unexpected by vector %#x", stray.last_vector);
	if (storming)
		print("; %u on lines masked for good", storming);
	print("\n");
	print_unseen();
}

static void print_route(const struct irq_slot *slot, const struct irq *irq)
{
	print("%-31.31s ", irq->name);
	if (irq->kind == IRQ_KIND_LINE)
		print("%4u  %-9s %4u  %-5s %-4s ", irq->gsi, slot->lines->name, slot->pin,
		      trigger_name(irq), polarity_name(irq));
	else
		print("   -  %-9s    -  %-10s ",
		      irq->kind == IRQ_KIND_MESSAGE ? "message" : "local", "edge");
	print("  %#04x %8llu  %s%s\n", irq->vector, (unsigned long long)irq->count,
	      proof_name(irq->proof), irq->storming ? ", masked for good" : "");
}

void irq_print_routes(void)
{
	struct irq_stray stray = irq_stray();

	print("source                           GSI  through    pin  signal      vector    count"
	      "  proof\n");
	for_each_source(vector, irq)
		print_route(irq_slot(vector), irq);
	print("unexpected %llu, spurious %llu\n", (unsigned long long)stray.unexpected,
	      (unsigned long long)stray.spurious);
}

static void local_json(struct json *j, const struct irq_local *local)
{
	if (!local) {
		json_null(j, "local");
		return;
	}
	json_object(j, "local");
	json_string(j, "name", local->name);
	if (local->address)
		json_hex(j, "address", local->address);
	else
		json_null(j, "address");
	json_end(j);
}

static void lines_json(struct json *j)
{
	json_array(j, "lines");
	for (const struct irq_lines *c = irq_lines_first(); c; c = c->next) {
		json_object(j, NULL);
		json_string(j, "name", c->name);
		json_hex(j, "address", c->address);
		json_number(j, "gsi_base", c->gsi_base);
		json_number(j, "count", c->count);
		json_end(j);
	}
	json_end(j);
}

static void route_json(struct json *j, const struct irq_slot *slot, const struct irq *irq)
{
	if (irq->kind == IRQ_KIND_LINE) {
		json_string(j, "controller", slot->lines->name);
		json_number(j, "gsi", irq->gsi);
		json_number(j, "pin", slot->pin);
		json_string(j, "trigger", trigger_name(irq));
		json_string(j, "polarity", polarity_name(irq));
		return;
	}
	json_string(j, "controller", irq_local()->name);
	json_null(j, "gsi");
	json_null(j, "pin");
	json_null(j, "trigger");
	json_null(j, "polarity");
}

void irq_report_json(struct json *j)
{
	const struct irq_origin *origin = irq_origin();
	struct irq_stray stray = irq_stray();

	json_object(j, NULL);
	json_string(j, "from", origin ? origin->from : NULL);
	local_json(j, irq_local());
	json_bool(j, "pic", origin && origin->pic_masked);
	lines_json(j);
	json_array(j, "sources");
	for_each_source(vector, irq) {
		json_object(j, NULL);
		json_string(j, "name", irq->name);
		json_string(j, "kind", kind_name(irq->kind));
		route_json(j, irq_slot(vector), irq);
		json_number(j, "vector", irq->vector);
		json_number(j, "count", irq->count);
		json_string(j, "proof", proof_name(irq->proof));
		json_bool(j, "storming", irq->storming);
		json_end(j);
	}
	json_end(j);
	json_number(j, "unexpected", stray.unexpected);
	json_number(j, "spurious", stray.spurious);
	json_end(j);
}
