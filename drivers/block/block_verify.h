/* SPDX-License-Identifier: MIT */
/* `blk N verify`: whether a disk can be read, all of it. */
#pragma once

struct block_device;

/* A verb of the command `blk`: `args` are first sector and number of sectors, as far as given. */
int block_verify_run(struct block_device *b, int count, char **args);
