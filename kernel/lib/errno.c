// SPDX-License-Identifier: MIT
/* The names of the errors. */
#include "kernel/lib/errno.h"

#define NAME(e)	case e: return #e

const char *errno_name(int error)
{
	switch (error < 0 ? -(unsigned)error : (unsigned)error) {
	case 0: return "success";
	NAME(ENOENT);
	NAME(EINTR);
	NAME(EIO);
	NAME(EAGAIN);
	NAME(ENOMEM);
	NAME(EFAULT);
	NAME(EBUSY);
	NAME(EEXIST);
	NAME(ENODEV);
	NAME(EINVAL);
	NAME(ENOSPC);
	NAME(EROFS);
	NAME(ERANGE);
	NAME(EPROTO);
	NAME(EOVERFLOW);
	NAME(EMSGSIZE);
	NAME(ENOTSUP);
	NAME(ETIMEDOUT);
	NAME(ECANCELED);
	default: return "unknown error";
	}
}
