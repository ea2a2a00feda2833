// SPDX-License-Identifier: MIT
/* The proof that a source interrupts: it was made to fire, and is waited for. */
#include "kernel/irq.h"
#include "kernel/loop.h"
#include "kernel/time.h"

enum {
	PROOF_NS = 200 * 1000 * 1000,
	/*
	 * The end where the clock stands still. A turn without work is some
	 * hundred instructions, so this is not reached before PROOF_NS where
	 * the clock goes, and takes a second or so where it does not.
	 */
	PROOF_TURNS = 10 * 1000 * 1000,
};

struct proof {
	const struct irq *irq;
	uint64_t before;
	uint64_t turns;
};

static bool has_come(const struct proof *p)
{
	return READ_ONCE(p->irq->count) != p->before;
}

static bool is_over(void *context)
{
	struct proof *p = context;

	return has_come(p) || ++p->turns > PROOF_TURNS;
}

bool irq_prove(struct irq *irq, uint64_t before)
{
	struct proof p = { irq, before, 0 };

	if (irq->vector && !has_come(&p) && loop_until(is_over, &p, PROOF_NS))
		p.turns = 0;	/* late: what counts is the last look, below */
	irq->proof = has_come(&p) ? IRQ_SEEN : IRQ_NOT_SEEN;
	return irq->proof == IRQ_SEEN;
}
