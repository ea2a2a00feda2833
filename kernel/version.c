// SPDX-License-Identifier: MIT
#include "kernel/version.h"

#include "generated/version.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"

const char version_kernel[] = CAIRN_VERSION;
const char version_config[] = CAIRN_CONFIG_NAME;
const char version_compiler[] = CAIRN_COMPILER;

static int version_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	print("Cairn %s, configuration %s, %s\n", version_kernel, version_config,
	      version_compiler);
	return 0;
}

SHELL_COMMAND(version, "", "what this image is", version_run);
