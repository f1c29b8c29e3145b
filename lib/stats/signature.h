/*
 * signature: what makes two JS errors, or two URLs, the same.
 */
#ifndef SESSP_SIGNATURE_H
#define SESSP_SIGNATURE_H

#include "sess/buf.h"
#include "sess/event.h"

/*
 * Append a message with its variable parts folded to `*`: UUIDs, hex ids,
 * numbers, times, addresses, e-mail, the query, fragment and numbers of URLs, data: and blob: URLs
 * (their scheme stays), the hash in a file name (app.3f9a2c1b.js).  White space runs are one
 * space.  Words of the message stay, quoted ones too.  At most 512 bytes, cut
 * between characters.  0 or -1 (memory).
 */
int sessp_fold_message(struct sess_buf *out, const char *p, size_t len);

/*
 * Append the top frame of a stack that is the application's own, as "function
 * file": the first whose script is neither an extension's, native, anonymous, eval'd nor
 * of a known SDK's own wrapper; of the page's own host (host of page_url) where there is
 * one.  file is host (only where it's not the page's) and path folded as in a message, no line or column:
 * they change with each release.  A stack as of Chrome, Firefox, Safari, or old
 * Edge.  Nothing where there is no frame: then script (the event's file) is used, if there is one.
 */
int sessp_fold_frame(struct sess_buf *out, struct sess_slice stack, struct sess_slice script,
    struct sess_slice page_url);

/* Append a URL without query and fragment, folded as in a message. */
int sessp_fold_url(struct sess_buf *out, const char *p, size_t len);

#endif
