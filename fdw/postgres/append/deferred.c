/*
 * deferred.c: what is appended when the transaction commits?
 *
 * DynamoDB is no part of the local transaction. But the request can be the last thing before the local commit. By then
 * constraints have been checked and triggers have run, so little can still make the commit fail. To be all or nothing the rows
 * go in one request: they are rows of one store, and no more than one request takes.
 *
 * Each row knows the level of subtransactions that it belongs to. Rows come in the order of levels, so those of a
 * level that is rolled back are the last ones.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "foreign/foreign.h"
#include "storage/proc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "postgres/append/deferred.h"
#include "postgres/core/errors.h"
#include "postgres/scan/feed_scan.h"
#include "store/transaction.h"

typedef struct WaitingRow
{
	int			level;			/* GetCurrentTransactionNestLevel */
	int64		max_version;	/* that its table's column can hold */
	MemoryContext context;		/* its texts */
} WaitingRow;

typedef struct WaitingRows
{
	MemoryContext context;		/* all of this; a child of TopTransactionContext */
	DeferredStore store;
	RowBatch	batch;
	AppendRow	rows[APPEND_DENSE_ROWS + 1];	/* one more, to find that it is too many */
	WaitingRow	waiting[APPEND_DENSE_ROWS + 1];
	int64		expected;		/* the head under which all was decided */
	int			expecting_level;	/* the level that has said so; 0: any head will do */
} WaitingRows;

static WaitingRows *waiting_rows = NULL;
static bool committing = false; /* nothing that comes now would be appended */

static const char *
copy_of(const char *string)
{
	return string != NULL ? pstrdup(string) : NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

DeferredStore *
deferred_store_new(Oid user, Oid server, Oid user_mapping, Oid table_owner, const Client *client, const char *relation_name)
{
	DeferredStore *store = palloc(sizeof(DeferredStore));

	if (IsolationIsSerializable())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot append to foreign table \"%s\" at the commit of a SERIALIZABLE transaction", relation_name),
				 errdetail("PostgreSQL may still refuse that commit when the append can no longer be taken back.")));
	*store = (DeferredStore)
	{
		.user = user,
		.server = server,
		.user_mapping = user_mapping,
		.table_owner = table_owner,
		.endpoint = client_endpoint(client),
		.region = client_region(client),
	};
	return store;
}

static void
drop_all(void)
{
	MemoryContext context = waiting_rows->context;

	waiting_rows = NULL;
	MemoryContextDelete(context);
}

/* Those of this level and deeper ones. */
static void
drop_from_level(int level)
{
	RowBatch   *batch = &waiting_rows->batch;

	while (batch->nrows > 0 && waiting_rows->waiting[batch->nrows - 1].level >= level)
		MemoryContextDelete(waiting_rows->waiting[--batch->nrows].context);
	if (waiting_rows->expecting_level >= level)
	{
		waiting_rows->expecting_level = 0;
		batch->settings.expected = NULL;
	}
	if (batch->nrows == 0 && waiting_rows->expecting_level == 0)
		drop_all();
}

static void
hand_to_level(int level)
{
	for (int i = waiting_rows->batch.nrows; i-- > 0 && waiting_rows->waiting[i].level > level;)
		waiting_rows->waiting[i].level = level;
	waiting_rows->expecting_level = Min(waiting_rows->expecting_level, level);
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	if (waiting_rows == NULL)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		drop_from_level(level);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		hand_to_level(level - 1);
}

/*
 * PostgreSQL counts statement_timeout no longer when it commits; here the statement is still at work. Where it does
 * count, in a procedure that commits, the statement is the whole procedure.
 */
static bool
start_statement_timeout(void)
{
	if (StatementTimeout <= 0 || get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	return true;
}

/*
 * Rows may have waited for long, and the keys that were good then have been replaced. What is new must not lead
 * anywhere else, though: into another store, or by another mapping into another account.
 */
static void
connect_to_store(void)
{
	const DeferredStore *store = &waiting_rows->store;
	RowBatch   *batch = &waiting_rows->batch;
	MemoryContext caller = MemoryContextSwitchTo(waiting_rows->context);
	const Client *client;

	AcceptInvalidationMessages();
	batch->tenure = tenure_new(waiting_rows->context, connection_acquire(store->user, store->server, store->table_owner));
	client = tenure_client(batch->tenure);
	if (GetUserMapping(store->user, store->server)->umid != store->user_mapping
		|| strcmp(client_endpoint(client), store->endpoint) != 0
		|| strcmp(client_region(client), store->region) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot append to foreign table \"%s\" at the commit of this transaction", batch->relation_name),
				 errdetail("The server's endpoint or region, or the user mapping, is another one than when its rows came."),
				 errhint("Nothing was sent. Repeat the transaction.")));
	MemoryContextSwitchTo(caller);
}

/* The rows may be of several tables: a version that is left out must suit all of them. */
static void
limit_versions(void)
{
	RowBatch   *batch = &waiting_rows->batch;

	batch->settings.max_version = PG_INT64_MAX;
	for (int i = 0; i < batch->nrows; i++)
		batch->settings.max_version = Min(batch->settings.max_version, waiting_rows->waiting[i].max_version);
}

static void
report_moved(void)
{
	const RowBatch *batch = &waiting_rows->batch;
	int64		head = *batch->settings.head;

	if (head < waiting_rows->expected)
		feed_scan_report_behind(batch->relation_name, waiting_rows->expected, psprintf(INT64_FORMAT, head));
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("the last commit id of foreign table \"%s\" is not " INT64_FORMAT " any more",
					batch->relation_name, waiting_rows->expected),
			 errdetail("It is " INT64_FORMAT ". Nothing of this transaction was appended.", head),
			 errhint("Repeat the transaction.")));
}

static void
append_waiting(void)
{
	bool		has_started_timeout;

	connect_to_store();
	limit_versions();
	has_started_timeout = start_statement_timeout();

	PG_TRY();
	{
		if (!batch_try(&waiting_rows->batch))
			report_moved();
		batch_wake(&waiting_rows->batch);
	}
	PG_FINALLY();
	{
		batch_give_turn(&waiting_rows->batch);
		if (has_started_timeout)
			disable_timeout(STATEMENT_TIMEOUT, false);
	}
	PG_END_TRY();
	/* What comes too late to stop the append must not stop the commit that belongs to it. */
	QueryCancelPending = false;
}

static void
transaction_ends(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			committing = true;
			if (waiting_rows != NULL)
				append_waiting();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (waiting_rows != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that appends to foreign table \"%s\" at its commit",
								waiting_rows->batch.relation_name)));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			committing = false;
			waiting_rows = NULL;	/* the memory goes with the transaction's */
			break;
		default:
			break;
	}
}

void
deferred_init(void)
{
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}

static void
start_waiting(const DeferredStore *store, const RowBatch *batch)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "dynamodb_es rows of the transaction",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WaitingRows *start = palloc0(sizeof(WaitingRows));

	start->context = context;
	start->store = *store;
	start->store.endpoint = pstrdup(store->endpoint);
	start->store.region = pstrdup(store->region);
	start->batch = *batch;
	start->batch.relation_name = pstrdup(batch->relation_name);
	start->batch.names = (StoreNames)
	{
		.commit_table = pstrdup(batch->names.commit_table),
		.commit_index = pstrdup(batch->names.commit_index),
		.counter_table = pstrdup(batch->names.counter_table),
		.counter = pstrdup(batch->names.counter),
	};
	start->batch.settings.indivisible = true;
	start->batch.settings.token_attribute = copy_of(batch->settings.token_attribute);
	start->batch.tenure = NULL;
	start->batch.context = context;
	start->batch.rows = start->rows;
	start->batch.nrows = 0;
	start->batch.usage = (Usage) {0};
	MemoryContextSwitchTo(caller);
	waiting_rows = start;
}

static bool
is_same_store(const DeferredStore *store, const StoreNames *names)
{
	const DeferredStore *first = &waiting_rows->store;
	const StoreNames *first_names = &waiting_rows->batch.names;

	return strcmp(store->endpoint, first->endpoint) == 0
		&& strcmp(store->region, first->region) == 0
		&& strcmp(names->commit_table, first_names->commit_table) == 0
		&& strcmp(names->counter_table, first_names->counter_table) == 0
		&& strcmp(names->counter, first_names->counter) == 0;
}

/* Rows of another table of the same store wait with the first one's. */
static void
join_waiting(const DeferredStore *store, const RowBatch *batch)
{
	const AppendSettings *settings = &waiting_rows->batch.settings;

	if (!is_same_store(store, &batch->names))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot append to two stores at the commit of one transaction"),
				 errdetail("Foreign table \"%s\" is not in the store of foreign table \"%s\", whose rows wait for it.",
						   batch->relation_name, waiting_rows->batch.relation_name)));
	if (store->user_mapping != waiting_rows->store.user_mapping)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot append by two user mappings at the commit of one transaction"),
				 errdetail("Rows of foreign table \"%s\" wait for it that go by another one.",
						   waiting_rows->batch.relation_name)));
	if (batch->settings.contiguous != settings->contiguous
		|| !same_text(batch->settings.token_attribute, settings->token_attribute))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot append to foreign tables \"%s\" and \"%s\" at the commit of one transaction",
						waiting_rows->batch.relation_name, batch->relation_name),
				 errdetail("They differ in the options append_token or contiguous_versions.")));
	if (!superuser_arg(store->table_owner))
		waiting_rows->store.table_owner = store->table_owner;
}

static bool
same_aggregate(const Commit *a, const Commit *b)
{
	return a->aggregate_id_length == b->aggregate_id_length
		&& memcmp(a->aggregate_id, b->aggregate_id, a->aggregate_id_length) == 0;
}

static bool
is_waiting(const Commit *commit, int64 version)
{
	for (int i = 0; i < waiting_rows->batch.nrows; i++)
		if (!waiting_rows->rows[i].next_version && waiting_rows->rows[i].commit.version == version
			&& same_aggregate(&waiting_rows->rows[i].commit, commit))
			return true;
	return false;
}

static void
check_not_waiting(const AppendRow *row)
{
	Failure		twice;

	if (row->next_version || !is_waiting(&row->commit, row->commit.version))
		return;
	failure_set(&twice, FAILURE_CONDITION, NULL, "two rows have it");
	report_append_failure(&twice, waiting_rows->batch.relation_name, &row->commit, NULL);
}

/* With the longest values that the store could fill in. */
static Commit
widest_of(const AppendRow *row)
{
	Commit		commit = row->commit;

	commit.commit_id = PG_INT64_MAX;
	commit.appended_at = PG_INT64_MAX;
	if (row->next_version)
		commit.version = PG_INT64_MAX;
	if (!commit.committed_at_given)
		commit.committed_at = PG_INT64_MAX;
	return commit;
}

/* The rows that wait, the last one included, have to fit into one request. */
static void
check_limits(void)
{
	const RowBatch *batch = &waiting_rows->batch;
	Commit		commits[APPEND_DENSE_ROWS + 1];
	TransactionRow rows[APPEND_DENSE_ROWS + 1] = {{0}};

	for (int i = 0; i < batch->nrows; i++)
	{
		int64		before = batch->rows[i].commit.version - 1;

		commits[i] = widest_of(&batch->rows[i]);
		rows[i] = (TransactionRow)
		{
			.commit = &commits[i],
			.checks_before = batch->settings.contiguous && before >= 0 && !is_waiting(&commits[i], before)
		};
	}
	if (transaction_cut(rows, batch->nrows) < (size_t) batch->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for foreign table \"%s\" in one transaction", batch->relation_name),
				 errdetail("What is appended at commit goes to DynamoDB in one request, which takes %d commits and 4 MB;"
						   " each check of contiguous_versions is one commit less.", APPEND_DENSE_ROWS)));
}

/* Deep: what a row points at belongs to its statement. */
static AppendRow
copy_row(const AppendRow *row)
{
	AppendRow	copy = *row;
	Commit	   *commit = &copy.commit;
	Attribute  *extra = palloc(sizeof(Attribute) * Max(commit->nextra, 1));

	commit->aggregate_id = pnstrdup(commit->aggregate_id, commit->aggregate_id_length);
	commit->events = pnstrdup(commit->events, commit->events_length);
	for (size_t i = 0; i < commit->nextra; i++)
	{
		extra[i] = commit->extra[i];
		extra[i].name = pstrdup(extra[i].name);
		if (extra[i].value.text != NULL)
			extra[i].value.text = pnstrdup(extra[i].value.text, extra[i].value.length);
	}
	commit->extra = extra;
	return copy;
}

static void
keep_row(const AppendRow *row, int64 max_version)
{
	RowBatch   *batch = &waiting_rows->batch;
	MemoryContext context;
	MemoryContext caller;

	check_not_waiting(row);
	context = AllocSetContextCreate(waiting_rows->context, "dynamodb_es row", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	batch->rows[batch->nrows] = copy_row(row);
	MemoryContextSwitchTo(caller);
	waiting_rows->waiting[batch->nrows] = (WaitingRow)
	{
		.level = GetCurrentTransactionNestLevel(), .max_version = max_version, .context = context
	};
	batch->nrows++;
	/* The row that was too many goes with the level of its statement. */
	check_limits();
}

/* Whatever comes next goes with what waits already. */
static void
begin_waiting(const DeferredStore *store, const RowBatch *batch)
{
	if (committing)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot append to foreign table \"%s\" while the transaction commits", batch->relation_name)));
	if (waiting_rows == NULL)
		start_waiting(store, batch);
	else
		join_waiting(store, batch);
}

void
deferred_keep(const DeferredStore *store, const RowBatch *batch)
{
	begin_waiting(store, batch);
	for (int i = 0; i < batch->nrows; i++)
		keep_row(&batch->rows[i], batch->settings.max_version);
}

void
deferred_expect(const DeferredStore *store, const RowBatch *batch, int64 head)
{
	begin_waiting(store, batch);
	if (waiting_rows->expecting_level > 0 && waiting_rows->expected != head)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the last commit id of foreign table \"%s\" cannot be both " INT64_FORMAT " and " INT64_FORMAT,
						batch->relation_name, waiting_rows->expected, head),
				 errdetail("This transaction expects both: something came while it decided."),
				 errhint("Repeat the transaction.")));
	if (waiting_rows->expecting_level == 0)
		waiting_rows->expecting_level = GetCurrentTransactionNestLevel();
	waiting_rows->expected = head;
	waiting_rows->batch.settings.expected = &waiting_rows->expected;
}
