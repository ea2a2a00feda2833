/* SPDX-License-Identifier: MIT */
/* What this image is; the values come from the build. */
#pragma once

extern const char version_kernel[];	/* "0.1.0" */
extern const char version_config[];	/* CONFIG_NAME, with -modified where it differs */
extern const char version_compiler[];	/* "gcc 12.2.0" */
