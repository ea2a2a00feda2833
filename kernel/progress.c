// SPDX-License-Identifier: MIT
#include "kernel/progress.h"

#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum { LINE = 128, REDRAW_NS = 200 * 1000 * 1000 };

static bool only_lines;

static int progress_parse(const char *value)
{
	only_lines = strcmp(value, "lines") == 0;
	return only_lines || strcmp(value, "bar") == 0 ? 0 : -EINVAL;
}

CMDLINE_PARAM(progress, "progress", progress_parse);

static bool has_terminal(void)
{
	return !only_lines && console_echo_terminals("", 0);
}

static void draw(struct progress *p)
{
	char line[LINE];
	int len;

	line[0] = '\r';
	progress_format(line + 1, sizeof(line) - 4, p, true);
	len = (int)strlen(line);
	memcpy(line + len, "\033[K", 3);
	console_echo_terminals(line, (size_t)len + 3);
}

static void print_quarter(struct progress *p)
{
	unsigned quarter = progress_percent(p) / 25;
	char line[LINE];

	if (quarter <= p->quarter)
		return;
	p->quarter = quarter;
	progress_format(line, sizeof(line), p, false);
	print("%s\n", line);
}

void progress_begin(struct progress *p, const char *what, uint64_t total,
		    enum progress_unit unit)
{
	*p = (struct progress){ .what = what, .unit = unit, .total = total };
	p->began = time_now();
	p->shown = p->began;
}

void progress_at(struct progress *p, uint64_t done)
{
	uint64_t now = time_now();

	p->done = done;
	p->elapsed = time_is_known() ? now - p->began : 0;
	if (!has_terminal()) {
		print_quarter(p);
	} else if (now - p->shown >= REDRAW_NS) {
		p->shown = now;
		draw(p);
	}
}

void progress_end(struct progress *p)
{
	if (p->shown != p->began)
		console_echo_terminals("\r\033[K", 4);
}
