/*
 * page: the answer to a Query or Scan, parsed in one pass.
 *
 * A page holds thousands of small values. cJSON allocates each of them, and its name, and its text, one by one, after
 * a pass of ours over the whole text (json.h); that was most of the cost of a row. Here the nodes are laid out in
 * few pieces of memory, and texts stay where they came: in the answer, ended and unescaped in place. The nodes are
 * cJSON's own, so that whoever reads an item need not know which parser made it.
 *
 * What counts as JSON, and how U+0000 and unpaired surrogates are kept, is the same as in json.h.
 */
#ifndef DYNAMODB_ES_PAGE_H
#define DYNAMODB_ES_PAGE_H

#include <cjson/cJSON.h>
#include <stddef.h>

typedef struct ItemPage ItemPage;

/*
 * Parses a document, taking `text` over (malloc'ed, with a NUL after its `length` bytes), also where it fails. NULL
 * for whatever json_parse refuses, and when memory ran out. The result is the caller's.
 */
extern ItemPage *page_parse(char *text, size_t length);

/*
 * The document. Its nodes belong to the page: to be read, but neither changed nor deleted. What is to outlive the page
 * is copied (cJSON_Duplicate).
 */
extern const cJSON *page_root(const ItemPage *page);

/* NULL is allowed. */
extern void page_free(ItemPage *page);

#endif
