/*
 * lane_rows.c: which rows are in one lane, in which order do they come, and under which ids?
 *
 * What becomes of them by requests is lane.c's.
 */
#include "store/lane.h"

#include <stdlib.h>
#include <string.h>

void
lane_init(Lane *lane, AppendRow **rows, size_t nrows)
{
	memset(lane, 0, sizeof(*lane));
	lane->rows = rows;
	lane->nrows = nrows;
	lane->state = LANE_NEW;
	for (size_t i = 0; i < nrows; i++)
		if (rows[i]->next_version)
			lane->state = LANE_NEEDS_LAST_VERSION;
}

static int
compare_aggregates(const AppendRow *a, const AppendRow *b)
{
	size_t		shorter = a->commit.aggregate_id_length < b->commit.aggregate_id_length
		? a->commit.aggregate_id_length : b->commit.aggregate_id_length;
	int			order = memcmp(a->commit.aggregate_id, b->commit.aggregate_id, shorter);

	if (order != 0)
		return order;
	return (a->commit.aggregate_id_length > shorter) - (b->commit.aggregate_id_length > shorter);
}

/* By aggregate, and within one in the order of the statement. */
static int
compare_rows(const void *a, const void *b)
{
	const AppendRow *x = *(AppendRow *const *) a;
	const AppendRow *y = *(AppendRow *const *) b;
	int			order = compare_aggregates(x, y);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Lanes in the order in which the statement first names their aggregates. */
static int
compare_lanes(const void *a, const void *b)
{
	const AppendRow *x = ((const Lane *) a)->rows[0];
	const AppendRow *y = ((const Lane *) b)->rows[0];

	return (x > y) - (x < y);
}

size_t
lanes_make(Lane *lanes, AppendRow **order, AppendRow *rows, size_t nrows)
{
	size_t		nlanes = 0;
	size_t		first = 0;

	for (size_t i = 0; i < nrows; i++)
		order[i] = &rows[i];
	qsort(order, nrows, sizeof(AppendRow *), compare_rows);
	for (size_t i = 1; i <= nrows; i++)
	{
		if (i < nrows && compare_aggregates(order[i], order[first]) == 0)
			continue;
		lane_init(&lanes[nlanes++], order + first, i - first);
		first = i;
	}
	qsort(lanes, nlanes, sizeof(Lane), compare_lanes);
	return nlanes;
}

void
lane_fail(Lane *lane, const Failure *failure)
{
	lane->state = LANE_FAILED;
	lane->failure = *failure;
}

void
lane_fail_with(Lane *lane, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	lane_fail(lane, &failure);
}

/* Stable: rows of one version keep their order. */
static void
sort_by_version(AppendRow **rows, size_t nrows)
{
	for (size_t i = 1; i < nrows; i++)
	{
		AppendRow  *row = rows[i];
		size_t		at = i;

		for (; at > 0 && rows[at - 1]->commit.version > row->commit.version; at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

/* Must the store be asked for the version before? A dense append asks in its transaction. The rows are in the order of versions. */
static bool
version_before_is_open(const Lane *lane, const LaneContext *context, size_t i)
{
	const AppendRow *row = lane->rows[i];
	int64_t		before = row->commit.version - 1;

	if (!context->settings->contiguous || context->settings->mode == APPEND_DENSE || row->skipped || row->follows_stored)
		return false;
	return before >= 0 && before != lane->last_version && (i == 0 || lane->rows[i - 1]->commit.version != before);
}

void
lane_check_on(Lane *lane, const LaneContext *context)
{
	while (lane->checked < lane->nrows && !version_before_is_open(lane, context, lane->checked))
		lane->checked++;
	if (lane->checked < lane->nrows)
		lane->state = LANE_NEEDS_VERSION_BEFORE;
	else
		lane->state = lane->takes_ids ? LANE_NEEDS_IDS : LANE_READY;
}

bool
lane_resolve_versions(Lane *lane, const LaneContext *context, int64_t last)
{
	lane->last_version = last;
	for (size_t i = lane->next; i < lane->nrows; i++)
	{
		AppendRow  *row = lane->rows[i];

		if (row->next_version && last >= context->settings->max_version)
		{
			lane->next = i;
			lane_fail_with(lane, FAILURE_TOO_LARGE, "the aggregate has no version left");
			return false;
		}
		if (row->next_version)
			row->commit.version = last + 1;
		if (row->commit.version > last)
			last = row->commit.version;
	}
	sort_by_version(lane->rows + lane->next, lane->nrows - lane->next);
	for (size_t i = lane->next + 1; i < lane->nrows; i++)
	{
		if (lane->rows[i]->commit.version != lane->rows[i - 1]->commit.version)
			continue;
		if (context->settings->skip_conflicts)
			lane->rows[i]->skipped = true;
		else
		{
			lane->next = i;
			lane_fail_with(lane, FAILURE_CONDITION, "two rows have it");
			return false;
		}
	}
	lane->checked = lane->next;
	lane_check_on(lane, context);
	return true;
}

void
lane_pass_settled(Lane *lane)
{
	for (size_t i = lane->next; i < lane->nrows; i++)
	{
		AppendRow  *row = lane->rows[i];

		if (!row->skipped && row->fate != APPEND_STORED)
			continue;
		memmove(&lane->rows[lane->next + 1], &lane->rows[lane->next], (i - lane->next) * sizeof(AppendRow *));
		lane->rows[lane->next++] = row;
	}
}

void
lane_row_give_id(AppendRow *row, int64_t id, int64_t deadline)
{
	row->commit.commit_id = id;
	row->id_deadline = deadline;
}

void
lane_give_id(Lane *lane, int64_t id, int64_t deadline)
{
	while (lane->rows[lane->with_ids]->skipped)
		lane->with_ids++;
	lane_row_give_id(lane->rows[lane->with_ids++], id, deadline);
}

bool
lane_awaits_id(const Lane *lane)
{
	return lane->state == LANE_READY && !lane->takes_ids && lane->next < lane->nrows
		&& lane->rows[lane->next]->id_deadline == 0;
}

bool
lane_holds_ids(const Lane *lane)
{
	size_t		next = lane->next + (lane->put != NULL);

	while (next < lane->nrows && lane->rows[next]->skipped)
		next++;
	return next < lane->nrows && lane->rows[next]->id_deadline != 0;
}

bool
lane_is_busy(const Lane *lane)
{
	return lane->call != NULL || lane->put != NULL;
}

void
lane_burn_unused(Lane *lane, BurnList *burned)
{
	for (size_t i = lane->next; i < lane->nrows; i++)
	{
		AppendRow  *row = lane->rows[i];

		if (row->id_deadline != 0 && !row->skipped && row->fate == APPEND_NOT_STORED)
			burn_add(burned, row->commit.commit_id);
		row->id_deadline = 0;
	}
}

static bool
carries_token(const AppendRow *row, const char *token_attribute, const cJSON *item)
{
	AttributeValue there;

	if (token_attribute == NULL)
		return false;
	there = attribute_get(item, token_attribute);
	for (size_t i = 0; i < row->commit.nextra; i++)
	{
		const Attribute *attribute = &row->commit.extra[i];

		if (strcmp(attribute->name, token_attribute) == 0)
			return attribute_equal(&there, &attribute->value);
	}
	return false;
}

bool
lane_row_is_own(AppendRow *row, const char *token_attribute, const cJSON *item)
{
	Commit		standing;

	if (!carries_token(row, token_attribute, item) || !commit_read_item(item, &standing))
		return false;
	row->commit.commit_id = standing.commit_id;
	row->commit.committed_at = standing.committed_at;
	return true;
}
