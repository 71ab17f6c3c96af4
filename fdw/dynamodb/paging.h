/*
 * paging: where the next page of a Query, a Scan or a ListTables begins, and that pages come to an end.
 *
 * A LastEvaluatedKey is sent back as it came. So only what DynamoDB sends is taken: one to four attributes, the keys of
 * the table and of the index, each a string, a number or bytes. All else would cost more than its bytes to compare and to
 * copy. A place that comes again, at once or after any number of pages, would be read for ever, and is refused too.
 */
#ifndef DYNAMODB_ES_PAGING_H
#define DYNAMODB_ES_PAGING_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum PagingResult
{
	PAGING_MORE,				/* the next page begins at the place that was read */
	PAGING_END,					/* there is none */
	PAGING_WRONG,				/* the answer says nothing that DynamoDB would */
	PAGING_MEMORY				/* memory ran out */
} PagingResult;

/* The places that one sequence of pages has passed, as far as is needed to know one again. All zeroes: none. */
typedef struct PagingTrail
{
	char	   *last;			/* the place before; owned */
	char	   *milestone;		/* one further back; owned */
	uint64_t	pages;			/* since the milestone */
	uint64_t	distance;		/* of the next milestone */
} PagingTrail;

/*
 * Reads the LastEvaluatedKey of an answer. *key, what the page before has ended with or NULL, is replaced: by a copy,
 * the caller's to cJSON_Delete, or by NULL where it is not PAGING_MORE. A missing, an empty and a null one is the end.
 */
extern PagingResult paging_next_key(PagingTrail *trail, const cJSON *answer, cJSON **key);

/* Likewise the LastEvaluatedTableName; *name is the trail's, until the next call. */
extern PagingResult paging_next_table(PagingTrail *trail, const cJSON *answer, const char **name);

extern void paging_free(PagingTrail *trail);

#endif
