/*
 * options: what may be written in OPTIONS (…), and what it means.
 */
#ifndef DYNAMODB_ES_OPTIONS_H
#define DYNAMODB_ES_OPTIONS_H

#include "postgres.h"

#include "foreign/foreign.h"

#include "aws/credentials.h"
#include "dynamodb/client.h"
#include "store/append.h"
#include "store/commit.h"

/*
 * The options of a foreign table, those it takes over from its server included. Texts live in the current memory
 * context.
 */
typedef struct TableOptions
{
	Oid			server;
	StoreNames	names;
	bool		consistent_read;
	bool		replaces_unreadable;	/* values that a column cannot show, instead of reporting an error */
	int			max_connections;
	int			scan_segments;
	int			batch_size;
	AppendMode	append_mode;
	bool		contiguous_versions;
	bool		append_at_commit;	/* the transaction's, not the statement's end */
	bool		burn_notes;
	int			append_deadline_ms;
	const char *append_token;	/* the name of a column, or NULL */
	bool		is_feed;		/* consistent_prefix */
	int			gap_timeout_ms;
	int64		dense_since;	/* from the id after it on the store is dense; PG_INT64_MAX: it is not */
	int64		committed_at_slack_ms;	/* see store/time_bound.h; below 0: nothing is declared */
} TableOptions;

extern TableOptions options_of_table(Oid relation);

/*
 * The counter's names for the tables of an IMPORT FOREIGN SCHEMA with these options, which are checked; the others
 * are defaults.
 */
extern StoreNames options_of_import(List *options);

/* Does it make a feed table beside each table? */
extern bool options_import_feeds(List *options);

/* The column option "attribute", or NULL. */
extern const char *options_attribute_of_column(Oid relation, AttrNumber attnum);

/*
 * The region is the option's, else that of AWS_REGION, AWS_DEFAULT_REGION or the AWS profile (NULL: the default one).
 * Reports HV00J when none of them gives one.
 */
extern ClientSettings options_of_server(const ForeignServer *server, const char *profile);

/*
 * The file of CAs that its requests go by: the option's; else, where a superuser owns the server, the environment's or the
 * AWS profile's; NULL: the system's CAs. Reports HV024 for a file that cannot be used.
 */
extern const char *options_ca_file(const ForeignServer *server, const char *profile);

/* The options of a user mapping, as texts in it. */
typedef struct MappingOptions
{
	Credentials keys;			/* NULLs: none */
	const char *profile;		/* or NULL */
	bool		has_ambient;	/* ambient_credentials is set to something */
	bool		ambient;		/* to true */
} MappingOptions;

extern MappingOptions options_of_mapping(const UserMapping *mapping);

#endif
