/*
 * failure: what went wrong, as a value. The layers below PostgreSQL never jump; each operation keeps one Failure, and
 * postgres/errors.c alone decides which SQLSTATE it is.
 *
 * Fixed arrays, so that a failure can be copied, and needs neither memory nor an owner.
 */
#ifndef DYNAMODB_ES_FAILURE_H
#define DYNAMODB_ES_FAILURE_H

#include <stdbool.h>

typedef enum FailureKind
{
	FAILURE_NONE,
	FAILURE_MEMORY,				/* malloc returned NULL */
	FAILURE_UNREACHABLE,		/* no connection, TLS failure, connection lost, timeout */
	FAILURE_BAD_ANSWER,			/* an answer that DynamoDB would not give: not JSON, wrong shape */
	FAILURE_DAMAGED,			/* an answer that has suffered on its way: checksum or compression are wrong */
	FAILURE_NO_CREDENTIALS,		/* there are none, or they could not be fetched */
	FAILURE_CREDENTIALS,		/* credentials rejected */
	FAILURE_EXPIRED,			/* credentials expired */
	FAILURE_ACCESS_DENIED,		/* known to AWS, but not allowed */
	FAILURE_NOT_FOUND,			/* no such table or index */
	FAILURE_EXISTS,				/* the table exists already, or is being created or deleted */
	FAILURE_CONDITION,			/* ConditionalCheckFailedException */
	FAILURE_CONFLICT,			/* a transaction is running on the item */
	FAILURE_NOT_CONTIGUOUS,		/* the version before one to be appended does not exist */
	FAILURE_NO_TRANSACTIONS,	/* the endpoint does not know them */
	FAILURE_THROTTLED,			/* over the throughput */
	FAILURE_TOO_LONG,			/* an answer over max_response_bytes */
	FAILURE_UNREADABLE,			/* a stored version that is no integer, or too large for one */
	FAILURE_ID_TWICE,			/* another commit has the id that was given to this one */
	FAILURE_SAME_ID,			/* two rows of an import bring one commit id */
	FAILURE_NOT_READY,			/* a table is still being made, or dropped, after ten minutes */
	FAILURE_UNFIT,				/* there is such a table, but it is no store's */
	FAILURE_EXHAUSTED,			/* a counter has no commit id left */
	FAILURE_TOO_LARGE,			/* an item, key or request over DynamoDB's limits */
	FAILURE_UNKNOWN_FATE,		/* a write that may or may not have been carried out */
	FAILURE_DENSE_GAP,			/* ids of a dense store stay invisible; the message says which */
	FAILURE_BEHIND,				/* the counter is lower than a position that was reached; the message is its value */
	FAILURE_MOVED,				/* the counter has not the value that an append expects; the message is what it has */
	FAILURE_OTHER				/* any other error answer */
} FailureKind;

typedef struct Failure
{
	FailureKind kind;
	int			http_status;	/* 0 where no answer came */
	int			attempts;		/* that were made before it was given up; 0: not known */
	char		code[64];		/* DynamoDB's own code, such as "ResourceNotFoundException"; may be empty */
	char		message[512];	/* DynamoDB's or libcurl's words, truncated at a character; may be empty */
	bool		is_private;		/* the words may tell of the server's own AWS identity or region */
} Failure;

/*
 * Fills *failure, with http_status and attempts 0, not private; `code` may be NULL. Text that does not fit is cut at a UTF-8 character. The
 * arguments may point into *failure.
 */
extern void failure_set(Failure *failure, FailureKind kind, const char *code, const char *format,...)
			__attribute__((format(printf, 4, 5)));

#endif
