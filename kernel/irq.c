// SPDX-License-Identifier: MIT
/*
 * Who has which vector, and what becomes of an interrupt. Only bookkeeping:
 * the controllers are reached through what they registered, and opening and
 * halting is arch/x86/interrupt.c's, so all of this runs on the host as well.
 *
 * A source that fires without end cannot stop the loop. Interrupts are opened
 * at one place; whatever is taken there returns with interrupts shut, so an
 * opening is one interrupt, and between two of them the loop has made a turn:
 * posted work, timers and pollers had theirs. A handler that runs claims its
 * interrupt or not; a level line that nobody claims would come back at once,
 * for ever, and after IRQ_STORM times in a row it is masked. Of an edge there
 * is no more than its device sends.
 */
#include "kernel/irq.h"

#include <asm/cpu.h>

#include "kernel/irq_chip.h"
#include "kernel/lib/errno.h"
#include "kernel/loop.h"

#define LOG_SUBSYS irq
#include "kernel/log.h"

LOG_DEFINE();

enum {
	ISA_COUNT = 16,
	/* What the 8259 answers with when a request is withdrawn: its lowest, 7 and 15. */
	PIC_SPURIOUS_MASTER = IRQ_VECTOR_PIC + 7,
	PIC_SPURIOUS_SLAVE = IRQ_VECTOR_PIC + 15,
};

/*
 * A range of vectors. They are given out in turn, so that a vector that was
 * given back is not soon another's: what its old owner left pending is then
 * unexpected, and proves nothing about the new one.
 */
struct pool {
	uint8_t first, end;
	uint8_t next;
	uint8_t used;			/* beyond it none was ever given out */
};

static struct irq_slot slots[IRQ_VECTOR_SPURIOUS - IRQ_VECTOR_DEVICES];
static struct pool devices = {
	IRQ_VECTOR_DEVICES, IRQ_VECTOR_LOCAL, IRQ_VECTOR_DEVICES, IRQ_VECTOR_DEVICES,
};
static struct pool locals = {
	IRQ_VECTOR_LOCAL, IRQ_VECTOR_SPURIOUS, IRQ_VECTOR_LOCAL, IRQ_VECTOR_LOCAL,
};

static const struct irq_local *local;
static struct irq_lines *controllers;
static const struct irq_isa *isa;
static const struct irq_origin *origin;
static struct irq_stray stray;

static void tell_storms(struct work *w);

static struct work storm_work = { .run = tell_storms };

static struct irq_slot *slot_at(unsigned vector)
{
	unsigned i = vector - IRQ_VECTOR_DEVICES;

	return i < ARRAY_SIZE(slots) ? &slots[i] : NULL;
}

const struct irq_slot *irq_slot(unsigned vector)
{
	return slot_at(vector);
}

const struct irq_local *irq_local(void)
{
	return local;
}

struct irq_lines *irq_lines_first(void)
{
	return controllers;
}

const struct irq_origin *irq_origin(void)
{
	return origin;
}

bool irq_ready(void)
{
	return local != NULL;
}

struct irq_stray irq_stray(void)
{
	return stray;
}

void irq_local_register(const struct irq_local *l)
{
	local = l;
}

void irq_isa_register(const struct irq_isa *table)
{
	isa = table;
}

void irq_origin_register(const struct irq_origin *o)
{
	origin = o;
}

int irq_lines_register(struct irq_lines *lines)
{
	uint64_t end = (uint64_t)lines->gsi_base + lines->count;
	struct irq_lines **at;

	if (lines->count == 0 || end > UINT64_C(1) << 32)
		return -EINVAL;
	for (at = &controllers; *at; at = &(*at)->next) {
		if ((*at)->gsi_base < end &&
		    lines->gsi_base < (uint64_t)(*at)->gsi_base + (*at)->count)
			return -EBUSY;
	}
	lines->next = NULL;
	*at = lines;
	return 0;
}

/* Takes a vector of the pool for `irq`, or returns -ENOSPC. */
static int take(struct pool *pool, struct irq *irq, enum irq_kind kind)
{
	for (unsigned i = pool->first; i < pool->end; i++) {
		uint8_t vector = pool->next;
		struct irq_slot *slot = slot_at(vector);

		pool->next = vector + 1 < pool->end ? vector + 1 : pool->first;
		if (slot->first)
			continue;
		*slot = (struct irq_slot){ .first = irq };
		pool->used = max(pool->used, (uint8_t)(vector + 1));
		irq->kind = kind;
		irq->proof = IRQ_UNPROVED;
		irq->vector = vector;
		irq->storming = false;
		irq->next = NULL;
		return 0;
	}
	return -ENOSPC;
}

int irq_connect_message(struct irq *irq, struct irq_message *out)
{
	int rc;

	if (!local || !local->message)
		return -ENOTSUP;
	if (irq->vector)
		return -EBUSY;
	rc = take(&devices, irq, IRQ_KIND_MESSAGE);
	if (!rc)
		*out = local->message(irq->vector);
	return rc;
}

int irq_connect_local(struct irq *irq)
{
	if (!local)
		return -ENODEV;
	if (irq->vector)
		return -EBUSY;
	return take(&locals, irq, IRQ_KIND_LOCAL);
}

static struct irq_lines *controller_of(uint32_t gsi)
{
	struct irq_lines *c = controllers;

	while (c && gsi - c->gsi_base >= c->count)
		c = c->next;
	return c;
}

static struct irq_slot *slot_of_pin(const struct irq_lines *c, uint32_t pin)
{
	for (unsigned vector = devices.first; vector < devices.used; vector++) {
		struct irq_slot *slot = slot_at(vector);

		if (slot->first && slot->lines == c && slot->pin == pin)
			return slot;
	}
	return NULL;
}

/* One more on a line that is connected. If it was masked, there is hope again. */
static int share(struct irq_slot *slot, struct irq *irq)
{
	struct irq *first = slot->first;

	if (irq->trigger != first->trigger || irq->polarity != first->polarity)
		return -EBUSY;
	irq->kind = IRQ_KIND_LINE;
	irq->proof = IRQ_UNPROVED;
	irq->vector = first->vector;
	irq->next = first;
	slot->first = irq;
	slot->unclaimed = 0;
	for (struct irq *i = irq; i; i = i->next)
		i->storming = false;
	slot->lines->mask(slot->lines, slot->pin, false);
	return 0;
}

int irq_connect_line(struct irq *irq, uint32_t gsi, enum irq_trigger trigger,
		     enum irq_polarity polarity)
{
	struct irq_lines *c = controller_of(gsi);
	struct irq_slot *slot;
	struct irq_line line;
	int rc;

	if (!local || !c)
		return -ENODEV;
	if (irq->vector)
		return -EBUSY;
	irq->gsi = gsi;
	irq->trigger = trigger;
	irq->polarity = polarity;
	slot = slot_of_pin(c, gsi - c->gsi_base);
	if (slot)
		return share(slot, irq);
	rc = take(&devices, irq, IRQ_KIND_LINE);
	if (rc)
		return rc;
	slot = slot_at(irq->vector);
	slot->lines = c;
	slot->pin = gsi - c->gsi_base;
	line = (struct irq_line){ irq->vector, trigger, polarity, false };
	c->set(c, slot->pin, &line);
	return 0;
}

int irq_connect_isa(struct irq *irq, unsigned number)
{
	struct irq_isa to = { number, IRQ_EDGE, IRQ_ACTIVE_HIGH };

	if (number >= ISA_COUNT)
		return -ENODEV;
	if (isa)
		to = isa[number];
	return irq_connect_line(irq, to.gsi, to.trigger, to.polarity);
}

void irq_disconnect(struct irq *irq)
{
	struct irq_slot *slot = irq->vector ? slot_at(irq->vector) : NULL;
	struct irq **at;

	if (!slot)
		return;
	for (at = &slot->first; *at && *at != irq; at = &(*at)->next)
		;
	if (!*at)
		return;
	if (irq == slot->first && !irq->next && slot->lines)
		slot->lines->mask(slot->lines, slot->pin, true);
	*at = irq->next;
	irq->next = NULL;
	irq->vector = 0;
	irq->kind = IRQ_KIND_NONE;
}

static void tell_owners(struct irq *irq)
{
	struct irq *next;

	for (; irq; irq = next) {
		next = irq->next;
		if (irq->stormed)
			irq->stormed(irq);
	}
}

/* In the loop, as handlers do not log. */
static void tell_storms(struct work *w __unused)
{
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		struct irq_slot *slot = &slots[i];

		if (!slot->storm_untold || !slot->first)
			continue;
		slot->storm_untold = false;
		log_err("%s: GSI %u came %u times in a row and is nobody's: masked",
			slot->first->name, slot->first->gsi, IRQ_STORM);
		tell_owners(slot->first);
	}
}

static void mask_storm(struct irq_slot *slot)
{
	slot->lines->mask(slot->lines, slot->pin, true);
	for (struct irq *irq = slot->first; irq; irq = irq->next)
		irq->storming = true;
	slot->unclaimed = 0;
	slot->storm_untold = true;
	work_post(&storm_work);
}

static void count_unexpected(unsigned vector)
{
	stray.unexpected++;
	stray.last_vector = (uint8_t)vector;
}

/*
 * An edge that nobody claims came while its forerunner was handled, and was
 * met by that. A level should not be there any more.
 */
static void unclaimed(struct irq_slot *slot, unsigned vector)
{
	if (!slot->lines || slot->first->trigger != IRQ_LEVEL)
		return;
	count_unexpected(vector);
	if (++slot->unclaimed == IRQ_STORM)
		mask_storm(slot);
}

static bool handle(struct irq_slot *slot)
{
	bool claimed = false;

	for (struct irq *irq = slot->first; irq; irq = irq->next) {
		if (irq->handle(irq)) {
			irq->count++;
			claimed = true;
		}
	}
	if (claimed)
		slot->unclaimed = 0;
	return claimed;
}

static bool is_spurious(unsigned vector)
{
	return vector == IRQ_VECTOR_SPURIOUS || vector == PIC_SPURIOUS_MASTER ||
	       vector == PIC_SPURIOUS_SLAVE;
}

static uint64_t taken;

uint64_t irq_taken(void)
{
	return taken;
}

/*
 * The end comes after the handlers: a level line whose device has been
 * acknowledged is then quiet, else it would come a second time. Ending what is
 * not in service would end something else; only a spurious interrupt is not,
 * unless a device sent that very vector as a message.
 */
void irq_dispatch(unsigned vector)
{
	struct irq_slot *slot = slot_at(vector);

	taken = cycles();
	if (is_spurious(vector))
		stray.spurious++;
	else if (!slot || !slot->first)
		count_unexpected(vector);
	else if (!handle(slot))
		unclaimed(slot, vector);
	if (local && (!is_spurious(vector) || local->in_service((uint8_t)vector)))
		local->end();
}
