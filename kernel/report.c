// SPDX-License-Identifier: MIT
/* What this image is, how it was entered, and what boot cost. */
#include "kernel/report.h"

#include <asm/cpu.h>

#include "arch/x86/boot/boot.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"
#include "kernel/json.h"
#include "kernel/lib/scale.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/phase.h"
#include "kernel/time.h"
#include "kernel/version.h"
#include "kernel/wait.h"

unsigned report_wanted = REPORT_SHORT;

static int parse_wanted(const char *value)
{
	return report_parse(value, &report_wanted);
}

CMDLINE_PARAM(report, "report", parse_wanted);

/* A preset of ours alone is known by the configuration's name. */
static bool origin_is_news(void)
{
	return strchr(version_origin, ' ') || strchr(version_origin, '@');
}

void report_boot(void)
{
	print("Cairn %s, configuration %s, %s\n", version_kernel, version_config,
	      version_compiler);
	if (origin_is_news())
		print("        made from %.200s\n", version_origin);
	print("boot    %s, loader %s, image at %#llx\n", boot_info.protocol, boot_info.loader,
	      (unsigned long long)boot_handover()->base);
	if (boot_info.cmdline[0])
		print("        command line: %.200s\n", boot_info.cmdline);
}

/* In loops that wait for devices, and in halts of boot until one had interrupted. */
static uint64_t ticks_waited(void)
{
	uint64_t ticks = wait_total();
	const struct phase_record *p;

	for (size_t i = 0; (p = phase_record(i)); i++)
		ticks += p->halted;
	return ticks;
}

static void print_since_entry(uint64_t ticks, uint64_t waited)
{
	uint64_t hz = time_tsc_hz();

	if (!hz) {
		print("time    since entry %llu ticks of the time-stamp counter "
		      "(frequency unknown), %llu of them waiting for devices\n",
		      (unsigned long long)ticks, (unsigned long long)waited);
		return;
	}
	ticks = scale(ticks, scale_make(NS_PER_S, hz)) / NS_PER_US;
	waited = scale(waited, scale_make(NS_PER_S, hz)) / NS_PER_US;
	print("time    since entry %llu.%03llu ms, %llu.%03llu of them waiting for devices\n",
	      (unsigned long long)ticks / 1000, (unsigned long long)ticks % 1000,
	      (unsigned long long)waited / 1000, (unsigned long long)waited % 1000);
}

void report_time(void)
{
	enum { A_LINE = 5 };
	uint64_t accounted = 0;
	const struct phase_record *p;
	unsigned printed = 0;

	print_since_entry(cycles() - boot_handover()->tsc, ticks_waited());
	for (size_t i = 0; (p = phase_record(i)); i++) {
		accounted += p->ticks;
		if (!p->name)
			continue;
		print("%s%s %llu,", printed % A_LINE ? " " : printed ? "\n        " : "phases  ",
		      p->name, (unsigned long long)p->ticks);
		printed++;
	}
	print(" not accounted for %llu\n", (unsigned long long)(phase_total() - accounted));
}

void report_kernel_json(struct json *j)
{
	char id[BUILD_ID_TEXT];

	version_build_id(id);
	json_object(j, NULL);
	json_string(j, "version", version_kernel);
	json_string(j, "configuration", version_config);
	json_string(j, "made_from", version_origin);
	json_string(j, "compiler", version_compiler);
	json_string(j, "commit", version_commit);
	json_string(j, "build_id", id);
	json_end(j);
}

void report_boot_json(struct json *j)
{
	json_object(j, NULL);
	json_string(j, "protocol", boot_info.protocol);
	json_string(j, "loader", boot_info.loader);
	json_hex(j, "image", boot_handover()->base);
	json_string(j, "command_line", boot_info.cmdline);
	json_end(j);
}

void report_phases_json(struct json *j)
{
	const struct phase_record *p;

	json_array(j, NULL);
	for (size_t i = 0; (p = phase_record(i)); i++) {
		if (!p->name)
			continue;
		json_object(j, NULL);
		json_string(j, "name", p->name);
		json_number(j, "ticks", p->ticks);
		json_number(j, "waited", p->waited);
		json_end(j);
	}
	json_end(j);
}
