/* SPDX-License-Identifier: MIT */
/*
 * On the host, names of their own for the functions of string.c, so that they
 * are tested there and not the C library's. Include it before string.h.
 */
#pragma once

#include "kernel/lib/types.h"

#ifdef CAIRN_HOSTED
#define memcpy cairn_memcpy
#define memmove cairn_memmove
#define memset cairn_memset
#define memcmp cairn_memcmp
#define strlen cairn_strlen
#define strnlen cairn_strnlen
#define strcmp cairn_strcmp
#define strncmp cairn_strncmp
#define strchr cairn_strchr
#endif
