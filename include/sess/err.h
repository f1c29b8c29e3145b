/*
 * err: what a call of libsess says when it cannot do what was asked.
 *
 *	struct sess_err err = { 0 };
 *
 *	if (sess_stream_open(&s, &opts, &err) < 0)
 *		fprintf(stderr, "%s: %s\n", path, err.text);
 *
 * The caller owns the struct; it holds no memory of its own and may be NULL
 * wherever a call takes one.  The first error wins: a struct that already
 * holds one is not overwritten, so that clean-up cannot hide the cause.
 */
#ifndef SESS_ERR_H
#define SESS_ERR_H

#include <stdint.h>

/* 0 is success, above 0 an ordinary outcome, below 0 an error. */
enum sess_status {
	SESS_END = 1,		/* nothing more to come */
	SESS_OK = 0,
	SESS_ENOMEM = -1,	/* out of memory */
	SESS_ESYS = -2,		/* a system call failed: see sys */
	SESS_EFORMAT = -3,	/* the input is not what it should be */
	SESS_ELIMIT = -4	/* a stated limit was hit */
};

struct sess_err {
	enum sess_status code;
	int sys;		/* errno, or 0 */
	uint64_t line;		/* 1-based line of the input, or 0 */
	char text[160];		/* "bad timestamp": no capital, stop or newline */
};

/* Record code, line and a formatted text in err, unless it holds an error
 * already, and return code.  err may be NULL. */
enum sess_status sess_err_set(struct sess_err *err, enum sess_status code,
    uint64_t line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a failed system call: code SESS_ESYS, the text of errno_value,
 * after "what: " when what is not NULL. */
enum sess_status sess_err_sys(struct sess_err *err, int errno_value,
    const char *what);

/* The same for memory that could not be had. */
enum sess_status sess_err_nomem(struct sess_err *err);

#endif
