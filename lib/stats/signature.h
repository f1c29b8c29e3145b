/*
 * signature: what makes two JS errors, or two URLs, the same.
 */
#ifndef SESSP_SIGNATURE_H
#define SESSP_SIGNATURE_H

#include "sess/buf.h"
#include "sess/event.h"

/*
 * Append a message with its variable parts folded to `*`: UUIDs, hex and random
 * ids, numbers, times, addresses, e-mail, the numbers of URLs, what is behind data: and blob:, the
 * hash in a file name (app.3f9a2c1b.js).  URLs lose query and fragment and keep
 * their host.  White space runs are one space, none is at the ends.  Words of the message stay,
 * quoted ones too; names keep digits up to three in a row (e2, i18n).  So does a
 * number that names the error: up to five digits behind "status code", "code:",
 * "errno", "HTTP" or "error #".  At most 512 bytes, cut between characters.
 * 0 or -1 (memory).  Takes time linear in len.
 */
int sessp_fold_message(struct sess_buf *out, const char *p, size_t len);

/*
 * Append the top frame of a stack that is the application's own, as "function
 * file": the first whose script is neither an extension's, native, anonymous, eval'd nor
 * of a known SDK's own wrapper; of the page's own host (host of page_url) where there is
 * one, but not a script inside of the page itself.  function is the last part of its name, which all
 * browsers agree on, and left out where it has none.  file is host (only where it's not
 * the page's) and path folded as in a message, no line or column:
 * they change with each release.  A stack as of Chrome, Firefox, Safari, or old
 * Edge.  Where there is no such frame script (the event's file) is used, if there
 * is one.  0 or -1.
 */
int sessp_fold_frame(struct sess_buf *out, struct sess_slice stack, struct sess_slice script,
    struct sess_slice page_url);

/* Append a URL without query and fragment, folded as in a message.  0 or -1. */
int sessp_fold_url(struct sess_buf *out, const char *p, size_t len);

#endif
