/*
 * memory: gives memory back to the system. A backend may be idle for hours after one large answer.
 */
#ifndef DYNAMODB_ES_MEMORY_H
#define DYNAMODB_ES_MEMORY_H

#include <stddef.h>

/* To be called after `bytes` that were in use at once have been freed. Many go back to the system; few are kept for reuse. */
extern void memory_give_back(size_t bytes);

#endif
