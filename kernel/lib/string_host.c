// SPDX-License-Identifier: MIT
/* string.c for the host's unit tests, under the names of string_test.h. */
#include "kernel/lib/string_test.h"
#include "kernel/lib/string.c"
