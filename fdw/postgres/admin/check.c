/*
 * check.c: is a store as it has to be?
 *
 * What can be told by a few requests is told here: the tables, and the counter beside the largest commit id. What takes
 * a look at every commit is in check_deep.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "postgres/admin/check.h"
#include "postgres/core/encoding.h"
#include "postgres/session/task.h"

PG_FUNCTION_INFO_V1(dynamodb_es_check);

enum
{
	CHECK_SEVERITY,
	CHECK_WHAT,
	CHECK_WHERE,
	CHECK_HINT,
	CHECK_COLUMNS
};

void
check_found(Check *check, const char *severity, const char *what, const char *where, const char *hint)
{
	bool		nulls[CHECK_COLUMNS] = {0};
	Datum		values[CHECK_COLUMNS] = {
		[CHECK_SEVERITY] = CStringGetTextDatum(severity),
		[CHECK_WHAT] = CStringGetTextDatum(what),
		[CHECK_WHERE] = CStringGetTextDatum(where),
		[CHECK_HINT] = CStringGetTextDatum(hint),
	};

	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/* Text in UTF-8, of the layers below or of options, as a message shows it. */
static char *
shown(const char *words)
{
	return encoding_for_message(words, strlen(words), strlen(words));
}

static void
check_table(Check *check, const TableSchema *found, TableDefinition wanted)
{
	char	   *where = psprintf("DynamoDB table \"%s\"", wanted.table);
	TableSchema schema = *found;
	char		words[1024];

	if (!schema.exists)
		check_found(check, CHECK_ERROR, "there is no such table", where,
					"Create it with dynamodb_es_create_tables, or check the options of the foreign table and the region.");
	else if (strcmp(schema.status, "ACTIVE") != 0)
		check_found(check, CHECK_WARNING, psprintf("the table is %s", shown(schema.status)), where,
					"Check again later.");
	while (schema.exists && schema_next_fault(&schema, &wanted, words, sizeof(words)))
		check_found(check, CHECK_ERROR, shown(words), where,
					"Check the options commit_table, commit_index and counter_table. "
					"A store of dynamodb-event-store 2.x has another format, which cannot be read.");
}

static void
check_index(Check *check, const StoreNames *names)
{
	const TableSchema *commits = &check->report->commits;

	if (commits->has_index && !schema_index_is_usable(commits))
		check_found(check, CHECK_WARNING, psprintf("the index is %s", shown(commits->index_status)),
					psprintf("index \"%s\" of DynamoDB table \"%s\"", names->commit_index, names->commit_table),
					"Its commits cannot be looked at yet. Check again later.");
	if (check->report->last_id_is_none)
		check_found(check, CHECK_ERROR, "the largest commit id of the index is no bigint",
					psprintf("index \"%s\" of DynamoDB table \"%s\"", names->commit_index, names->commit_table),
					"Whether the counter is behind the commits cannot be told. The deep check names the commit.");
}

static char *
command_to_raise(const Check *check)
{
	char	   *table = DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(check->relation)));

	return psprintf("Let nobody append until it is raised: SELECT dynamodb_es_set_head(%s, " INT64_FORMAT ").",
					quote_literal_cstr(table), check->report->max_commit_id);
}

/* The counter may be ahead of the commits, never behind. */
static void
check_counter(Check *check, const StoreNames *names)
{
	const TablesReport *report = check->report;
	char	   *where = psprintf("counter \"%s\" in DynamoDB table \"%s\"", shown(names->counter), names->counter_table);

	if (!report->counters.exists || !schema_fits(&report->counters))
		return;
	if (report->counter_is_none)
		check_found(check, CHECK_ERROR, "the counter does not hold an integer", where,
					"No commit can be appended. Check the options counter_table and counter.");
	else if (report->max_commit_id > report->head)
		check_found(check, CHECK_ERROR,
					psprintf("the counter is at " INT64_FORMAT ", and there are commits up to " INT64_FORMAT
							 ": ids are given out twice", report->head, report->max_commit_id),
					where, command_to_raise(check));
}

Datum
dynamodb_es_check(PG_FUNCTION_ARGS)
{
	Check		check = {.result = (ReturnSetInfo *) fcinfo->resultinfo, .relation = PG_GETARG_OID(0)};
	bool		deep = PG_GETARG_BOOL(1);
	StoreNames	names;

	task_check_wrapper(check.relation);
	task_check_select(check.relation);
	InitMaterializedSRF(fcinfo, 0);
	check.relation_name = get_rel_name(check.relation);
	check.report = task_run(check.relation, TABLES_CHECK, &names);
	check_table(&check, &check.report->commits, schema_of_commits(&names));
	check_index(&check, &names);
	check_table(&check, &check.report->counters, schema_of_counters(&names));
	check_counter(&check, &names);
	if (deep)
	{
		check_ids(&check);
		check_commits(&check);
	}
	return (Datum) 0;
}
