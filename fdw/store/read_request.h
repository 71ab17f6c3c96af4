/*
 * read_request: the body of a Query or Scan for one page along an access path.
 */
#ifndef DYNAMODB_ES_READ_REQUEST_H
#define DYNAMODB_ES_READ_REQUEST_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/buffer.h"
#include "dynamodb/request.h"
#include "store/read_spec.h"

/* Which page: of what is read, and from where on. Views. */
typedef struct PageRequest
{
	const AggregateId *aggregate;	/* READ_AGGREGATE */
	const KeyRange *range;			/* READ_AGGREGATE, READ_INDEX */
	int			segment;			/* READ_SCAN */
	const cJSON *start_key;			/* the LastEvaluatedKey of the page before; NULL: from the beginning */
	int64_t		limit;				/* items to evaluate; 0: as many as fit */
} PageRequest;

/* Appends the body; *out fails when memory runs out, here and below. */
extern void read_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec, const PageRequest *page);

/* The body of a BatchGetItem for keys, which are JSON. Whatever else is fetched, each item comes with its key. */
extern void read_batch_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec, const ByteBuffer *keys);

/*
 * Appends the body of the request for the last sort key there is on the path, strongly consistent: the counter, for
 * the index, or the aggregate's last version. And reads its answer: false when that has none.
 */
extern Operation read_head_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec);
extern bool read_head_of(const ReadSpec *spec, const cJSON *response, int64_t *head);

/* The attribute that is the path's sort key; NULL for a Scan. */
extern const char *read_sort_key(const ReadSpec *spec);

#endif
