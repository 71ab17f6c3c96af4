/*
 * answer: what DynamoDB says to a request other than a Query or Scan of commits, and its errors, as nodes (nodes.h).
 */
#ifndef DYNAMODB_ES_ANSWER_H
#define DYNAMODB_ES_ANSWER_H

#include <cjson/cJSON.h>
#include <stddef.h>

typedef struct Answer Answer;

/*
 * Parses a document, taking `text` over (malloc'ed, with a NUL after its `length` bytes), also where it fails. NULL for
 * what is not JSON, or is made of smaller pieces than any answer of DynamoDB's; or when memory ran out, which errno tells
 * then. The result is the caller's. It takes up to eight times its bytes of memory, and a MB more.
 */
extern Answer *answer_parse(char *text, size_t length);

/*
 * The document; NULL for NULL. Its nodes belong to the answer: they and their links are only to be read, but a text may
 * be written over by one that is no longer.
 */
extern cJSON *answer_root(const Answer *answer);

/* NULL is allowed. */
extern void answer_free(Answer *answer);

#endif
