/*
 * versions: which libraries this one runs with.
 */
#ifndef DYNAMODB_ES_VERSIONS_H
#define DYNAMODB_ES_VERSIONS_H

#include "base/buffer.h"

/* "libcurl 7.88.1, OpenSSL 3.0.17, cJSON 1.7.15, zlib 1.2.13": those that are loaded, which need not be those it was built with. */
extern void versions_write(ByteBuffer *out);

#endif
