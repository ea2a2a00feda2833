/* SPDX-License-Identifier: MIT */
/*
 * Sources of random bytes, whatever drives them. What a source delivers is as
 * random as the device behind it says; mixing several is the user's affair.
 *
 *	r->request.done = key_arrived;
 *	r->buf = key;
 *	r->len = sizeof(key);
 *	rc = rng_submit(0, r);
 *
 * kernel/request.h says whose a request is when. Any number may be outstanding,
 * of any length; of one source they end in the order submitted unless they
 * end early. When one has ended with 0, buf[len] is filled; else buf is
 * undefined, and not written any more either way.
 *
 * A source that does not answer in time is stopped: its device is reset, and
 * whatever is outstanding ends with -ETIMEDOUT.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/request.h"

enum { RNG_MAX = 64 };

/* How long a source may take for the request whose turn it is. */
#define RNG_ANSWER_NS	(4 * NS_PER_S)

struct rng;

struct rng_request {
	struct request request;
	/* The owner sets these. */
	void *buf;		/* any memory, stack included: no device sees it */
	size_t len;		/* bytes, not 0 */

	/* The class's and the source's. */
	struct rng *rng;
	struct rng_request *next;
	size_t filled;		/* bytes of buf */
};

/* A source; its driver sets these, and they last for ever. */
struct rng {
	const char *name;	/* a static text */
	/* Takes a request; it ends by request_end(). Returns 0 or an error of rng_submit(). */
	int (*submit)(struct rng *rng, struct rng_request *r);
	/* Gives a request back that has not ended; its buf is not written any more. */
	void (*withdraw)(struct rng *rng, struct rng_request *r);
};

/* Adds a source for good. Returns 0, -ENOSPC. */
int __must_check rng_register(struct rng *rng);

/* For the host's tests: the latest is none any more. */
void rng_forget(void);

unsigned rng_count(void);

/* Name of a source's driver; NULL past the last. */
const char *rng_name(unsigned index);

/*
 * Asks source `index`. Returns 0: done() will be called. Else it will not:
 * -EINVAL (no length or no done()), -EBUSY (this request is outstanding),
 * -ENODEV (no such source, or it was stopped), -EPROTO (it lied just now).
 */
int __must_check rng_submit(unsigned index, struct rng_request *r);

/*
 * Ends a request with -ECANCELED. False if it is not outstanding or about to
 * end. Either way buf is not written after this returns.
 */
bool rng_cancel(struct rng_request *r);

/*
 * Fills buf[len] from source `index`, running the loop until it is there. `buf`
 * may be any memory. On an error the contents of `buf` are undefined.
 * Returns 0, -ENODEV (no such source, or it was stopped earlier),
 * -ETIMEDOUT (no answer: it is stopped; or too many came first), -EPROTO (it
 * lied: it is stopped), -EBUSY (such calls within each other, too many).
 */
int __must_check rng_read(unsigned index, void *buf, size_t len);

/* Prints a line for each source with a few of its bytes, as a proof that it answers. */
void rng_report(void);
