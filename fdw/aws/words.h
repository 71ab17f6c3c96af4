/*
 * words: a text cut into words as a shell would, but without a shell: botocore does so with Python's shlex.split.
 */
#ifndef DYNAMODB_ES_WORDS_H
#define DYNAMODB_ES_WORDS_H

#include <stddef.h>

#define WORDS_BROKEN ((size_t) -1)

/*
 * Cuts `text` in place: blanks end a word, '…' and "…" keep them, and a backslash keeps what follows it; $, * and ; are
 * characters like any other. The first `room` words go to *words. Returns how many there are (one for two characters at
 * most, and one more); WORDS_BROKEN where a quote is not closed or nothing follows a backslash.
 */
extern size_t words_split(char *text, char **words, size_t room);

#endif
