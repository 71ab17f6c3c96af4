/*
 * unless.c: does a query find anything among the commits that came?
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "postgres/decide/unless.h"

#define RELATION_NAME "batch"

static void
register_batch(const NewerCommits *newer)
{
	EphemeralNamedRelation batch = palloc0(sizeof(EphemeralNamedRelationData));

	batch->md.name = RELATION_NAME;
	batch->md.reliddesc = newer->table->relation;
	batch->md.enrtype = ENR_NAMED_TUPLESTORE;
	batch->md.enrtuples = 100;	/* for the planner; most races are lost to a few */
	batch->reldata = newer->rows;
	if (SPI_register_relation(batch) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the relation \"%s\"", RELATION_NAME);
}

/* NULL: it is another statement, or not one. */
static const Query *
query_of_plan(SPIPlanPtr plan)
{
	const CachedPlanSource *source;
	const Query *query;

	if (!SPI_is_cursor_plan(plan))
		return NULL;
	source = linitial(SPI_plan_get_plan_sources(plan));
	query = linitial_node(Query, source->query_list);
	return query->commandType == CMD_SELECT ? query : NULL;
}

/* SPI would find it out only when the query is run. */
static void
check_reads_only(const Query *query)
{
	if (query->hasModifyingCTE || query->rowMarks != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"unless\" changes or locks rows"),
				 errhint("Give a SELECT over the relation \"%s\" that only reads.", RELATION_NAME)));
}

SPIPlanPtr
unless_prepare(const char *query, const NewerCommits *newer)
{
	SPIPlanPtr	plan;
	const Query *query_tree;

	register_batch(newer);
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	query_tree = query_of_plan(plan);
	if (query_tree == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"unless\" is not one query that returns rows"),
				 errhint("Give a SELECT over the relation \"%s\".", RELATION_NAME)));
	check_reads_only(query_tree);
	return plan;
}

static int64
id_of_row(const NewerCommits *newer)
{
	const Column *commit_id = newer->table->map->by_role[COLUMN_COMMIT_ID];
	TupleDesc	desc = SPI_tuptable->tupdesc;
	int			column = commit_id != NULL ? SPI_fnumber(desc, commit_id->name) : SPI_ERROR_NOATTRIBUTE;
	bool		isnull = true;
	int64		id = 0;

	if (column > 0 && SPI_gettypeid(desc, column) == INT8OID)
		id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], desc, column, &isnull));
	return !isnull && id >= newer->first_id && id <= newer->last_id ? id : 0;
}

static void
say_read_only(void *arg)
{
	errcontext("query \"unless\" of dynamodb_es_append, which runs read-only");
}

/*
 * SPI refuses a query that changes rows itself, and knows nothing of what the functions in it do. One that appends for each row
 * would have more rows to look at each time. So the transaction is read-only meanwhile. An error undoes that as well: the transaction
 * or savepoint that it ends goes back to what it was when it began. (From 16 on, set_config_option refuses to set this for a while.)
 */
static int
execute_read_only(SPIPlanPtr plan)
{
	ErrorContextCallback context = {.callback = say_read_only, .previous = error_context_stack};
	bool		was_read_only = XactReadOnly;
	int			result;

	XactReadOnly = true;
	error_context_stack = &context;
	result = SPI_execute_plan(plan, NULL, NULL, true, 1);
	error_context_stack = context.previous;
	XactReadOnly = was_read_only;
	return result;
}

UnlessAnswer
unless_ask(SPIPlanPtr plan, const NewerCommits *newer)
{
	UnlessAnswer answer = {0};
	int			result;

	/* A query that only reads takes the snapshot that it finds, so it is given one of its own. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	result = execute_read_only(plan);
	PopActiveSnapshot();
	if (result < 0)
		elog(ERROR, "could not run the query: %s", SPI_result_code_string(result));
	answer.has_row = SPI_processed > 0;
	if (answer.has_row && SPI_tuptable != NULL)
		answer.commit_id = id_of_row(newer);
	if (answer.commit_id == 0 && newer->count == 1)
		answer.commit_id = newer->first_id;
	SPI_freetuptable(SPI_tuptable);
	return answer;
}
