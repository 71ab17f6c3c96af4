/*
 * keys.c: which items do the values of a statement ask for?
 *
 * All conditions on a sort key, however many, become one set of disjoint ranges. Aggregate ids are taken once each; where
 * an OR gives each of them versions of its own, each has a set.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "postgres/condition/clause.h"
#include "postgres/core/encoding.h"
#include "postgres/scan/key_set.h"
#include "postgres/scan/keys.h"

/* Of every aggregate with every version, where both are lists. */
#define MOST_LISTED_KEYS 1000000

/* Where the values of a plan's terms come from. */
typedef struct Evaluation
{
	const ScanPlan *plan;
	List	   *exprs;
	List	   *states;
	ExprContext *econtext;
} Evaluation;

/* What one arm of a clause asks for. */
typedef struct ArmKeys
{
	bool		is_possible;	/* no value is NULL */
	bool		fixes_aggregates;
	AggregateId *ids;
	size_t		nids;
	KeySet		sort_keys;
} ArmKeys;

/* All arms of a clause. */
typedef struct ClauseKeys
{
	ArmKeys    *arms;
	size_t		narms;
} ClauseKeys;

typedef struct AggregateKeys
{
	AggregateId id;
	KeySet		versions;
} AggregateKeys;

/* The elements of an array that are not NULL. */
static Datum *
array_elements(Datum array, Oid *type, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	int			all = clause_array_elements(array, type, &elements, &nulls);

	*count = 0;
	for (int i = 0; i < all; i++)
		if (!nulls[i])
			elements[(*count)++] = elements[i];
	return elements;
}

/* An aggregate id as DynamoDB has it. false when it can be no key. */
static bool
aggregate_id_of(FmgrInfo *output, Datum value, AggregateId *id)
{
	char	   *string = OutputFunctionCall(output, value);

	id->text = encoding_to_utf8(string, strlen(string));
	id->length = strlen(id->text);
	return id->length > 0 && id->length <= MAX_AGGREGATE_ID_BYTES;
}

static void
arm_add_aggregates(ArmKeys *arm, Datum value, Oid type, bool is_array)
{
	int			count = 1;
	Datum	   *elements = is_array ? array_elements(value, &type, &count) : &value;
	Oid			function;
	bool		varlena;
	FmgrInfo	output;

	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info(function, &output);
	arm->fixes_aggregates = true;
	arm->ids = palloc(sizeof(AggregateId) * Max(count, 1));
	for (int i = 0; i < count; i++)
		if (aggregate_id_of(&output, elements[i], &arm->ids[arm->nids]))
			arm->nids++;
}

static void
arm_add_term(ArmKeys *arm, const Evaluation *evaluation, int n)
{
	PlannedTerm term = scan_plan_term(evaluation->plan, n);
	Oid			type = exprType(list_nth(evaluation->exprs, n));
	bool		isnull;
	Datum		value = ExecEvalExpr((ExprState *) list_nth(evaluation->states, n), evaluation->econtext, &isnull);

	if (isnull)
		arm->is_possible = false;
	else if (term.role == COLUMN_AGGREGATE_ID)
		arm_add_aggregates(arm, value, type, term.is_array);
	else
		arm->sort_keys = key_set_and(arm->sort_keys, term.is_array ? key_set_of_array(value)
									 : key_set_compared(term.strategy, value, type));
}

/* The fields of a row by which a key is known; false: one of them is NULL, as no key is. */
static bool
fields_of_row(Datum row, const PlannedTerm *term, Datum *aggregate, Datum *version)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	Oid			expected[] = {term->aggregate_type, term->version_type};
	Datum		values[2];
	bool		nulls[2];

	/* As PostgreSQL itself says when it compares such rows. */
	if (desc->natts != 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot compare record types with different numbers of columns")));
	for (int i = 0; i < 2; i++)
	{
		int			field = i == 0 ? term->aggregate_field : 3 - term->aggregate_field;
		Oid			type = TupleDescAttr(desc, field - 1)->atttypid;

		if (type != expected[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("cannot compare dissimilar column types %s and %s at record column %d",
							format_type_be(expected[i]), format_type_be(type), field)));
	}
	heap_deform_tuple(&tuple, desc, values, nulls);
	ReleaseTupleDesc(desc);
	*aggregate = values[term->aggregate_field - 1];
	*version = values[2 - term->aggregate_field];
	return !nulls[0] && !nulls[1];
}

/* (aggregate_id, version) = ANY (rows): an arm for each row. */
static ClauseKeys
evaluate_rows(const Evaluation *evaluation, int n)
{
	PlannedTerm term = scan_plan_term(evaluation->plan, n);
	bool		isnull;
	Datum		array = ExecEvalExpr((ExprState *) list_nth(evaluation->states, n), evaluation->econtext, &isnull);
	int			count = 0;
	Oid			type;
	Datum	   *rows = isnull ? NULL : array_elements(array, &type, &count);
	ClauseKeys	keys = {.arms = palloc0(sizeof(ArmKeys) * Max(count, 1))};

	for (int i = 0; i < count; i++)
	{
		ArmKeys    *arm = &keys.arms[keys.narms];
		Datum		aggregate;
		Datum		version;

		CHECK_FOR_INTERRUPTS();
		if (!fields_of_row(rows[i], &term, &aggregate, &version))
			continue;
		arm->is_possible = true;
		arm->sort_keys = key_set_compared(BTEqualStrategyNumber, version, term.version_type);
		arm_add_aggregates(arm, aggregate, term.aggregate_type, false);
		keys.narms++;
	}
	return keys;
}

/* The keys of the clause whose first term is *n, which becomes that of the next one. */
static ClauseKeys
evaluate_clause(const Evaluation *evaluation, int *n)
{
	int			nterms = list_length(evaluation->plan->terms);
	int			clause = scan_plan_term(evaluation->plan, *n).clause;
	ClauseKeys	keys = {.arms = palloc0(sizeof(ArmKeys) * (nterms - *n))};

	for (; *n < nterms; (*n)++)
	{
		PlannedTerm term = scan_plan_term(evaluation->plan, *n);
		ArmKeys    *arm = &keys.arms[term.arm];

		if (term.clause != clause)
			break;
		if (keys.narms == (size_t) term.arm)
		{
			*arm = (ArmKeys) {.is_possible = true, .sort_keys = key_set_everything()};
			keys.narms++;
		}
		if (arm->is_possible)
			arm_add_term(arm, evaluation, *n);
	}
	return keys;
}

/* Of a clause that fixes no aggregates. */
static KeySet
sort_keys_of_clause(const ClauseKeys *clause)
{
	KeySet	   *sets = palloc0(sizeof(KeySet) * clause->narms);

	for (size_t i = 0; i < clause->narms; i++)
		if (clause->arms[i].is_possible)
			sets[i] = clause->arms[i].sort_keys;
	return key_set_union(sets, clause->narms);
}

static int
compare_aggregates(const void *a, const void *b)
{
	return strcmp(((const AggregateKeys *) a)->id.text, ((const AggregateKeys *) b)->id.text);
}

/* Those that a clause fixes, each as often as it is named, in order. */
static AggregateKeys *
aggregates_of_clause(const ClauseKeys *clause, size_t *count)
{
	size_t		most = 0;
	AggregateKeys *aggregates;

	*count = 0;
	for (size_t i = 0; i < clause->narms; i++)
		most += clause->arms[i].nids;
	aggregates = palloc(sizeof(AggregateKeys) * Max(most, 1));
	for (size_t i = 0; i < clause->narms; i++)
		for (size_t j = 0; clause->arms[i].is_possible && j < clause->arms[i].nids; j++)
			aggregates[(*count)++] = (AggregateKeys)
		{
			.id = clause->arms[i].ids[j], .versions = clause->arms[i].sort_keys
		};
	qsort(aggregates, *count, sizeof(AggregateKeys), compare_aggregates);
	return aggregates;
}

/* Makes one of those of the same id; how many are left. */
static size_t
aggregates_unite(AggregateKeys *aggregates, size_t count)
{
	KeySet	   *sets = palloc(sizeof(KeySet) * Max(count, 1));
	size_t		kept = 0;

	for (size_t i = 0; i < count;)
	{
		AggregateKeys *first = &aggregates[i];
		size_t		same = 0;

		for (; i < count && compare_aggregates(first, &aggregates[i]) == 0; i++)
			sets[same++] = aggregates[i].versions;
		aggregates[kept] = *first;
		if (same > 1)
			aggregates[kept].versions = key_set_union(sets, same);
		kept++;
	}
	return kept;
}

static KeySet
as_read(const ScanPlan *plan, KeySet set)
{
	return plan->spans_gaps ? key_set_span_gaps(set, plan->item_bytes) : set;
}

/* All ranges of all aggregates. */
static bool
spec_of_aggregates(ReadSpec *spec, const AggregateKeys *aggregates, size_t count, KeySet versions)
{
	AggregateId *ids = palloc(sizeof(AggregateId) * Max(count, 1));

	for (size_t i = 0; i < count; i++)
		ids[i] = aggregates[i].id;
	spec->aggregates = ids;
	spec->naggregates = count;
	spec->ranges = versions.ranges;
	spec->nranges = versions.nranges;
	return count > 0 && versions.nranges > 0;
}

/* Is a range of versions read for less than its commits one by one? */
static bool
is_worth_a_query(const ScanPlan *plan, const KeyRange *range)
{
	double		items = (double) range->upper - (double) range->lower + 1;

	if (!range->has_lower || !range->has_upper)
		return true;
	return items > 1 && (plan->item_bytes == 0
						 || key_set_units(items, plan->item_bytes) < items * key_set_units(1, plan->item_bytes));
}

/* Takes out of the pieces what is read as single keys. One alone is read by a Query as well as otherwise. */
static void
spec_take_keys(ReadSpec *spec, const ScanPlan *plan, AggregateRange *pieces)
{
	CommitKey  *keys;
	size_t		nkeys = 0;
	size_t		kept = 0;

	for (size_t i = 0; i < spec->npieces; i++)
		if (!is_worth_a_query(plan, &pieces[i].range))
			nkeys += pieces[i].range.upper - pieces[i].range.lower + 1;
	if (nkeys < 2)
		return;
	keys = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(CommitKey) * nkeys);
	for (size_t i = 0; i < spec->npieces; i++)
	{
		const KeyRange *range = &pieces[i].range;

		if (is_worth_a_query(plan, range))
			pieces[kept++] = pieces[i];
		else
			for (int64 version = range->lower;; version++)
			{
				keys[spec->nkeys++] = (CommitKey) {.aggregate = pieces[i].aggregate, .version = version};
				if (version == range->upper)
					break;
			}
	}
	spec->keys = keys;
	spec->npieces = kept;
}

/* Each aggregate's own ranges, as far as the other clauses leave them. */
static bool
spec_of_pieces(ReadSpec *spec, const ScanPlan *plan, AggregateKeys *aggregates, size_t count, KeySet left)
{
	AggregateRange *pieces;
	size_t		most = 0;
	size_t		npieces = 0;

	for (size_t i = 0; i < count; i++)
	{
		aggregates[i].versions = as_read(plan, key_set_and(aggregates[i].versions, left));
		most += aggregates[i].versions.nranges;
	}
	pieces = palloc(sizeof(AggregateRange) * Max(most, 1));
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < aggregates[i].versions.nranges; j++)
			pieces[npieces++] = (AggregateRange)
		{
			.aggregate = aggregates[i].id, .range = aggregates[i].versions.ranges[j]
		};
	spec->pieces = pieces;
	spec->npieces = npieces;
	if (plan->by_keys)
		spec_take_keys(spec, plan, pieces);
	return npieces > 0;
}

/* From the beginning of the first range to the end of the last; of an empty set anything. What no moment can be beyond is no bound. */
static KeyRange
hull_of(KeySet set)
{
	KeyRange	hull = {0};

	if (set.nranges == 0)
		return hull;
	hull = set.ranges[0];
	hull.has_upper = set.ranges[set.nranges - 1].has_upper;
	hull.upper = set.ranges[set.nranges - 1].upper;
	hull.has_lower = hull.has_lower && hull.lower > PG_INT64_MIN;
	hull.has_upper = hull.has_upper && hull.upper < PG_INT64_MAX;
	return hull;
}

bool
keys_evaluate(const ScanPlan *plan, List *value_exprs, List *value_states, ExprContext *econtext, ReadSpec *spec,
			  KeyRange *times)
{
	Evaluation	evaluation = {.plan = plan, .exprs = value_exprs, .states = value_states, .econtext = econtext};
	KeySet		left = key_set_everything();
	KeySet		moments = key_set_everything();
	ClauseKeys	fixing = {0};
	AggregateKeys *aggregates;
	size_t		count;

	for (int n = 0; n < list_length(plan->terms);)
	{
		bool		is_first = n == 0;
		bool		is_of_time = scan_plan_term(plan, n).role == COLUMN_COMMITTED_AT;
		ClauseKeys	clause = scan_plan_term(plan, n).aggregate_field != 0 ? evaluate_rows(&evaluation, n++)
			: evaluate_clause(&evaluation, &n);

		if (plan->path == READ_AGGREGATE && is_first)
			fixing = clause;	/* see pushdown_for_path */
		else if (is_of_time)
			moments = key_set_and(moments, sort_keys_of_clause(&clause));
		else
			left = key_set_and(left, sort_keys_of_clause(&clause));
	}
	if (plan->path != READ_AGGREGATE)
	{
		left = as_read(plan, left);
		spec->ranges = left.ranges;
		spec->nranges = left.nranges;
		*times = hull_of(moments);
		return left.nranges > 0 && moments.nranges > 0;
	}
	aggregates = aggregates_of_clause(&fixing, &count);
	count = aggregates_unite(aggregates, count);
	if (fixing.narms == 1)
	{
		KeySet		versions = key_set_and(left, fixing.arms[0].sort_keys);

		/* So many keys are not listed. */
		if (!plan->by_keys || versions.nranges > MOST_LISTED_KEYS / Max(count, 1))
			return spec_of_aggregates(spec, aggregates, count, as_read(plan, versions));
	}
	return spec_of_pieces(spec, plan, aggregates, count, left);
}
