/*
 * memory: a backend may be idle for hours after one large answer.
 */
#ifndef DYNAMODB_ES_MEMORY_H
#define DYNAMODB_ES_MEMORY_H

#include <stddef.h>

/* So many bytes, at once in use, have been freed: large pieces go back to the system. Small ones are used again. */
extern void memory_give_back(size_t bytes);

#endif
