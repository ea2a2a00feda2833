/* SPDX-License-Identifier: MIT */
/* What this image is; the values come from the build. */
#pragma once

extern const char version_kernel[];	/* "0.1.0" */
extern const char version_config[];	/* CONFIG_NAME, with -modified where it differs */
/* The preset and fragments it was made from; foreign ones with a hash of their content. */
extern const char version_origin[];
extern const char version_compiler[];	/* "gcc 12.2.0" */
/* 40 digits, "-dirty" behind them if the tree had changes; "unknown". */
extern const char version_commit[];

/*
 * What this image was made from, a line each, ended by \n: `# origin:` and the
 * preset and fragments, then the least configuration. It is in the image's
 * note too (scripts/extract-config).
 */
const char *version_configuration(void);

enum { BUILD_ID_TEXT = 41 };

/* The linker's build id in hexadecimal digits, NUL included; "none" where there is none. */
void version_build_id(char out[BUILD_ID_TEXT]);
