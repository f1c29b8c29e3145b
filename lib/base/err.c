#include "sess/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum sess_status
sess_err_set(struct sess_err *err, enum sess_status code, uint64_t line,
    const char *fmt, ...)
{
	va_list ap;

	if (err == NULL || err->code != SESS_OK)
		return code;
	err->code = code;
	err->sys = 0;
	err->line = line;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

enum sess_status
sess_err_sys(struct sess_err *err, int errno_value, const char *what)
{
	char text[96];
	const char *reason;

	if (err == NULL || err->code != SESS_OK)
		return SESS_ESYS;
	/* GNU strerror_r: may or may not use the buffer */
	reason = strerror_r(errno_value, text, sizeof(text));
	if (what != NULL)
		(void)sess_err_set(err, SESS_ESYS, 0, "%s: %s", what, reason);
	else
		(void)sess_err_set(err, SESS_ESYS, 0, "%s", reason);
	err->sys = errno_value;
	return SESS_ESYS;
}

enum sess_status
sess_err_nomem(struct sess_err *err)
{
	return sess_err_set(err, SESS_ENOMEM, 0, "out of memory");
}
