/*
 * header: what the header lines of an answer say, as far as anybody asks.
 */
#ifndef DYNAMODB_ES_HEADER_H
#define DYNAMODB_ES_HEADER_H

#include "aws/message.h"

/*
 * Reads one line, with its end. A status line begins the answer anew: the lines before it came from a proxy, or belonged to a
 * provisional answer.
 */
extern void header_read(HttpAnswer *answer, const char *line, size_t length);

/* What a Date header says, ms since the epoch; -1 for what is no date, or one that no server's clock shows. */
extern int64_t header_date_ms(const char *text);

#endif
