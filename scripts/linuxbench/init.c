/* SPDX-License-Identifier: MIT */
/*
 * Sets up the guest, measures, and leaves through isa-debug-exit: 0x10 if all
 * could be measured.
 *
 * Under `-icount shift=0` a tick is an instruction, or a nanosecond in which
 * nothing ran. The kernel keeps count of the latter by itself: idle_sleeptime
 * in /proc/timer_list, in nanoseconds, which under -icount are ticks.
 */
#include "scripts/linuxbench/linuxbench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	MODULE_ROUNDS = 8,
	EXIT_PORT = 0xf4,
	EXIT_PASS = 0x10,
	EXIT_FAIL = 0x11,
};

void figure(const char *name, const char *what, uint64_t value, const char *unit)
{
	printf("bench %s.%s %llu %s\n", name, what, (unsigned long long)value, unit);
	fflush(stdout);
}

int give_up(const char *what)
{
	printf("not measured: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	return -1;
}

void put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, word, strlen(word)) < 0)
		printf("%s: %s\n", path, strerror(errno));
	close(fd);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t idle_ns(void)
{
	static char line[256];
	unsigned long long ns = 0;
	FILE *f = fopen("/proc/timer_list", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " .idle_sleeptime : %llu", &ns) == 1)
			break;
	if (f)
		fclose(f);
	return ns;
}

/* Of the virtio devices' lines, on all processors: there is one. */
static uint64_t virtio_interrupts(void)
{
	static char line[512];
	unsigned long long count, all = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "virtio") && sscanf(line, " %*[^:]: %llu", &count) == 1)
			all += count;
	if (f)
		fclose(f);
	return all;
}

void span_begin(struct span *s)
{
	s->interrupts = virtio_interrupts();
	s->ticks = idle_ns();
	s->ns = now();
}

void span_end(struct span *s)
{
	s->ns = now() - s->ns;
	s->ticks = s->ns - (idle_ns() - s->ticks);
	s->interrupts = virtio_interrupts() - s->interrupts;
}

void span_print(const struct span *s, const char *name, uint64_t requests, const char *what)
{
	char unit[32];

	snprintf(unit, sizeof(unit), "%s_per_second", what);
	figure(name, "total", s->ticks * 1000 / requests, "ticks_per_1000");
	figure(name, "interrupts", s->interrupts * 1000 / requests, "interrupts_per_1000");
	figure(name, "rate", requests * 1000000 / (s->ns / 1000), unit);
}

static int module_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -1;
	rc = (int)syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return rc;
}

/* In any order: those that need others are tried again. */
static void modules_load(void)
{
	char path[300];

	for (unsigned round = 0; round < MODULE_ROUNDS; round++) {
		DIR *d = opendir("/modules");
		struct dirent *e;

		while (d && (e = readdir(d))) {
			snprintf(path, sizeof(path), "/modules/%s", e->d_name);
			if (e->d_name[0] != '.' && module_load(path) && errno != EEXIST &&
			    round == MODULE_ROUNDS - 1)
				printf("%s: %s\n", path, strerror(errno));
		}
		if (d)
			closedir(d);
	}
}

static void mounts_make(void)
{
	static const char *const mounts[][2] = {
		{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i][1], 0755);
		if (mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL))
			printf("%s: %s\n", mounts[i][1], strerror(errno));
	}
}

/* Measures what the command line names: bench=blk,net,rng. */
static int measure(void)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} parts[] = { { "blk", blk_measure }, { "net", net_measure }, { "rng", rng_measure } };
	const char *wanted = getenv("bench");
	int failed = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		if (!wanted || strstr(wanted, parts[i].name))
			failed |= parts[i].run();
	return failed;
}

int main(void)
{
	int failed;

	mounts_make();
	modules_load();
	put("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	usleep(200 * 1000);		/* devices settle: queues, names, the entropy thread */
	failed = measure();
	printf("done: %s\n", failed ? "something could not be measured" : "all measured");
	fflush(stdout);
	usleep(20 * 1000);
	if (ioperm(EXIT_PORT, 4, 1) == 0)
		outl(failed ? EXIT_FAIL : EXIT_PASS, EXIT_PORT);
	return 1;			/* a panic */
}
