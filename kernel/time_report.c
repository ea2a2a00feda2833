// SPDX-License-Identifier: MIT
/* What is said of the clocks: two lines at boot, the same as JSON. */
#include "kernel/clock.h"
#include "kernel/json.h"
#include "kernel/log.h"
#include "kernel/time.h"

static const char *proof_name(enum irq_proof proof)
{
	static const char *const names[] = {
		[IRQ_UNPROVED] = "unproved",
		[IRQ_SEEN] = "seen",
		[IRQ_NOT_SEEN] = "not seen",
	};

	return names[proof];
}

static void print_source(const struct clock_source *c)
{
	print("clocks  %s", c->name);
	if (c->hz)
		print(" %llu Hz", (unsigned long long)c->hz);
	if (c->note)
		print(" (%s)", c->note);
	if (c->hz)
		print(", %s", c->from);
	else
		print("; time: ticks, frequency unknown; timers take them for 1 GHz");
}

/* How the others differ from what is believed, on the same line. */
static void print_deviations(void)
{
	const char *before = "; beside it ";

	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		if (!c->compared || c->believed || c->problem)
			continue;
		print("%s%s %+lld ppm", before, c->name, (long long)c->deviation);
		before = ", ";
	}
	print("\n");
}

static void print_problems(void)
{
	for (struct clock_source *c = clock_source_first(); c; c = c->next) {
		if (c->problem)
			print("        %s is not used: %s\n", c->name, c->problem);
	}
	for (struct event_timer *e = event_timer_first(); e; e = e->next) {
		if (e->problem)
			print("        %s is not used: %s\n", e->name, e->problem);
	}
}

void time_report(void)
{
	const struct clock_source *c = clock_source_current();
	const struct event_timer *e = event_timer_current();

	if (!c)
		return;
	print_source(c);
	print_deviations();
	if (e)
		print("        event timer: %s, interrupt %s\n", e->name,
		      proof_name(e->irq.proof));
	else
		print("        no event timer: the loop never halts for a timer\n");
	print_problems();
}

static void hz_json(struct json *j, uint64_t hz)
{
	if (hz)
		json_number(j, "hz", hz);
	else
		json_null(j, "hz");
}

static void found_json(struct json *j, const struct clock_source *c)
{
	int64_t apart = c->deviation < 0 ? -c->deviation : c->deviation;

	json_object(j, NULL);
	json_string(j, "name", c->name);
	hz_json(j, c->hz);
	json_string(j, "from", c->hz ? c->from : "nobody");
	if (c->compared)
		json_number(j, "deviation_ppm", (uint64_t)apart);
	else
		json_null(j, "deviation_ppm");
	json_string(j, "problem", c->problem);
	json_end(j);
}

static void event_json(struct json *j)
{
	const struct event_timer *e = event_timer_current();

	if (!e) {
		json_null(j, "event");
		return;
	}
	json_object(j, "event");
	json_string(j, "name", e->name);
	json_string(j, "proof", proof_name(e->irq.proof));
	json_end(j);
}

void time_report_json(struct json *j)
{
	const struct clock_source *c = clock_source_current();

	json_object(j, NULL);
	json_bool(j, "known", time_is_known());
	json_object(j, "source");
	json_string(j, "name", c ? c->name : "TSC");
	hz_json(j, c ? c->hz : 0);
	json_end(j);
	event_json(j);
	json_array(j, "found");
	for (c = clock_source_first(); c; c = c->next)
		found_json(j, c);
	json_end(j);
	json_end(j);
}
