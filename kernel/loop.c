// SPDX-License-Identifier: MIT
#include "kernel/loop.h"

#include "kernel/lib/errno.h"

static struct poller *pollers;

void work_post(struct work *w)
{
	w->run(w);
}

bool work_cancel(struct work *w __unused)
{
	return false;
}

void poller_add(struct poller *p)
{
	p->next = pollers;
	pollers = p;
}

void poller_remove(struct poller *p)
{
	for (struct poller **at = &pollers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			return;
		}
	}
}

bool loop_turn(void)
{
	bool any = false;

	for (struct poller *p = pollers; p; p = p->next)
		any |= p->poll(p);
	return any;
}

void loop_wait(void)
{
	loop_turn();
}

int loop_until(bool (*done)(void *context), void *context, uint64_t timeout __unused)
{
	for (unsigned i = 0; i < 100000000; i++) {
		if (done(context))
			return 0;
		loop_turn();
	}
	return -ETIMEDOUT;
}

struct loop_stats loop_stats(void)
{
	return (struct loop_stats){ 0 };
}
