/*
 * functions.c: what can be done with projections in SQL?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "aws/http.h"
#include "postgres/core/arguments.h"
#include "postgres/projection/apply.h"
#include "postgres/projection/batch.h"
#include "postgres/projection/follow.h"
#include "postgres/projection/handler.h"
#include "postgres/projection/passed.h"
#include "postgres/projection/rights.h"
#include "postgres/projection/row.h"
#include "postgres/projection/session.h"
#include "postgres/session/wait.h"

PG_FUNCTION_INFO_V1(dynamodb_es_projection_restored);
PG_FUNCTION_INFO_V1(dynamodb_es_projection_handler);
PG_FUNCTION_INFO_V1(dynamodb_es_create_projection);
PG_FUNCTION_INFO_V1(dynamodb_es_alter_projection);
PG_FUNCTION_INFO_V1(dynamodb_es_drop_projection);
PG_FUNCTION_INFO_V1(dynamodb_es_reset);
PG_FUNCTION_INFO_V1(dynamodb_es_skip);
PG_FUNCTION_INFO_V1(dynamodb_es_run);
PG_FUNCTION_INFO_V1(dynamodb_es_follow);
PG_FUNCTION_INFO_V1(dynamodb_es_wait_for);

#define LONGEST_BATCH 100000
#define SHORTEST_POLL_MS 10
#define LONGEST_MS INT64CONST(86400000)

/* dynamodb_es_wait_for looks that often: at first, and later. */
#define FIRST_LOOK_MS 5
#define LONGEST_LOOK_MS 100

Datum
dynamodb_es_projection_restored(PG_FUNCTION_ARGS)
{
	static const char *const columns[] = {"enabled", "restored"};
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	int			numbers[lengthof(columns)];
	Datum		values[lengthof(columns)] = {BoolGetDatum(false), BoolGetDatum(true)};
	bool		nulls[lengthof(columns)] = {false, false};

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"%s\" is the trigger of a table of the extension",
							   "dynamodb_es_projection_restored")));
	if (projection_inserts())
		return PointerGetDatum(trigger->tg_trigtuple);
	desc = RelationGetDescr(trigger->tg_relation);
	for (size_t i = 0; i < lengthof(columns); i++)
	{
		numbers[i] = SPI_fnumber(desc, columns[i]);
		if (numbers[i] <= 0)
			elog(ERROR, "column \"%s\" is missing", columns[i]);
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_trigtuple, desc, lengthof(columns), numbers, values, nulls));
}

Datum
dynamodb_es_projection_handler(PG_FUNCTION_ARGS)
{
	Handler		handler;

	if (!handler_find(text_to_cstring(PG_GETARG_TEXT_PP(0)), &handler))
		PG_RETURN_NULL();
	PG_RETURN_OID(handler.function);
}

static void
check_range(const char *what, int64 value, int64 least, int64 most, const char *unit)
{
	if (value < least || value > most)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be between " INT64_FORMAT " and " INT64_FORMAT "%s", what, least, most, unit)));
}

/* Months and days as in EXTRACT (EPOCH …); what is longer than can be said is a day too much. */
static int64
interval_ms(const Interval *interval)
{
	double		ms = interval->time / 1000.0 + (interval->day + interval->month * 30.0) * 86400000.0;

	return ms > 2.0 * LONGEST_MS ? 2 * LONGEST_MS : ms < -1 ? -1 : (int64) ms;
}

static void
check_settings(const ProjectionRow *row)
{
	check_range("batch_size", row->batch_size, 1, LONGEST_BATCH, "");
	check_range("poll_interval", row->poll_interval_ms, SHORTEST_POLL_MS, LONGEST_MS, " ms");
	check_range("gap_timeout", row->gap_timeout_ms, 1000, LONGEST_MS, " ms");
}

/* The handler that is asked for, by whoever may have it run in its owner's name. */
static void
set_handler(ProjectionRow *row, Oid function)
{
	Handler		handler = handler_of_function(function);

	if (!is_member_of_role(GetUserId(), handler.owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FUNCTION, format_procedure(function));
	handler_check_rights(&handler);
	row->handler = handler_text(&handler);
	row->owner = GetUserNameFromId(handler.owner, false);
}

Datum
dynamodb_es_create_projection(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name", "handler", "start_after", "batch_size", "poll_interval", "gap_timeout", "enabled"};
	ProjectionRow row;

	arguments_check_given(fcinfo, names, lengthof(names));
	row = (ProjectionRow)
	{
		.name = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.position = PG_GETARG_INT64(2),
		.batch_size = PG_GETARG_INT32(3),
		.poll_interval_ms = interval_ms(PG_GETARG_INTERVAL_P(4)),
		.gap_timeout_ms = interval_ms(PG_GETARG_INTERVAL_P(5)),
		.enabled = PG_GETARG_BOOL(6),
	};

	if (row.name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a projection needs a name")));
	check_range("start_after", row.position, 0, PG_INT64_MAX - 1, "");
	check_settings(&row);
	set_handler(&row, PG_GETARG_OID(1));
	projection_insert(&row);
	PG_RETURN_VOID();
}

Datum
dynamodb_es_alter_projection(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name"};
	ProjectionRow *row;

	arguments_check_given(fcinfo, names, lengthof(names));
	row = projection_get_locked(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (!PG_ARGISNULL(1))
		set_handler(row, PG_GETARG_OID(1));
	if (!PG_ARGISNULL(2))
		row->batch_size = PG_GETARG_INT32(2);
	if (!PG_ARGISNULL(3))
		row->poll_interval_ms = interval_ms(PG_GETARG_INTERVAL_P(3));
	if (!PG_ARGISNULL(4))
		row->gap_timeout_ms = interval_ms(PG_GETARG_INTERVAL_P(4));
	if (!PG_ARGISNULL(5))
	{
		row->enabled = PG_GETARG_BOOL(5);
		row->restored = row->restored && !row->enabled;
	}
	check_settings(row);
	projection_update(row);
	PG_RETURN_VOID();
}

Datum
dynamodb_es_drop_projection(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name"};
	ProjectionRow *row;

	arguments_check_given(fcinfo, names, lengthof(names));
	row = projection_get_locked(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	projection_delete(row->name);
	PG_RETURN_VOID();
}

Datum
dynamodb_es_reset(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name", "position"};
	ProjectionRow *row;

	arguments_check_given(fcinfo, names, lengthof(names));
	row = projection_get_locked(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	check_range("position", PG_GETARG_INT64(1), 0, PG_INT64_MAX - 1, "");
	projection_reset(row->name, PG_GETARG_INT64(1));
	PG_RETURN_VOID();
}

Datum
dynamodb_es_skip(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name", "commit_id"};
	ProjectionRow *row;
	int64		commit_id;

	arguments_check_given(fcinfo, names, lengthof(names));
	row = projection_get_locked(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	commit_id = PG_GETARG_INT64(1);

	if (commit_id <= row->position && !passed_skip(row->name, commit_id))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("projection \"%s\" has come past commit " INT64_FORMAT, row->name, commit_id),
						errdetail("Its position is " INT64_FORMAT ".", row->position)));
	if (commit_id > row->position)
		passed_skip_next(row->name, commit_id);
	PG_RETURN_VOID();
}

/* A handler that asks for the next batch while it has one would get the same one. */
static void
check_is_idle(const ProjectionSession *session)
{
	if (session->is_busy)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("projection \"%s\" is at work on a batch in this session", session->name)));
}

/* A failed batch is smaller the next time in this session, until it is one commit; then they grow again. */
static void
learn(ProjectionSession *session, const ProjectionRow *row, bool failed)
{
	if (failed)
		session->limit = session->failing != NULL ? Max(session->last_count / 2, 1) : session->limit;
	else if (session->limit > 0)
		session->limit = session->limit < row->batch_size / 2 ? session->limit * 2 : 0;
}

/* false: somebody else has been faster. His lock is ours from then on, and nobody is faster a second time. */
static bool
run_batch(ProjectionSession *session, const ProjectionRow *row, int64 *applied)
{
	Handler		handler;
	Batch	   *batch;

	session_note_failing(session, NULL, false);
	if (!handler_find(row->handler, &handler))
		handler_report_missing(row->handler, row->name);
	batch = batch_read(session, row, &handler, apply_batch_size(session, row), false);
	session->last_count = batch->count;
	return apply_batch(session, row, &handler, batch, applied) != APPLY_OVERTAKEN;
}

Datum
dynamodb_es_run(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name"};
	char	   *name;
	ProjectionSession *session;
	ProjectionRow *volatile row = NULL;
	int64		applied = 0;
	volatile bool done = false;

	arguments_check_given(fcinfo, names, lengthof(names));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PreventCommandIfReadOnly("dynamodb_es_run()");
	row = projection_get(name);
	session = projection_session(name);
	PG_TRY();
	{
		do
		{
			row = projection_get(name);
			projection_check_enabled(row);
			check_is_idle(session);
			done = run_batch(session, row, &applied);
		} while (!done);
	}
	PG_FINALLY();
	{
		learn(session, row, !done);
	}
	PG_END_TRY();
	PG_RETURN_INT64(applied);
}

/* The procedure commits by itself, so nothing may be around it. */
static void
check_is_top_level(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || SPI_inside_nonatomic_context())
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("dynamodb_es_follow cannot run inside a transaction block, a function or a procedure"),
						errhint("CALL it as a statement of its own, or use dynamodb_es_run.")));
}

Datum
dynamodb_es_follow(PG_FUNCTION_ARGS)
{
	FollowSpec	spec = {
		.name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.until_caught_up = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1),
		.parts = 1,
	};

	check_is_top_level(fcinfo);
	PreventCommandIfReadOnly("dynamodb_es_follow()");
	if (spec.name != NULL)
		projection_check_enabled(projection_get(spec.name));
	follow_projections(&spec);
	PG_RETURN_VOID();
}

/* Only a snapshot for each look tells what others have committed. */
static void
check_sees_commits(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("dynamodb_es_wait_for works in READ COMMITTED transactions only"),
						errdetail("This one sees the position as it was when it began.")));
}

Datum
dynamodb_es_wait_for(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name", "commit_id", "timeout"};
	char	   *name;
	int64		commit_id;
	int64		deadline;
	int64		pause_ms = FIRST_LOOK_MS;

	arguments_check_given(fcinfo, names, lengthof(names));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	commit_id = PG_GETARG_INT64(1);
	deadline = http_now_ms() + Max(interval_ms(PG_GETARG_INTERVAL_P(2)), 0);
	check_sees_commits();
	for (;;)
	{
		int64		left_ms = deadline - http_now_ms();

		if (projection_get(name)->position >= commit_id)
			PG_RETURN_BOOL(true);
		if (left_ms <= 0)
			PG_RETURN_BOOL(false);
		wait_for_time(Min(pause_ms, left_ms));
		pause_ms = Min(pause_ms * 2, LONGEST_LOOK_MS);
	}
}
