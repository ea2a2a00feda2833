// SPDX-License-Identifier: MIT
/* Vectors, sharing, strays, storms and proofs, with controllers that are not there. */
#include "kernel/irq.h"

#include "kernel/host_loop.h"
#include "kernel/irq_chip.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/loop.h"

enum {
	PINS = 24, CONTROLLERS = 2,
	MESSAGES = IRQ_VECTOR_LOCAL - IRQ_VECTOR_DEVICES,
	LOCALS = IRQ_VECTOR_SPURIOUS - IRQ_VECTOR_LOCAL,
};

struct fake_lines {
	struct irq_lines lines;
	struct irq_line pin[PINS];
};

static struct {
	bool registered;
	unsigned ends;
	bool in_service;
	void (*turn)(unsigned n);	/* what happens in a turn of the loop */
	unsigned turns;			/* openings, in fact */
} fake;

static struct fake_lines chips[CONTROLLERS];

static void opened(void)
{
	if (fake.turn)
		fake.turn(fake.turns);
	fake.turns++;
}

static void fake_end(void)
{
	fake.ends++;
}

static bool fake_in_service(uint8_t vector __unused)
{
	return fake.in_service;
}

static struct irq_message fake_message(uint8_t vector)
{
	return (struct irq_message){ 0xfee00000, vector };
}

static void fake_set(struct irq_lines *c, uint32_t pin, const struct irq_line *line)
{
	container_of(c, struct fake_lines, lines)->pin[pin] = *line;
}

static void fake_mask(struct irq_lines *c, uint32_t pin, bool masked)
{
	container_of(c, struct fake_lines, lines)->pin[pin].masked = masked;
}

static struct irq_local fake_local = {
	.name = "fake", .end = fake_end, .in_service = fake_in_service, .message = fake_message,
};

static struct irq_isa overrides[16] = {
	[0] = { 2, IRQ_EDGE, IRQ_ACTIVE_HIGH },
	[4] = { 4, IRQ_EDGE, IRQ_ACTIVE_HIGH },
	[9] = { 20, IRQ_LEVEL, IRQ_ACTIVE_LOW },
};

static struct irq_line *pin_of(uint32_t gsi)
{
	return &chips[gsi / PINS].pin[gsi % PINS];
}

static void register_all(struct ktest_run *t)
{
	irq_local_register(&fake_local);
	for (unsigned i = 0; i < CONTROLLERS; i++) {
		chips[i].lines = (struct irq_lines){
			.name = "fake lines", .gsi_base = i * PINS, .count = PINS,
			.set = fake_set, .mask = fake_mask,
		};
		for (unsigned pin = 0; pin < PINS; pin++)
			chips[i].pin[pin].masked = true;
		expect_eq(t, irq_lines_register(&chips[i].lines), 0);
	}
	fake.registered = true;
}

/* Each test begins with nothing connected, and ends so. */
static void begin(struct ktest_run *t)
{
	if (!fake.registered)
		register_all(t);
	irq_isa_register(NULL);
	fake.turn = NULL;
	host_interrupt = opened;
	host_clock_step = HOST_STEP_NS;
	fake.in_service = false;
	loop_turn();			/* what an earlier test left */
}

static bool claim(struct irq *irq __unused)
{
	return true;
}

static bool refuse(struct irq *irq __unused)
{
	return false;
}

static struct irq source(bool (*handle)(struct irq *irq))
{
	return (struct irq){ .name = "test", .handle = handle };
}

KTEST(irq_without_a_controller_connects_nothing)
{
	struct irq irq = source(claim);
	struct irq_message message;

	begin(t);
	irq_local_register(NULL);
	expect(t, !irq_ready());
	expect_eq(t, irq_connect_message(&irq, &message), -ENOTSUP);
	expect_eq(t, irq_connect_local(&irq), -ENODEV);
	expect_eq(t, irq_connect_line(&irq, 3, IRQ_EDGE, IRQ_ACTIVE_HIGH), -ENODEV);
	expect_eq(t, irq_connect_isa(&irq, 3), -ENODEV);
	irq_dispatch(0x80);			/* nobody to end it, nothing breaks */
	irq_dispatch(IRQ_VECTOR_SPURIOUS);
	irq_local_register(&fake_local);
	expect(t, irq_ready());
	irq_disconnect(&irq);			/* not connected */
	expect_eq(t, irq.vector, 0);
}

KTEST(irq_vectors_run_out_and_come_back)
{
	static struct irq irqs[MESSAGES + 1];
	struct irq_message message = { 0 };
	bool taken[256] = { false };

	begin(t);
	for (unsigned i = 0; i < MESSAGES; i++) {
		irqs[i] = source(claim);
		require(t, irq_connect_message(&irqs[i], &message) == 0);
		expect_eq(t, message.data, irqs[i].vector);
		expect(t, irqs[i].vector >= IRQ_VECTOR_DEVICES);
		expect(t, irqs[i].vector < IRQ_VECTOR_LOCAL);
		expect(t, !taken[irqs[i].vector]);
		taken[irqs[i].vector] = true;
	}
	irqs[MESSAGES] = source(claim);
	expect_eq(t, irq_connect_message(&irqs[MESSAGES], &message), -ENOSPC);
	expect_eq(t, irq_connect_line(&irqs[MESSAGES], 5, IRQ_EDGE, IRQ_ACTIVE_HIGH), -ENOSPC);
	expect_eq(t, irqs[MESSAGES].vector, 0);
	expect(t, pin_of(5)->masked);
	irq_disconnect(&irqs[77]);
	expect_eq(t, irqs[77].vector, 0);
	expect_eq(t, irq_connect_message(&irqs[MESSAGES], &message), 0);
	for (unsigned i = 0; i <= MESSAGES; i++)
		irq_disconnect(&irqs[i]);
}

KTEST(irq_local_sources_have_vectors_of_their_own)
{
	static struct irq irqs[LOCALS + 1];

	begin(t);
	for (unsigned i = 0; i < LOCALS; i++) {
		irqs[i] = source(claim);
		require(t, irq_connect_local(&irqs[i]) == 0);
		expect(t, irqs[i].vector >= IRQ_VECTOR_LOCAL);
		expect(t, irqs[i].vector < IRQ_VECTOR_SPURIOUS);
	}
	irqs[LOCALS] = source(claim);
	expect_eq(t, irq_connect_local(&irqs[LOCALS]), -ENOSPC);
	for (unsigned i = 0; i < LOCALS; i++)
		irq_disconnect(&irqs[i]);
}

KTEST(irq_vector_given_back_is_not_soon_anothers)
{
	struct irq a = source(claim), b = source(claim);
	struct irq_message message;
	struct irq_stray before;
	uint8_t old;

	begin(t);
	require(t, irq_connect_message(&a, &message) == 0);
	old = a.vector;
	irq_disconnect(&a);
	require(t, irq_connect_message(&b, &message) == 0);
	expect(t, b.vector != old);
	/* What the old owner left pending proves nothing about the new one. */
	before = irq_stray();
	irq_dispatch(old);
	expect_eq(t, b.count, 0);
	expect_eq(t, irq_stray().unexpected, before.unexpected + 1);
	expect_eq(t, irq_stray().last_vector, old);
	irq_disconnect(&b);
}

KTEST(irq_that_is_connected_is_busy)
{
	struct irq irq = source(claim);
	struct irq_message message;
	uint8_t vector;

	begin(t);
	require(t, irq_connect_message(&irq, &message) == 0);
	vector = irq.vector;
	expect_eq(t, irq_connect_message(&irq, &message), -EBUSY);
	expect_eq(t, irq_connect_local(&irq), -EBUSY);
	expect_eq(t, irq_connect_line(&irq, 1, IRQ_EDGE, IRQ_ACTIVE_HIGH), -EBUSY);
	expect_eq(t, irq.vector, vector);
	irq_disconnect(&irq);
	irq_disconnect(&irq);
	expect_eq(t, irq.kind, IRQ_KIND_NONE);
}

KTEST(irq_message_needs_a_controller_that_takes_some)
{
	struct irq irq = source(claim);
	struct irq_message message;

	begin(t);
	fake_local.message = NULL;
	expect_eq(t, irq_connect_message(&irq, &message), -ENOTSUP);
	fake_local.message = fake_message;
	expect_eq(t, irq.vector, 0);
}

KTEST(irq_line_is_programmed_as_asked)
{
	begin(t);
	for (uint32_t gsi = 0; gsi < CONTROLLERS * PINS; gsi++) {
		enum irq_trigger trigger = gsi & 1 ? IRQ_LEVEL : IRQ_EDGE;
		enum irq_polarity polarity = gsi & 2 ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH;
		struct irq irq = source(claim);

		require(t, irq_connect_line(&irq, gsi, trigger, polarity) == 0);
		expect_eq(t, pin_of(gsi)->vector, irq.vector);
		expect_eq(t, pin_of(gsi)->trigger, trigger);
		expect_eq(t, pin_of(gsi)->polarity, polarity);
		expect(t, !pin_of(gsi)->masked);
		expect_eq(t, irq.gsi, gsi);
		expect_eq(t, irq_slot(irq.vector)->pin, gsi % PINS);
		irq_disconnect(&irq);
		expect(t, pin_of(gsi)->masked);
		expect(t, !irq_slot(irq.vector));
	}
}

KTEST(irq_line_that_nobody_has_is_refused)
{
	static const uint32_t absent[] = { CONTROLLERS * PINS, 100, INT32_MAX, UINT32_MAX };
	struct irq irq = source(claim);

	begin(t);
	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
		expect_eq(t, irq_connect_line(&irq, absent[i], IRQ_EDGE, IRQ_ACTIVE_HIGH),
			  -ENODEV);
	expect_eq(t, irq.vector, 0);
}

KTEST(irq_controllers_with_the_same_lines_are_refused)
{
	static const struct {
		uint32_t base, count;
		int result;
	} cases[] = {
		{ 0, 24, -EBUSY }, { 10, 1, -EBUSY }, { 47, 24, -EBUSY }, { 23, 2, -EBUSY },
		{ 0, UINT32_MAX, -EBUSY }, { 48, 0, -EINVAL }, { UINT32_MAX, 2, -EINVAL },
		{ UINT32_MAX - 22, 24, -EINVAL },
	};

	begin(t);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct irq_lines lines = { .gsi_base = cases[i].base, .count = cases[i].count };

		expect_eq(t, irq_lines_register(&lines), cases[i].result);
	}
	expect(t, irq_lines_first() == &chips[0].lines);
	expect(t, chips[0].lines.next == &chips[1].lines && !chips[1].lines.next);
}

KTEST(irq_line_is_shared_by_those_of_one_mind)
{
	struct irq a = source(refuse), b = source(claim), c = source(claim);

	begin(t);
	require(t, irq_connect_line(&a, 11, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	require(t, irq_connect_line(&b, 11, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	expect_eq(t, a.vector, b.vector);
	expect_eq(t, irq_connect_line(&c, 11, IRQ_EDGE, IRQ_ACTIVE_LOW), -EBUSY);
	expect_eq(t, irq_connect_line(&c, 11, IRQ_LEVEL, IRQ_ACTIVE_HIGH), -EBUSY);
	expect_eq(t, c.vector, 0);
	irq_disconnect(&c);	/* if it was let in, it is gone with this stack */
	irq_dispatch(a.vector);
	expect_eq(t, a.count, 0);
	expect_eq(t, b.count, 1);
	irq_disconnect(&b);
	expect(t, !pin_of(11)->masked);
	irq_dispatch(a.vector);
	expect_eq(t, b.count, 1);
	irq_disconnect(&a);
	expect(t, pin_of(11)->masked);
}

KTEST(irq_of_isa_goes_by_the_overrides)
{
	struct irq irq = source(claim);

	begin(t);
	expect_eq(t, irq_connect_isa(&irq, 16), -ENODEV);
	require(t, irq_connect_isa(&irq, 0) == 0);	/* no table: as it stands */
	expect_eq(t, irq.gsi, 0);
	irq_disconnect(&irq);
	irq_isa_register(overrides);
	require(t, irq_connect_isa(&irq, 0) == 0);
	expect_eq(t, irq.gsi, 2);
	irq_disconnect(&irq);
	require(t, irq_connect_isa(&irq, 9) == 0);
	expect_eq(t, irq.gsi, 20);
	expect_eq(t, pin_of(20)->trigger, IRQ_LEVEL);
	expect_eq(t, pin_of(20)->polarity, IRQ_ACTIVE_LOW);
	irq_disconnect(&irq);
}

static unsigned ends_when_handled;

static bool note_ends(struct irq *irq __unused)
{
	ends_when_handled = fake.ends;
	return true;
}

KTEST(irq_is_ended_once_after_its_handlers)
{
	struct irq a = source(note_ends), b = source(note_ends);
	unsigned before;

	begin(t);
	require(t, irq_connect_line(&a, 7, IRQ_LEVEL, IRQ_ACTIVE_HIGH) == 0);
	require(t, irq_connect_line(&b, 7, IRQ_LEVEL, IRQ_ACTIVE_HIGH) == 0);
	before = fake.ends;
	irq_dispatch(a.vector);
	expect_eq(t, ends_when_handled, before);
	expect_eq(t, fake.ends, before + 1);
	expect_eq(t, a.count + b.count, 2);
	irq_disconnect(&a);
	irq_disconnect(&b);
}

KTEST(irq_of_nobody_is_counted_and_ended)
{
	static const uint8_t vectors[] = { 0x20, 0x26, 0x30, 0x80, 0xef, 0xf0, 0xfe };
	struct irq_stray before;
	unsigned ends;

	begin(t);
	before = irq_stray();
	ends = fake.ends;
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		irq_dispatch(vectors[i]);
		expect_eq(t, irq_stray().unexpected, before.unexpected + i + 1);
		expect_eq(t, irq_stray().last_vector, vectors[i]);
	}
	expect_eq(t, fake.ends, ends + ARRAY_SIZE(vectors));
	expect_eq(t, irq_stray().spurious, before.spurious);
}

KTEST(irq_that_is_spurious_is_ended_only_if_it_was_sent)
{
	static const uint8_t vectors[] = { 0xff, 0x27, 0x2f };
	struct irq_stray before;
	unsigned ends;

	begin(t);
	before = irq_stray();
	ends = fake.ends;
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		irq_dispatch(vectors[i]);
	expect_eq(t, irq_stray().spurious, before.spurious + 3);
	expect_eq(t, irq_stray().unexpected, before.unexpected);
	expect_eq(t, fake.ends, ends);
	fake.in_service = true;
	irq_dispatch(IRQ_VECTOR_SPURIOUS);
	expect_eq(t, fake.ends, ends + 1);
}

static void dispatch_times(const struct irq *irq, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		irq_dispatch(irq->vector);
}

static unsigned told;

static void leave(struct irq *irq)
{
	told++;
	irq_disconnect(irq);
}

KTEST(irq_owners_of_a_line_that_was_masked_are_told)
{
	struct irq a = source(refuse), b = source(refuse), c = source(refuse);

	begin(t);
	told = 0;
	a.stormed = c.stormed = leave;
	require(t, irq_connect_line(&a, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	require(t, irq_connect_line(&b, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	require(t, irq_connect_line(&c, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	dispatch_times(&a, IRQ_STORM);
	expect_eq(t, told, 0);				/* not from the handler */
	print("# the error below is meant\n");
	loop_turn();
	expect_eq(t, told, 2);
	expect(t, !a.vector && !c.vector && b.vector);
	expect(t, pin_of(30)->masked);
	require(t, irq_connect_line(&a, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	expect(t, !pin_of(30)->masked && !b.storming);
	irq_disconnect(&a);
	irq_disconnect(&b);
}

KTEST(irq_level_line_that_nobody_claims_is_masked)
{
	struct irq a = source(refuse), b = source(refuse);
	struct irq_stray before;
	unsigned complaints = log_complaints();

	begin(t);
	before = irq_stray();
	require(t, irq_connect_line(&a, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	require(t, irq_connect_line(&b, 30, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	dispatch_times(&a, IRQ_STORM - 1);
	expect(t, !pin_of(30)->masked && !a.storming && !loop_turn());
	dispatch_times(&a, 1);
	expect(t, pin_of(30)->masked && a.storming && b.storming);
	expect_eq(t, irq_stray().unexpected, before.unexpected + IRQ_STORM);
	expect_eq(t, log_complaints(), complaints);	/* not from the handler */
	print("# the error below is meant\n");
	expect(t, loop_turn());
	expect_eq(t, log_complaints(), complaints + 1);
	expect(t, !loop_turn());
	expect_eq(t, log_complaints(), complaints + 1);
	irq_disconnect(&a);
	irq_disconnect(&b);
}

KTEST(irq_storm_ends_when_somebody_comes_who_claims)
{
	struct irq a = source(refuse), b = source(claim);

	begin(t);
	require(t, irq_connect_line(&a, 31, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	dispatch_times(&a, IRQ_STORM);
	expect(t, pin_of(31)->masked && a.storming);
	require(t, irq_connect_line(&b, 31, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	expect(t, !pin_of(31)->masked && !a.storming && !b.storming);
	dispatch_times(&a, 2 * IRQ_STORM);
	expect(t, !pin_of(31)->masked);
	expect_eq(t, b.count, 2 * IRQ_STORM);
	irq_disconnect(&a);
	irq_disconnect(&b);
}

KTEST(irq_claimed_now_and_then_is_no_storm)
{
	struct irq irq = source(refuse);

	begin(t);
	require(t, irq_connect_line(&irq, 12, IRQ_LEVEL, IRQ_ACTIVE_LOW) == 0);
	dispatch_times(&irq, IRQ_STORM - 1);
	irq.handle = claim;
	dispatch_times(&irq, 1);
	irq.handle = refuse;
	dispatch_times(&irq, IRQ_STORM - 1);
	expect(t, !irq.storming && !pin_of(12)->masked);
	irq_disconnect(&irq);
}

KTEST(irq_that_is_no_level_line_is_neither_unexpected_nor_masked)
{
	struct irq edge = source(refuse), message = source(refuse);
	struct irq_stray before;
	struct irq_message m;

	begin(t);
	before = irq_stray();
	require(t, irq_connect_line(&edge, 13, IRQ_EDGE, IRQ_ACTIVE_HIGH) == 0);
	require(t, irq_connect_message(&message, &m) == 0);
	dispatch_times(&edge, 2 * IRQ_STORM);
	dispatch_times(&message, 2 * IRQ_STORM);
	expect(t, !pin_of(13)->masked && !edge.storming && !message.storming);
	expect(t, !loop_turn());
	expect_eq(t, irq_stray().unexpected, before.unexpected);
	expect_eq(t, edge.count + message.count, 0);
	irq_disconnect(&edge);
	irq_disconnect(&message);
}

static struct irq *proved;

static void fire_in_turn_20(unsigned n)
{
	if (n == 20)
		irq_dispatch(proved->vector);
}

KTEST(irq_proof_is_an_interrupt_that_was_counted)
{
	struct irq irq = source(claim);
	struct irq_message message;

	begin(t);
	proved = &irq;
	require(t, irq_connect_message(&irq, &message) == 0);
	expect_eq(t, irq.proof, IRQ_UNPROVED);
	expect(t, !irq_prove(&irq, irq.count));
	expect_eq(t, irq.proof, IRQ_NOT_SEEN);
	fake.turn = fire_in_turn_20;
	fake.turns = 0;
	expect(t, irq_prove(&irq, irq.count));
	expect_eq(t, irq.proof, IRQ_SEEN);
	expect_eq(t, fake.turns, 21);
	fake.turns = 0;
	expect(t, irq_prove(&irq, 0));		/* seen before it was waited for */
	expect_eq(t, fake.turns, 0);
	irq.handle = refuse;			/* came, but was not this device's */
	expect(t, !irq_prove(&irq, irq.count));
	irq_disconnect(&irq);
}

KTEST(irq_proof_ends_where_the_clock_stands_still)
{
	struct irq irq = source(claim);
	struct irq_message message;

	begin(t);
	host_clock_step = 0;
	require(t, irq_connect_message(&irq, &message) == 0);
	expect(t, !irq_prove(&irq, irq.count));
	expect_eq(t, irq.proof, IRQ_NOT_SEEN);
	irq_disconnect(&irq);
	expect(t, !irq_prove(&irq, irq.count));	/* not connected: not waited for */
}

/* A model: which sources are on which GSI, and how often each was to be called. */
enum { MANY = 64 };

static struct irq many[MANY];
static uint64_t wanted_count[MANY];

static unsigned sharers(uint32_t gsi)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++)
		n += many[i].kind == IRQ_KIND_LINE && many[i].gsi == gsi;
	return n;
}

static void connect_or_disconnect(struct ktest_run *t, struct irq *irq)
{
	struct irq_message message;
	uint32_t gsi = (uint32_t)ktest_random_below(t, 8) * 6;

	if (irq->vector)
		irq_disconnect(irq);
	else if (ktest_random_below(t, 2))
		expect_eq(t, irq_connect_message(irq, &message), 0);
	else
		expect_eq(t, irq_connect_line(irq, gsi, gsi & 4 ? IRQ_LEVEL : IRQ_EDGE,
					      IRQ_ACTIVE_HIGH), 0);
}

static void dispatch_one(struct irq *irq)
{
	for (unsigned i = 0; i < MANY; i++)
		wanted_count[i] += irq->vector && many[i].vector == irq->vector;
	if (irq->vector)
		irq_dispatch(irq->vector);
}

static bool is_consistent(const struct irq *a, const struct irq *b)
{
	bool one_line = a->kind == IRQ_KIND_LINE && b->kind == IRQ_KIND_LINE &&
			a->gsi == b->gsi;

	return !a->vector || !b->vector || (a->vector == b->vector) == one_line;
}

KTEST(irq_random_connections_keep_apart_what_is_apart)
{
	begin(t);
	for (unsigned i = 0; i < MANY; i++) {
		many[i] = source(claim);
		wanted_count[i] = 0;
	}
	for (unsigned n = 0; n < 4000; n++) {
		struct irq *irq = &many[ktest_random_below(t, MANY)];

		connect_or_disconnect(t, irq);
		dispatch_one(&many[ktest_random_below(t, MANY)]);
		for (unsigned i = 0; i < MANY; i++)
			require(t, &many[i] == irq || is_consistent(irq, &many[i]));
		for (uint32_t gsi = 0; gsi < CONTROLLERS * PINS; gsi++)
			require(t, pin_of(gsi)->masked == (sharers(gsi) == 0));
	}
	for (unsigned i = 0; i < MANY; i++) {
		expect_eq(t, many[i].count, wanted_count[i]);
		irq_disconnect(&many[i]);
	}
}
