/*
 * node_copy: a copy of a node (nodes.h) that lives by itself, for who keeps an item longer than its page.
 */
#ifndef DYNAMODB_ES_NODE_COPY_H
#define DYNAMODB_ES_NODE_COPY_H

#include <cjson/cJSON.h>

/* The caller's, to be freed by cJSON_Delete. Its texts are only to be read. NULL when memory ran out. */
extern cJSON *node_copy(const cJSON *node);

#endif
