/*
 * home: what a path with ~ or $NAME in it means, such as ~/.aws/config.
 */
#ifndef DYNAMODB_ES_HOME_H
#define DYNAMODB_ES_HOME_H

#include <stdbool.h>

#include "base/buffer.h"

/*
 * Appends `path` to *out, expanded as botocore does: $NAME and ${NAME} where there is such a variable; then a ~ or ~user
 * at the beginning, where the system knows that user. ~ is HOME, or where that is not set, as in a server that
 * pg_ctlcluster has started, the home of the process's user in passwd.
 */
extern void path_expand(const char *path, ByteBuffer *out);

#endif
