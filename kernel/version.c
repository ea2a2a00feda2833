// SPDX-License-Identifier: MIT
#include "kernel/version.h"

#include "arch/x86/image.h"
#include "generated/config_text.h"
#include "generated/version.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/shell.h"

const char version_kernel[] = CAIRN_VERSION;
const char version_config[] = CAIRN_CONFIG_NAME;
const char version_origin[] = CAIRN_CONFIG_ORIGIN;
const char version_compiler[] = CAIRN_COMPILER;
const char version_commit[] = CAIRN_COMMIT;

/* A note (System V ABI, gABI 5 "Note Section") with a name of up to eight bytes. */
struct note {
	uint32_t name_size, text_size, type;
	char name[8];
	char text[];
};

enum {
	NOTE_CAIRN = 1,			/* text: what the image is and was made from */
	NOTE_GNU_BUILD_ID = 3,
	BUILD_ID_LEN = 20,
};

#define NOTE_HEAD \
	"version: " CAIRN_VERSION "\n" \
	"commit: " CAIRN_COMMIT "\n" \
	"compiler: " CAIRN_COMPILER "\n" \
	"configuration: " CAIRN_CONFIG_NAME "\n" \
	"\n"

static const struct {
	uint32_t name_size, text_size, type;
	char name[8];
	char text[sizeof(NOTE_HEAD CAIRN_CONFIG_TEXT)];
} config_note __attribute__((section(".note.Cairn"), used, aligned(4))) = {
	sizeof("Cairn"), sizeof(config_note.text), NOTE_CAIRN, "Cairn",
	NOTE_HEAD CAIRN_CONFIG_TEXT,
};

const char *version_configuration(void)
{
	return config_note.text + sizeof(NOTE_HEAD) - 1;
}

void version_build_id(char out[BUILD_ID_TEXT])
{
	const struct note *n = (const struct note *)(const void *)build_id_note;
	/* The name is of four bytes: the text begins inside ours. */
	const uint8_t *id = (const uint8_t *)n->name + sizeof("GNU");

	if (n->type != NOTE_GNU_BUILD_ID || n->name_size != sizeof("GNU") ||
	    n->text_size != BUILD_ID_LEN) {
		format(out, BUILD_ID_TEXT, "none");
		return;
	}
	for (unsigned i = 0; i < BUILD_ID_LEN; i++)
		format(out + 2 * i, 3, "%02x", id[i]);
}

static int config_run(int argc, char **argv __unused)
{
	if (argc != 1)
		return -EINVAL;
	print("# Cairn %s, %s, commit %s\n%s", version_kernel, version_compiler, version_commit,
	      version_configuration());
	return 0;
}

SHELL_COMMAND(config, "", "what this image was configured with, and from what", config_run);

static int version_run(int argc, char **argv __unused)
{
	char id[BUILD_ID_TEXT];

	if (argc != 1)
		return -EINVAL;
	version_build_id(id);
	print("Cairn %s, configuration %s, %s\n", version_kernel, version_config,
	      version_compiler);
	print("commit %s, build id %s\n", version_commit, id);
	return 0;
}

SHELL_COMMAND(version, "", "what this image is", version_run);
