/*
 * encoding: text between the server's encoding and DynamoDB's, which is UTF-8.
 *
 * Between some encodings a conversion loses: in EUC_JP two codes stand for one character, and two characters of UTF-8 get
 * one code. A text that would not come back as it was is refused, or two aggregates could look like one.
 */
#ifndef DYNAMODB_ES_ENCODING_H
#define DYNAMODB_ES_ENCODING_H

#include "postgres.h"

/*
 * The text in the other encoding, NUL-terminated, in the current memory context; it may be `text` itself, which must be
 * NUL-terminated, too. Raises 22P05 for a character that the other encoding lacks or does not give back, 22021 for bytes
 * that are no text.
 */
extern char *encoding_to_utf8(const char *text, size_t length);
extern char *encoding_from_utf8(const char *text, size_t length);

/*
 * Likewise from UTF-8, but what cannot be converted, or would not come back, becomes U+FFFD, a question mark where the
 * server's encoding lacks that; *lost tells whether there was any.
 */
extern char *encoding_replace(const char *text, bool *lost);

/*
 * Text from DynamoDB as a message shows it, in the server's encoding: at most `max_bytes` of it, a question mark for
 * what cannot be shown, and \uXXXX for what would steer a terminal or break lines. Every text of an answer or of stored
 * data that goes into a message goes through here, or, where it is in the server's encoding already, through
 * encoding_escape. Never raises an error for it. In the current memory context.
 */
extern char *encoding_for_message(const char *text, size_t length, size_t max_bytes);

/* Likewise a text in the server's encoding, all of it. */
extern char *encoding_escape(const char *text);

#endif
