/*
 * options.c: do the options of an object go together, and what do they say?
 *
 * Each by itself is checked by option_rules.c. Defaults are here.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "aws/ca_file.h"
#include "aws/configured.h"
#include "aws/profile.h"
#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/core/visibility.h"
#include "postgres/table/option_rules.h"
#include "postgres/table/options.h"

#define DEFAULT_MAX_CONNECTIONS 64
#define DEFAULT_CONNECT_TIMEOUT_MS 3000
#define DEFAULT_REQUEST_TIMEOUT_MS 60000
#define DEFAULT_MAX_ATTEMPTS 4
#define DEFAULT_MAX_RESPONSE_MB 64
#define DEFAULT_SCAN_SEGMENTS 16
#define DEFAULT_BATCH_SIZE 100
#define DEFAULT_APPEND_DEADLINE_MS 20000
#define DEFAULT_GAP_TIMEOUT_MS 360000

PG_FUNCTION_INFO_V1(dynamodb_es_validator);

static OptionPlace
place_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return ON_SERVER;
		case ForeignTableRelationId:
			return ON_TABLE;
		case AttributeRelationId:
			return ON_COLUMN;
		case UserMappingRelationId:
			return ON_MAPPING;
		default:				/* the wrapper itself has no options */
			return 0;
	}
}

static bool
lends_server_identity(DefElem *option)
{
	bool		is_lent = false;

	if (strcmp(option->defname, "ambient_credentials") == 0)
		return parse_bool(defGetString(option), &is_lent) && is_lent;
	return strcmp(option->defname, "profile") == 0;
}

/* The option's value in the first list that has it, or the default. */
static const char *
option_text(const char *name, List *first, List *second, const char *fallback)
{
	List	   *lists[] = {first, second};

	for (size_t i = 0; i < lengthof(lists); i++)
	{
		ListCell   *cell;

		foreach(cell, lists[i])
		{
			DefElem    *option = lfirst_node(DefElem, cell);

			if (strcmp(option->defname, name) == 0)
				return defGetString(option);
		}
	}
	return fallback;
}

static AppendMode
append_mode_of(List *options)
{
	const char *mode = option_text("append_mode", options, NIL, "counter");

	if (strcmp(mode, "dense") == 0)
		return APPEND_DENSE;
	return strcmp(mode, "import") == 0 ? APPEND_IMPORT : APPEND_COUNTER;
}

static bool
appends_at_commit(List *options)
{
	return strcmp(option_text("append_at", options, NIL, "statement"), "commit") == 0;
}

/* Only a dense append takes all rows of a transaction in one request. */
static void
check_append_at(List *options)
{
	if (appends_at_commit(options) && append_mode_of(options) != APPEND_DENSE)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"append_at\" can be \"commit\" only where \"append_mode\" is \"dense\""),
				 errhint("Set both options in the same command.")));
}

Datum
dynamodb_es_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	OptionPlace place = place_of_catalog(PG_GETARG_OID(1));
	bool		has_key = false;
	bool		has_secret = false;
	bool		has_token = false;
	bool		has_server_identity = false;
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		option_check(option, place);
		has_key = has_key || strcmp(option->defname, "access_key_id") == 0;
		has_secret = has_secret || strcmp(option->defname, "secret_access_key") == 0;
		has_token = has_token || strcmp(option->defname, "session_token") == 0;
		has_server_identity = has_server_identity || lends_server_identity(option);
	}
	if (has_key && has_server_identity)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("explicit keys and the server's own AWS identity exclude each other"),
				 errhint("Drop access_key_id and secret_access_key, or profile and ambient_credentials.")));
	if (has_key != has_secret || (has_token && !has_key))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required when \"%s\" is given",
						has_key ? "secret_access_key" : "access_key_id",
						has_key ? "access_key_id" : has_secret ? "secret_access_key" : "session_token")));
	check_append_at(options);
	PG_RETURN_VOID();
}

static int
option_int(const char *name, List *first, List *second, int fallback)
{
	const char *string = option_text(name, first, second, NULL);

	return string != NULL ? pg_strtoint32(string) : fallback;
}

static int64
option_int64(const char *name, List *options, int64 fallback)
{
	const char *string = option_text(name, options, NIL, NULL);

	return string != NULL ? pg_strtoint64(string) : fallback;
}

static bool
option_bool(const char *name, List *first, List *second, bool fallback)
{
	const char *string = option_text(name, first, second, NULL);
	bool		value = fallback;

	if (string != NULL)
		parse_bool(string, &value);
	return value;
}

/* A text that leaves PostgreSQL, where only ASCII can be relied on, is in UTF-8. NULL stays NULL. */
static const char *
option_utf8(const char *name, List *options, const char *fallback)
{
	const char *string = option_text(name, options, NIL, fallback);

	return string == NULL ? NULL : encoding_to_utf8(string, strlen(string));
}

static StoreNames
names_of_options(List *options)
{
	StoreNames	names = {
		.commit_table = option_text("commit_table", options, NIL, "commits"),
		.commit_index = option_text("commit_index", options, NIL, "byId"),
		.counter_table = option_text("counter_table", options, NIL, "counters"),
		.counter = option_utf8("counter", options, "commits"),
	};

	return names;
}

TableOptions
options_of_table(Oid relation)
{
	ForeignTable *table = GetForeignTable(relation);
	ForeignServer *server = GetForeignServer(table->serverid);
	TableOptions options = {
		.server = table->serverid,
		.names = names_of_options(table->options),
		.consistent_read = option_bool("consistent_read", table->options, server->options, true),
		.replaces_unreadable = strcmp(option_text("unreadable", table->options, NIL, "error"), "replace") == 0,
		.max_connections = option_int("max_connections", server->options, NIL, DEFAULT_MAX_CONNECTIONS),
		.batch_size = option_int("batch_size", table->options, server->options, DEFAULT_BATCH_SIZE),
		.append_mode = append_mode_of(table->options),
		.append_at_commit = appends_at_commit(table->options),
		.contiguous_versions = option_bool("contiguous_versions", table->options, NIL, false),
		.burn_notes = option_bool("burn_notes", table->options, NIL, true),
		.append_deadline_ms = option_int("append_deadline_ms", table->options, NIL, DEFAULT_APPEND_DEADLINE_MS),
		.append_token = option_text("append_token", table->options, NIL, NULL),
		.is_feed = option_bool("consistent_prefix", table->options, NIL, false),
		.gap_timeout_ms = option_int("gap_timeout_ms", table->options, NIL, DEFAULT_GAP_TIMEOUT_MS),
		.dense_since = option_int64("dense_since", table->options, PG_INT64_MAX),
		.committed_at_slack_ms = option_int64("committed_at_slack_ms", table->options, -1),
	};

	if (options.append_mode == APPEND_DENSE)
		options.batch_size = Min(options.batch_size, APPEND_DENSE_ROWS);
	options.scan_segments = option_int("scan_segments", table->options, server->options,
									   option_int("max_connections", server->options, NIL, DEFAULT_SCAN_SEGMENTS));
	return options;
}

StoreNames
options_of_import(List *options)
{
	ListCell   *cell;

	/* The core gives no options of an IMPORT to the validator. */
	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		option_check(option, ON_IMPORT);
		for (int i = 0; i < foreach_current_index(cell); i++)
			if (strcmp(list_nth_node(DefElem, options, i)->defname, option->defname) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("option \"%s\" provided more than once", option->defname)));
	}
	return names_of_options(options);
}

bool
options_import_feeds(List *options)
{
	return option_bool("feeds", options, NIL, false);
}

const char *
options_attribute_of_column(Oid relation, AttrNumber attnum)
{
	return option_text("attribute", GetForeignColumnOptions(relation, attnum), NIL, NULL);
}

/* `why` is for those who may know it. */
static void
report_no_region(const ForeignServer *server, const char *why)
{
	bool		visible = identity_is_visible();

	ereport(ERROR,
			(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			 errmsg("no AWS region is known for server \"%s\"", server->servername),
			 why[0] == '\0' ? 0 : visible ? errdetail_internal("%s", why) : errdetail_log("%s", why),
			 visible ? errhint("Set the server's option \"region\", AWS_REGION in the environment of PostgreSQL, "
							   "or a region in its AWS profile.")
			 : errhint("Set the server's option \"region\".")));
}

/*
 * The region of a server that names none: by the environment, or by AWS's files. It is made part of a host's name. Each
 * request shows it to the endpoint, which the owner of the server chooses.
 */
static const char *
ambient_region(const ForeignServer *server, const char *profile)
{
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
	Failure		failure = {.kind = FAILURE_NONE};
	const char *region = NULL;
	char	   *found = NULL;

	if (!superuser_arg(server->owner))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("no AWS region is known for server \"%s\"", server->servername),
				 errdetail("The region of PostgreSQL itself is used only where a superuser owns the server."),
				 errhint("Set the server's option \"region\".")));
	for (size_t i = 0; i < lengthof(variables) && (region == NULL || region[0] == '\0'); i++)
		region = getenv(variables[i]);
	if (region == NULL || region[0] == '\0')
	{
		char		copy[64] = "";

		found = profile_region(profile, &failure);
		if (found != NULL)
			strlcpy(copy, strlen(found) < sizeof(copy) ? found : "?", sizeof(copy));
		free(found);
		region = pstrdup(copy);
	}
	if (region[0] == '\0')
		report_no_region(server, failure.message);
	if (!option_is_region(region) && identity_is_visible())
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("the AWS region that the environment or the files of PostgreSQL give is none"),
				 errhint("Set the server's option \"region\".")));
	if (!option_is_region(region))
		report_no_region(server, _("What the environment or the AWS files of PostgreSQL give is none."));
	return region;
}

/*
 * The endpoint of a server that names none, by the environment or AWS's files; NULL: that of the region. What PostgreSQL
 * can reach there is for superusers to use.
 */
static const char *
ambient_endpoint(const ForeignServer *server, const char *profile, const char *region)
{
	Failure		failure;
	char	   *found;
	char		copy[256];

	if (!superuser_arg(server->owner))
		return NULL;
	found = configured_endpoint(CONFIGURED_DYNAMODB, profile, region, &failure);
	if (found == NULL && failure.kind == FAILURE_NONE)
		return NULL;
	if (found != NULL && strlen(found) >= sizeof(copy))
		failure_set(&failure, FAILURE_OTHER, NULL, "%s", _("It is too long."));
	else if (found != NULL)
		strlcpy(copy, found, sizeof(copy));
	free(found);
	if (failure.kind != FAILURE_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("no endpoint is known for server \"%s\"", server->servername),
				 identity_is_visible() ? errdetail_internal("%s", failure.message) : errdetail_log("%s", failure.message),
				 errhint("Set the server's option \"endpoint\".")));
	return pstrdup(copy);
}

ClientSettings
options_of_server(const ForeignServer *server, const char *profile)
{
	List	   *options = server->options;
	const char *region = option_text("region", options, NIL, NULL);
	ClientSettings settings = {
		.region = region != NULL ? region : ambient_region(server, profile),
		.endpoint = option_text("endpoint", options, NIL, NULL),
		.max_attempts = option_int("max_attempts", options, NIL, DEFAULT_MAX_ATTEMPTS),
		.is_private = region == NULL,
		.accept_gzip = strcmp(option_text("accept_encoding", options, NIL, "identity"), "gzip") == 0,
		.http = {
			.max_connections = option_int("max_connections", options, NIL, DEFAULT_MAX_CONNECTIONS),
			.connect_timeout_ms = option_int("connect_timeout_ms", options, NIL, DEFAULT_CONNECT_TIMEOUT_MS),
			.request_timeout_ms = option_int("request_timeout_ms", options, NIL, DEFAULT_REQUEST_TIMEOUT_MS),
			.max_response_bytes =
			(size_t) option_int("max_response_mb", options, NIL, DEFAULT_MAX_RESPONSE_MB) * 1024 * 1024,
		},
	};

	if (settings.endpoint == NULL)
	{
		settings.endpoint = ambient_endpoint(server, profile, settings.region);
		settings.endpoint_is_private = settings.endpoint != NULL;
	}
	return settings;
}

/*
 * The path that PostgreSQL's environment or AWS's files name, in *path, which is empty where they name none. Files that
 * cannot be read may have named one, and are the ones that have the credentials.
 */
static void
ambient_ca_file(const char *profile, char *path, size_t size)
{
	Failure		failure;
	char	   *found = configured_ca_file(profile, &failure);

	path[0] = '\0';
	if (found != NULL && strlcpy(path, found, size) >= size)
		failure_set(&failure, FAILURE_OTHER, NULL, "%s", _("The path of the file of CAs is too long."));
	free(found);
	if (failure.kind != FAILURE_NONE)
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the AWS configuration of PostgreSQL cannot be used"),
				 identity_is_visible() ? errdetail_internal("%s", failure.message) : errdetail_log("%s", failure.message)));
}

const char *
options_ca_file(const ForeignServer *server, const char *profile)
{
	const char *option = option_text("ca_file", server->options, NIL, NULL);
	char		path[MAXPGPATH] = "";
	Failure		failure = {.kind = FAILURE_NONE};

	if (option != NULL)
		strlcpy(path, option, sizeof(path));
	else if (superuser_arg(server->owner))
		ambient_ca_file(profile, path, sizeof(path));
	if (path[0] == '\0')
		return NULL;
	if (ca_file_check(path, &failure))
		return pstrdup(path);
	ereport(ERROR,
			(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("the certification authorities for server \"%s\" cannot be read", server->servername),
			 identity_is_visible() ? errdetail_internal("%s", failure.message) : errdetail_log("%s", failure.message),
			 errhint("Name a PEM file that PostgreSQL can read, by the server's option \"ca_file\".")));
}

MappingOptions
options_of_mapping(const UserMapping *mapping)
{
	List	   *options = mapping->options;
	MappingOptions result = {
		.keys = {
			.access_key_id = (char *) option_text("access_key_id", options, NIL, NULL),
			.secret_access_key = (char *) option_text("secret_access_key", options, NIL, NULL),
			.session_token = (char *) option_text("session_token", options, NIL, NULL),
		},
		.profile = option_utf8("profile", options, NULL),
		.has_ambient = option_text("ambient_credentials", options, NIL, NULL) != NULL,
		.ambient = option_bool("ambient_credentials", options, NIL, false),
	};

	return result;
}
