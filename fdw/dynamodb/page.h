/*
 * page: the answer to a Query, a Scan or a BatchGetItem, its items made into nodes (nodes.h) one by one, as they are asked for.
 *
 * A page may be long, and the sender may be hostile. So it is looked through in slices, and the caller can do other things
 * between two of them. At any time there are only the nodes of one item, and an item may not be longer than DynamoDB's can be.
 */
#ifndef DYNAMODB_ES_PAGE_H
#define DYNAMODB_ES_PAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/step.h"

typedef struct ItemPage ItemPage;

/* Bytes that page_step looks at, at most. */
#define PAGE_SLICE (4 * 1024 * 1024)

/*
 * Takes `text` over (malloc'ed, with a NUL after its `length` bytes), also where it fails. NULL when memory ran out. The
 * result is the caller's.
 */
extern ItemPage *page_new(char *text, size_t length);

/*
 * Looks through the next slice. DONE when it was the last; FAILED for what is not JSON, or no page; or when memory ran
 * out, which errno tells then.
 */
extern StepResult page_step(ItemPage *page);

/* After DONE: the answer's object, without its items. The nodes belong to the page, and are only to be read. */
extern const cJSON *page_root(const ItemPage *page);

/* After DONE: how many items there are; -1 where the answer has no list of them. */
extern int64_t page_count(const ItemPage *page);

/* The length of its text, unpacked. */
extern size_t page_bytes(const ItemPage *page);

/* After DONE: it is the answer to a BatchGetItem; page_root tells what was left out. */
extern bool page_is_batch(const ItemPage *page);

/*
 * The next item, of which there must be one. It is the page's, until the next call. NULL where it is malformed, or no item
 * of DynamoDB's; or when memory ran out, which errno tells then.
 */
extern const cJSON *page_next_item(ItemPage *page);

/* NULL is allowed. */
extern void page_free(ItemPage *page);

#endif
