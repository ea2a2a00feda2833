/* SPDX-License-Identifier: MIT */
/*
 * Where a call was made, as a text: "drivers/block/blk.c:120". A function that
 * wants to know is declared with a last CALLER_PARAMETER and hidden behind a
 * macro of the same name; see mm/kmalloc.h. Without CONFIG_HEAP_CALLERS
 * nothing is left of it, neither the argument nor the texts.
 */
#pragma once

#define CALLER_TEXT_(line)	#line
#define CALLER_TEXT(line)	CALLER_TEXT_(line)

#ifdef CONFIG_HEAP_CALLERS
#define CALLER_PARAMETER	, const char *caller __unused
#define CALLER_HERE		, __FILE__ ":" CALLER_TEXT(__LINE__)
/* Within such a function: its caller; NULL where that is not known. */
#define CALLER			caller
/* Within such a function: hands its caller on to another one. */
#define CALLER_PASS		, caller
#else
#define CALLER_PARAMETER
#define CALLER_HERE
#define CALLER			NULL
#define CALLER_PASS
#endif
