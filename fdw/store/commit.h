/*
 * commit: the item of a commit, in the format of dynamodb-event-store 1.x, and the names of the tables it lives in.
 *
 * aggregateId S (HASH), version N (RANGE), commitId N, committedAt N (ms), events S (a JSON array, compact), active S
 * = "t"; further attributes follow, which readers of that format ignore.
 */
#ifndef DYNAMODB_ES_COMMIT_H
#define DYNAMODB_ES_COMMIT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "dynamodb/attribute.h"

#define COMMIT_AGGREGATE_ID "aggregateId"
#define COMMIT_VERSION "version"
#define COMMIT_ID "commitId"
#define COMMIT_COMMITTED_AT "committedAt"
#define COMMIT_EVENTS "events"
#define COMMIT_ACTIVE "active"
#define COMMIT_ACTIVE_VALUE "t"
#define COMMIT_APPENDED_AT "appendedAt"

/* DynamoDB's limits. Source: "Service, account, and table quotas", Developer Guide. */
#define MAX_ITEM_BYTES (400 * 1024)
#define MAX_AGGREGATE_ID_BYTES 2048

/* Where a store is; in UTF-8. */
typedef struct StoreNames
{
	const char *commit_table;
	const char *commit_index;
	const char *counter_table;
	const char *counter;
} StoreNames;

/* One commit. A view: its texts are the caller's. */
typedef struct Commit
{
	const char *aggregate_id;
	size_t		aggregate_id_length;	/* bytes */
	int64_t		version;		/* below 0: the next one, not known yet */
	int64_t		commit_id;
	int64_t		committed_at;	/* ms since the epoch, UTC */
	bool		committed_at_given; /* by the user; the item then carries appendedAt as well, unless it is imported */
	bool		is_imported;	/* as another store has it: id and time are given, and its item says nothing of its own append */
	int64_t		appended_at;	/* ms, the clock; for the item only where committed_at_given, and not imported */
	int64_t		clock_unit;		/* ms: committed_at is the clock rounded down to a multiple of it; 0: not rounded */
	const char *events;			/* JSON text */
	size_t		events_length;	/* bytes */
	const Attribute *extra;		/* further attributes, of types that attribute_write takes */
	size_t		nextra;
} Commit;

/*
 * Checks all that can be known before an id is taken: the key's size, version ≥ 0, the item's size (with the widest
 * ids and times it could get). false with *failure (FAILURE_TOO_LARGE or FAILURE_OTHER) filled in. That `events` is a
 * JSON array is the caller's to know.
 */
extern bool commit_check(const Commit *commit, Failure *failure);

/* The key that the commit has, or would have at another version. It prints into `digits`, which must outlive it. */
extern ItemKey commit_key(const Commit *commit, int64_t version, char digits[24]);

/* Bytes that DynamoDB counts for the item. */
extern size_t commit_item_size(const Commit *commit);

/*
 * Sets appended_at to `now`, ms since the epoch, and committed_at too, by the commit's unit, where it was not given. That
 * is the time of the endpoint, not of a machine whose clock is corrected only for its signatures: feeds judge by it how
 * old a gap is.
 */
extern void commit_stamp(Commit *commit, int64_t now);

/* Appends the item's attributes, without the braces around them: "aggregateId":{"S":"…"},… */
extern void commit_write_item(const Commit *commit, ByteBuffer *out);

/*
 * Reads the six attributes that every commit has; the texts point into the item; `extra` stays empty. false when one
 * is missing or of another type.
 */
extern bool commit_read_item(const cJSON *item, Commit *commit);

/*
 * The item is the very one that commit_write_item writes: equal, as DynamoDB compares values, in each of its attributes.
 * What the item has beyond these, something else has added.
 */
extern bool commit_is_item(const Commit *commit, const cJSON *item);

/* The item is in the index of commits: it has a number there, and the value that puts it into the one partition. */
extern bool commit_is_indexed(const cJSON *item);

#endif
