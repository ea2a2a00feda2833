// SPDX-License-Identifier: MIT
/*
 * The commands `reboot` and `poweroff`. Reboot tries one way after the other,
 * the one that leaves most to firmware first: the register that firmware names,
 * the keyboard controller, a triple fault. Each is said before it is tried, as
 * nothing can be said after it.
 */
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/power.h"
#include "kernel/shell.h"
#include "kernel/wait.h"

/* A machine that takes longer to go down has not understood. */
enum { PATIENCE_NS = 500 * 1000 * 1000 };

int power_wait(void)
{
	struct wait w;

	wait_begin_ns(&w, PATIENCE_NS);
	while (wait_turn(&w))
		;
	wait_end(&w);
	return -ETIMEDOUT;
}

static void announce(const char *way)
{
	print("reboot: by %s\n", way);
	console_flush();
}

/* What came of a way that did not do it. */
static void tell(const char *command, int result, const char *nothing)
{
	if (result == -ENOENT)
		print("%s: %s\n", command, nothing);
	else
		print("%s: the machine goes on (%s)\n", command, errno_name(result));
}

static void restart_by_firmware(void)
{
	static const char nothing[] = "firmware names no reset register";
	const struct power_way *const *way;
	int result = -ENOENT;

	table_for_each(power_ways, way) {
		announce((*way)->restart_name);
		result = (*way)->restart();
	}
	tell("reboot", result, nothing);
}

static void restart_by_keyboard(void)
{
	announce("the keyboard controller");
	tell("reboot", machine_restart_by_keyboard() ? power_wait() : -ENOENT,
	     "no keyboard controller answers");
}

static void restart_by_fault(void)
{
	announce("a triple fault");
	machine_restart();
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "register", restart_by_firmware },
	{ "keyboard", restart_by_keyboard },
	{ "fault", restart_by_fault },
};

static int reboot_run(int argc, char **argv)
{
	bool known = argc == 1;

	if (argc > 2)
		return -EINVAL;
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(ways); i++)
		known = known || strcmp(argv[1], ways[i].name) == 0;
	if (!known)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (argc == 1 || strcmp(argv[1], ways[i].name) == 0)
			ways[i].run();
	}
	return -EIO;
}

static int poweroff_run(int argc, char **argv __unused)
{
	const struct power_way *const *way;
	int result = -ENOENT;

	if (argc != 1)
		return -EINVAL;
	console_flush();
	table_for_each(power_ways, way)
		result = (*way)->off();
	tell("poweroff", result, "firmware does not tell how (no FADT, or no \\_S5)");
	return -EIO;
}

SHELL_COMMAND(reboot, "[register|keyboard|fault]", "start the machine again", reboot_run);
SHELL_COMMAND(poweroff, "", "turn the machine off", poweroff_run);
