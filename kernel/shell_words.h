/* SPDX-License-Identifier: MIT */
/* The words of a line: splitting it, finding its command, completing one. */
#pragma once

#include "kernel/complete.h"
#include "kernel/shell.h"

enum { SHELL_ARGS_MAX = 16 };

/* Splits at blanks, in place. Returns the number of words, at most SHELL_ARGS_MAX + 1. */
int shell_split(char *line, char **argv);

/* The command of this name, or NULL. */
const struct shell_command *shell_find(const char *name);

/*
 * Offers to `c` what may stand at line[at]. c->word and c->len are set to what
 * is typed of it, in `buf` of EDIT_LINE_MAX bytes.
 */
void shell_complete(const char *line, size_t at, char *buf, struct completion *c);

/* Prints how the command is used. */
void shell_usage(const struct shell_command *c);

/* Offers the names of all commands. */
void shell_offer_commands(struct completion *c);
