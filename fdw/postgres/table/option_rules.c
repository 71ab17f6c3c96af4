/*
 * option_rules.c: which options are there, and which values may they have? All rules stand in one table.
 */
#include "postgres.h"

#include <ctype.h>

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "aws/endpoint.h"
#include "postgres/table/option_rules.h"

typedef enum OptionType
{
	OPTION_TABLE_NAME,			/* a DynamoDB table's or index's */
	OPTION_TEXT,				/* of 1 to 255 bytes */
	OPTION_REGION,
	OPTION_ENDPOINT,
	OPTION_PATH,				/* absolute */
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
	const char *reserved;		/* only superusers may set it: the hint that says so; NULL: all may */
} OptionRule;

#define LENDS_IDENTITY gettext_noop("Only a superuser may set whether a user mapping uses the server's own AWS identity.")
#define READS_FILE gettext_noop("Only a superuser may set which file PostgreSQL reads.")

/* A year: whoever needs more has times that say nothing of the ids. */
#define MAX_SLACK_MS (INT64CONST(365) * 24 * 3600 * 1000)

static const OptionRule rules[] = {
	{.name = "region", .places = ON_SERVER, .type = OPTION_REGION},
	{.name = "endpoint", .places = ON_SERVER, .type = OPTION_ENDPOINT},
	{.name = "ca_file", .places = ON_SERVER, .type = OPTION_PATH, .reserved = READS_FILE},
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
	{.name = "unreadable", .places = ON_TABLE, .type = OPTION_CHOICE, .choices = "error replace"},
	{.name = "append_mode", .places = ON_TABLE, .type = OPTION_CHOICE, .choices = "counter dense import"},
	{.name = "append_at", .places = ON_TABLE, .type = OPTION_CHOICE, .choices = "statement commit"},
	{.name = "contiguous_versions", .places = ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "append_token", .places = ON_TABLE, .type = OPTION_TEXT},
	{.name = "burn_notes", .places = ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "append_deadline_ms", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 1000, .max = 300000},
	{.name = "consistent_prefix", .places = ON_TABLE, .type = OPTION_BOOLEAN},
	{.name = "gap_timeout_ms", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 1000, .max = PG_INT32_MAX},
	{.name = "dense_since", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 0, .max = PG_INT64_MAX},
	{.name = "committed_at_slack_ms", .places = ON_TABLE, .type = OPTION_INTEGER, .min = 0, .max = MAX_SLACK_MS},
	{.name = "feeds", .places = ON_IMPORT, .type = OPTION_BOOLEAN},
	{.name = "attribute", .places = ON_COLUMN, .type = OPTION_TEXT},
	{.name = "access_key_id", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "secret_access_key", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "session_token", .places = ON_MAPPING, .type = OPTION_SECRET},
	{.name = "profile", .places = ON_MAPPING, .type = OPTION_TEXT, .reserved = LENDS_IDENTITY},
	{.name = "ambient_credentials", .places = ON_MAPPING, .type = OPTION_BOOLEAN, .reserved = LENDS_IDENTITY},
};

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

bool
option_is_region(const char *value)
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
	hint = psprintf("This is no endpoint: %s. Give a URL such as \"http://localhost:8000\".", complaint);
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
			if (!option_is_region(value))
				report_invalid_value(rule->name, value, "Give an AWS region such as \"us-east-1\".");
			break;
		case OPTION_ENDPOINT:
			check_endpoint(rule, value);
			break;
		case OPTION_PATH:
			if (value[0] != '/' || strlen(value) >= MAXPGPATH)
				report_invalid_value(rule->name, value, "Give the absolute path of a file.");
			break;
		case OPTION_BOOLEAN:
			if (!parse_bool(value, &boolean))
				report_invalid_value(rule->name, value, "Give a Boolean value.");
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
}

/*
 * Only a superuser may lend the server's own AWS identity to a mapping, or have PostgreSQL read a file. The validator
 * sees all options that there will be, so that nobody else changes anything where one of these is set, either.
 */
static void
check_right(const OptionRule *rule)
{
	if (rule->reserved != NULL && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", rule->name),
				 errhint("%s", _(rule->reserved))));
}

void
option_check(const DefElem *option, OptionPlace place)
{
	const OptionRule *rule = rule_find(option->defname, place);

	if (rule == NULL)
		report_unknown_option(option->defname, place);
	check_right(rule);
	check_value(rule, defGetString(unconstify(DefElem *, option)));
}
