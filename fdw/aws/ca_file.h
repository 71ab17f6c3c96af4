/*
 * ca_file: may this file stand in for the system's certification authorities?
 */
#ifndef DYNAMODB_ES_CA_FILE_H
#define DYNAMODB_ES_CA_FILE_H

#include <stdbool.h>

#include "base/failure.h"

/* false with *failure filled in, which names the file: it cannot be read, or has no certificate in PEM. */
extern bool ca_file_check(const char *path, Failure *failure);

#endif
