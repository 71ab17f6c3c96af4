/*
 * options.c: which options are there, which values may they have, and what do they say?
 *
 * All rules stand in one table, by which the validator checks and names the nearest option. Defaults are those of the
 * readers.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "aws/endpoint.h"
#include "aws/profile.h"
#include "postgres/compat.h"
#include "postgres/options.h"

typedef enum OptionPlace
{
	ON_SERVER = 1,
	ON_TABLE = 2,
	ON_COLUMN = 4,
	ON_MAPPING = 8,
	ON_IMPORT = 16				/* IMPORT FOREIGN SCHEMA */
} OptionPlace;

typedef enum OptionType
{
	OPTION_TABLE_NAME,			/* a DynamoDB table's or index's */
	OPTION_TEXT,				/* of 1 to 255 bytes */
	OPTION_REGION,
	OPTION_ENDPOINT,
	OPTION_BOOLEAN,
	OPTION_INTEGER,				/* min to max */
	OPTION_CHOICE,				/* one of `choices` */
	OPTION_SECRET				/* printable, never shown */
} OptionType;

typedef struct OptionRule
{
	const char *name;
	int			places;			/* OptionPlace bits */
	OptionType	type;
	int64		min;
	int64		max;
	const char *choices;		/* separated by blanks */
	const char *only;			/* the one value that this release can act on, others being valid; NULL: all */
} OptionRule;

static const OptionRule rules[] = {
	{.name = "region", .places = ON_SERVER, .type = OPTION_REGION},
	{.name = "endpoint", .places = ON_SERVER, .type = OPTION_ENDPOINT},
	{.name = "max_connections", .places = ON_SERVER, .type = OPTION_INTEGER, .min = 1, .max = 1024},
	{.name = "connect_timeout_ms", .places = ON_SERVER, .type = OPTION_INTEGER, .min = 1, .max = 3600000},
	{.name = "request_timeout_ms", .places = ON_SERVER, .type = OPTION_INTEGER, .min = 1, .max = 3600000},
	{.name = "max_attempts", .places = ON_SERVER, .type = OPTION_INTEGER, .min = 1, .max = 100},
	{.name = "accept_encoding", .places = ON_SERVER, .type = OPTION_CHOICE, .choices = "identity gzip"},
	{.name = "max_response_mb", .places = ON_SERVER, .type = OPTION_INTEGER, .min = 1, .max = 1024},
	{.name = "batch_size", .places = ON_SERVER | ON_TABLE, .type = OPTION_INTEGER, .min = 1, .max = 10000},
	{.name = "consistent_read", .places = ON_SERVER | ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "scan_segments", .places = ON_SERVER | ON_TABLE, .type = OPTION_INTEGER, .min = 1, .max = 1024},
	{.name = "commit_table", .places = ON_TABLE, .type = OPTION_TABLE_NAME},
	{.name = "commit_index", .places = ON_TABLE, .type = OPTION_TABLE_NAME},
	{.name = "counter_table", .places = ON_TABLE | ON_IMPORT, .type = OPTION_TABLE_NAME},
	{.name = "counter", .places = ON_TABLE | ON_IMPORT, .type = OPTION_TEXT},
	{.name = "append_mode", .places = ON_TABLE, .type = OPTION_CHOICE, .choices = "counter dense"},
	{.name = "append_at", .places = ON_TABLE, .type = OPTION_CHOICE, .choices = "statement commit"},
	{.name = "contiguous_versions", .places = ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "append_token", .places = ON_TABLE, .type = OPTION_TEXT},
	{.name = "burn_notes", .places = ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "append_deadline_ms", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 1000, .max = 300000},
	{.name = "consistent_prefix", .places = ON_TABLE, .type = OPTION_BOOLEAN, .only = "false"},
	{.name = "gap_timeout_ms", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 1000, .max = PG_INT32_MAX},
	{.name = "dense_since", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 0, .max = PG_INT64_MAX},
	{.name = "attribute", .places = ON_COLUMN, .type = OPTION_TEXT},
	{.name = "access_key_id", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "secret_access_key", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "session_token", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "profile", .places = ON_MAPPING, .type = OPTION_TEXT},
	{.name = "ambient_credentials", .places = ON_MAPPING, .type = OPTION_BOOLEAN},
};

#define DEFAULT_MAX_CONNECTIONS 16
#define DEFAULT_CONNECT_TIMEOUT_MS 3000
#define DEFAULT_REQUEST_TIMEOUT_MS 60000
#define DEFAULT_MAX_ATTEMPTS 4
#define DEFAULT_MAX_RESPONSE_MB 64
#define DEFAULT_BATCH_SIZE 100
#define DEFAULT_APPEND_DEADLINE_MS 20000

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

static const OptionRule *
rule_find(const char *name, OptionPlace place)
{
	for (size_t i = 0; i < lengthof(rules); i++)
		if ((rules[i].places & place) != 0 && strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static const char *
place_name(int places)
{
	switch (places)
	{
		case ON_SERVER:
			return "a server";
		case ON_TABLE:
		case ON_TABLE | ON_IMPORT:
			return "a foreign table";
		case ON_COLUMN:
			return "a column";
		case ON_MAPPING:
			return "a user mapping";
		default:
			return "a server or a foreign table";
	}
}

/* The option of that place whose name is nearest, at a distance that still looks like a slip: a small share of its letters. */
static const char *
nearest_option(const char *name, OptionPlace place)
{
	const char *nearest = NULL;
	int			nearest_distance = 5;

	for (size_t i = 0; i < lengthof(rules) && strlen(name) <= 255; i++)
	{
		int			distance;

		if ((rules[i].places & place) == 0)
			continue;
		distance = varstr_levenshtein_less_equal(name, strlen(name), rules[i].name, strlen(rules[i].name),
												 1, 1, 1, nearest_distance - 1, true);
		if (distance < nearest_distance && distance <= (int) strlen(name) / 2)
		{
			nearest = rules[i].name;
			nearest_distance = distance;
		}
	}
	return nearest;
}

/* "append_at, batch_size, …" of that place. */
static char *
option_names(OptionPlace place)
{
	StringInfoData names;

	initStringInfo(&names);
	for (size_t i = 0; i < lengthof(rules); i++)
		if ((rules[i].places & place) != 0)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", rules[i].name);
	return names.data;
}

/* The option is not known here: say which one is near, or where it belongs, or which ones there are. */
static void
report_unknown_option(const char *name, OptionPlace place)
{
	const OptionRule *elsewhere = NULL;
	const char *nearest = nearest_option(name, place);
	char	   *names = option_names(place);

	for (size_t i = 0; i < lengthof(rules); i++)
		if (strcmp(rules[i].name, name) == 0)
			elsewhere = &rules[i];
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 elsewhere != NULL
			 ? errhint("The option \"%s\" belongs to %s.", name, place_name(elsewhere->places))
			 : nearest != NULL ? errhint("Perhaps you meant the option \"%s\".", nearest)
			 : names[0] != '\0' ? errhint("Valid options in this context are: %s.", names)
			 : errhint("There are no valid options in this context.")));
}

/* The value is not shown where it may be a secret. */
static void
report_invalid_secret(const char *name, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\"", name),
			 errhint("%s", hint)));
}

static void
report_invalid_value(const char *name, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
			 errhint("%s", hint)));
}

static bool
consists_of(const char *value, const char *allowed)
{
	return value[strspn(value, allowed)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool
is_region(const char *value)
{
	return value[0] != '\0' && strlen(value) <= 63 && consists_of(value, LOWER DIGITS "-");
}

static void
check_integer(const OptionRule *rule, const char *value)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (*value == '\0' || isspace((unsigned char) *value) || *end != '\0' || errno != 0
		|| number < rule->min || number > rule->max)
		report_invalid_value(rule->name, value,
							 psprintf("Give an integer from " INT64_FORMAT " to " INT64_FORMAT ".", rule->min, rule->max));
}

static void
check_choice(const OptionRule *rule, const char *value)
{
	char	   *choices = pstrdup(rule->choices);

	for (char *choice = strtok(choices, " "); choice != NULL; choice = strtok(NULL, " "))
		if (strcmp(choice, value) == 0)
			return;
	report_invalid_value(rule->name, value, psprintf("Valid values are: %s.", rule->choices));
}

/* A secret's value is never part of the message. */
static void
check_secret(const OptionRule *rule, const char *value)
{
	bool		valid = value[0] != '\0';

	for (const char *c = value; *c != '\0'; c++)
		valid = valid && *c > ' ' && *c < 0x7f;
	if (!valid)
		report_invalid_secret(rule->name, "Give printable ASCII characters without blanks.");
}

static void
check_endpoint(const OptionRule *rule, const char *value)
{
	const char *complaint = endpoint_complaint(value);
	char	   *hint;

	if (complaint == NULL)
		return;
	hint = psprintf("%s. Give a URL such as \"http://localhost:8000\".", complaint);
	if (strchr(value, '@') != NULL)
		report_invalid_secret(rule->name, hint);	/* before it, a password may stand */
	report_invalid_value(rule->name, value, hint);
}

static void
check_value(const OptionRule *rule, const char *value)
{
	bool		boolean;

	switch (rule->type)
	{
		case OPTION_TABLE_NAME:
			if (strlen(value) < 3 || strlen(value) > 255 || !consists_of(value, LOWER UPPER DIGITS "_.-"))
				report_invalid_value(rule->name, value,
									 "DynamoDB names have 3 to 255 letters, digits, \"_\", \".\" or \"-\".");
			break;
		case OPTION_TEXT:
			if (value[0] == '\0' || strlen(value) > 255)
				report_invalid_value(rule->name, value, "Give a text of 1 to 255 bytes.");
			break;
		case OPTION_REGION:
			if (!is_region(value))
				report_invalid_value(rule->name, value, "Give an AWS region such as \"us-east-1\".");
			break;
		case OPTION_ENDPOINT:
			check_endpoint(rule, value);
			break;
		case OPTION_BOOLEAN:
			if (!parse_bool(value, &boolean))
				report_invalid_value(rule->name, value, "Give a Boolean value.");
			if (rule->only != NULL && !boolean)
				return;
			break;
		case OPTION_INTEGER:
			check_integer(rule, value);
			break;
		case OPTION_CHOICE:
			check_choice(rule, value);
			break;
		case OPTION_SECRET:
			check_secret(rule, value);
			break;
	}
	if (rule->only != NULL && strcmp(rule->only, value) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"%s\" cannot be set to \"%s\" yet", rule->name, value),
				 errdetail("This release of dynamodb_es does not have what it stands for.")));
}

static bool
lends_server_identity(DefElem *option)
{
	bool		is_lent = false;

	if (strcmp(option->defname, "ambient_credentials") == 0)
		return parse_bool(defGetString(option), &is_lent) && is_lent;
	return strcmp(option->defname, "profile") == 0;
}

/*
 * Only a superuser may lend the server's own AWS identity to a mapping. The validator sees all options that there will
 * be, so that nobody else changes anything in a mapping that has one of these, either.
 */
static void
check_right(const OptionRule *rule)
{
	if ((strcmp(rule->name, "profile") == 0 || strcmp(rule->name, "ambient_credentials") == 0) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", rule->name),
				 errhint("Only a superuser may set whether a user mapping uses the server's own AWS identity.")));
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

static bool
is_dense(List *options)
{
	return strcmp(option_text("append_mode", options, NIL, "counter"), "dense") == 0;
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
	if (appends_at_commit(options) && !is_dense(options))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"append_at\" can be \"commit\" only where \"append_mode\" is \"dense\""),
				 errhint("Set both options in the same command.")));
}

/* It is checked in the transaction that stores the commits, which only a dense append has. */
static void
check_contiguous_versions(List *options)
{
	bool		is_wanted;

	if (parse_bool(option_text("contiguous_versions", options, NIL, "false"), &is_wanted) && is_wanted
		&& !is_dense(options))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"contiguous_versions\" can be set only where \"append_mode\" is \"dense\""),
				 errhint("Set both options in the same command.")));
}

static const OptionRule *
check_option(const DefElem *option, OptionPlace place)
{
	const OptionRule *rule = rule_find(option->defname, place);

	if (rule == NULL)
		report_unknown_option(option->defname, place);
	check_right(rule);
	check_value(rule, defGetString(unconstify(DefElem *, option)));
	return rule;
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
		const OptionRule *rule = check_option(lfirst_node(DefElem, cell), place);

		has_key = has_key || strcmp(rule->name, "access_key_id") == 0;
		has_secret = has_secret || strcmp(rule->name, "secret_access_key") == 0;
		has_token = has_token || strcmp(rule->name, "session_token") == 0;
		has_server_identity = has_server_identity || lends_server_identity(lfirst_node(DefElem, cell));
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
	check_contiguous_versions(options);
	PG_RETURN_VOID();
}

static int
option_int(const char *name, List *first, List *second, int fallback)
{
	const char *text = option_text(name, first, second, NULL);

	return text != NULL ? pg_strtoint32(text) : fallback;
}

static bool
option_bool(const char *name, List *first, List *second, bool fallback)
{
	const char *text = option_text(name, first, second, NULL);
	bool		value = fallback;

	if (text != NULL)
		parse_bool(text, &value);
	return value;
}

static StoreNames
names_of_options(List *options)
{
	StoreNames	names = {
		.commit_table = option_text("commit_table", options, NIL, "commits"),
		.commit_index = option_text("commit_index", options, NIL, "byId"),
		.counter_table = option_text("counter_table", options, NIL, "counters"),
		.counter = option_text("counter", options, NIL, "commits"),
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
		.max_connections = option_int("max_connections", server->options, NIL, DEFAULT_MAX_CONNECTIONS),
		.batch_size = option_int("batch_size", table->options, server->options, DEFAULT_BATCH_SIZE),
		.append_mode = is_dense(table->options) ? APPEND_DENSE : APPEND_COUNTER,
		.append_at_commit = appends_at_commit(table->options),
		.contiguous_versions = option_bool("contiguous_versions", table->options, NIL, false),
		.burn_notes = option_bool("burn_notes", table->options, NIL, true),
		.append_deadline_ms = option_int("append_deadline_ms", table->options, NIL, DEFAULT_APPEND_DEADLINE_MS),
		.append_token = option_text("append_token", table->options, NIL, NULL),
	};

	if (options.append_mode == APPEND_DENSE)
		options.batch_size = Min(options.batch_size, APPEND_DENSE_ROWS);
	options.scan_segments = option_int("scan_segments", table->options, server->options, options.max_connections);
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

		check_option(option, ON_IMPORT);
		for (int i = 0; i < foreach_current_index(cell); i++)
			if (strcmp(list_nth_node(DefElem, options, i)->defname, option->defname) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("option \"%s\" provided more than once", option->defname)));
	}
	return names_of_options(options);
}

const char *
options_attribute_of_column(Oid relation, AttrNumber attnum)
{
	return option_text("attribute", GetForeignColumnOptions(relation, attnum), NIL, NULL);
}

/* The region of a server that names none: by the environment, or by AWS's files. It is made part of a host's name. */
static const char *
ambient_region(const ForeignServer *server, const char *profile)
{
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
	Failure		failure = {.kind = FAILURE_NONE};
	const char *region = NULL;
	char	   *found = NULL;

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
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("no AWS region is known for server \"%s\"", server->servername),
				 failure.kind != FAILURE_NONE ? errdetail_internal("%s", failure.message) : 0,
				 errhint("Set the server's option \"region\", AWS_REGION in the environment of PostgreSQL, "
						 "or a region in its AWS profile.")));
	if (!is_region(region))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("the AWS region that the environment or the files of PostgreSQL give is none"),
				 errhint("Set the server's option \"region\".")));
	return region;
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
		.accept_gzip = strcmp(option_text("accept_encoding", options, NIL, "identity"), "gzip") == 0,
		.http = {
			.max_connections = option_int("max_connections", options, NIL, DEFAULT_MAX_CONNECTIONS),
			.connect_timeout_ms = option_int("connect_timeout_ms", options, NIL, DEFAULT_CONNECT_TIMEOUT_MS),
			.request_timeout_ms = option_int("request_timeout_ms", options, NIL, DEFAULT_REQUEST_TIMEOUT_MS),
			.max_response_bytes =
			(size_t) option_int("max_response_mb", options, NIL, DEFAULT_MAX_RESPONSE_MB) * 1024 * 1024,
		},
	};

	return settings;
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
		.profile = option_text("profile", options, NIL, NULL),
		.has_ambient = option_text("ambient_credentials", options, NIL, NULL) != NULL,
		.ambient = option_bool("ambient_credentials", options, NIL, false),
	};

	return result;
}
