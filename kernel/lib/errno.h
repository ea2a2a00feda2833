/* SPDX-License-Identifier: MIT */
/*
 * Error numbers. Functions return 0 or one of these negated; results go
 * through a last out-parameter. On the host the C library's own are used.
 */
#pragma once

#if __STDC_HOSTED__
#include <errno.h>
#else
enum {
	ENOENT = 2,	/* no such thing */
	EINTR = 4,	/* the user stopped it */
	EIO = 5,	/* the device reported an error */
	EAGAIN = 11,	/* not now; later */
	ENOMEM = 12,	/* out of memory */
	EFAULT = 14,	/* address not permitted for this use */
	EBUSY = 16,	/* in use */
	EEXIST = 17,	/* already there */
	ENODEV = 19,	/* no device answers */
	EINVAL = 22,	/* argument out of its documented range */
	ENOSPC = 28,	/* fixed-size table full */
	EROFS = 30,	/* read-only */
	ERANGE = 34,	/* number too large */
	EPROTO = 71,	/* the device or loader broke its protocol */
	EOVERFLOW = 75,	/* value does not fit */
	EMSGSIZE = 90,	/* message too long */
	ENOTSUP = 95,	/* not supported */
	ETIMEDOUT = 110,	/* no answer within the bound */
	ECANCELED = 125,	/* cancelled by its owner */
};
#endif

/* The name of an error ("ENOMEM" for -ENOMEM or ENOMEM), for messages. */
const char *errno_name(int error);
