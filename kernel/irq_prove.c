// SPDX-License-Identifier: MIT
/* The proof that a source interrupts: it was made to fire, and is waited for. */
#include "kernel/irq.h"
#include "kernel/loop.h"
#include "kernel/time.h"

enum {
	PROOF_NS = 200 * 1000 * 1000,
	/*
	 * The end where the clock stands still. A turn is some hundred
	 * instructions at the least, so where the clock goes PROOF_NS is over
	 * before.
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

	if (!irq->vector || loop_until(is_over, &p, PROOF_NS) || !has_come(&p))
		irq->proof = IRQ_NOT_SEEN;
	else
		irq->proof = IRQ_SEEN;
	return irq->proof == IRQ_SEEN;
}
