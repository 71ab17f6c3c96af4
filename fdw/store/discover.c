/*
 * discover.c: which tables are commits tables?
 *
 * ListTables gives names, a hundred in a page; DescribeTable of each that is wanted says what it is. Some of those
 * run side by side, and beside the next page of names.
 */
#include "store/discover.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "dynamodb/paging.h"
#include "dynamodb/request.h"
#include "store/schema.h"

#define MAX_DESCRIBE_CALLS 8
#define USUAL_INDEX "byId"

/* No account has so many; DynamoDB's quota can be raised to some ten thousand. */
#define MAX_TABLES 100000

struct DiscoverOperation
{
	Client	   *client;
	Usage	   *usage;
	DiscoverSpec spec;
	bool		listed;			/* all names are known */
	Call	   *list_call;		/* the page of names under way */
	PagingTrail trail;			/* the ends of the pages of names */
	const char *last_listed;	/* where the next one begins, the trail's; NULL: at the beginning */
	size_t		nlisted;		/* names so far */
	char	  **names;			/* to be described */
	size_t		nnames;
	size_t		names_capacity;
	size_t		next_name;
	Call	   *describe_calls[MAX_DESCRIBE_CALLS];	/* NULL: free */
	DiscoveredTable *found;
	size_t		nfound;
	size_t		found_capacity;
	size_t		denied;
	bool		failed;
	Failure		failure;
};

static void
discover_fail(DiscoverOperation *discover, const Failure *failure)
{
	discover->failure = *failure;
	discover->failed = true;
}

static void
discover_out_of_memory(DiscoverOperation *discover)
{
	failure_set(&discover->failure, FAILURE_MEMORY, NULL, "out of memory");
	discover->failed = true;
}

/* A list that cannot be read is not an empty one. */
static void
discover_bad_answer(DiscoverOperation *discover)
{
	failure_set(&discover->failure, FAILURE_BAD_ANSWER, NULL, "the list of tables is not one of DynamoDB's");
	discover->failed = true;
}

/* Makes room for one more element; the array, moved if need be, or NULL with *array as it was. */
static void *
array_grow(void *array, size_t count, size_t *capacity, size_t size)
{
	void	   *grown;

	if (count < *capacity)
		return array;
	grown = realloc(array, (*capacity * 2 + 16) * size);
	if (grown != NULL)
		*capacity = *capacity * 2 + 16;
	return grown;
}

/* Whatever else is asked for cannot exist, and DynamoDB would refuse to look. */
static bool
name_is_possible(const char *name)
{
	size_t		length = strlen(name);

	return length >= 3 && length <= MAX_TABLE_NAME
		&& strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length;
}

static void
add_name(DiscoverOperation *discover, const char *name)
{
	char	  **names;
	char	   *copy;

	if (!name_is_possible(name) || (discover->spec.wanted != NULL && !discover->spec.wanted(name, discover->spec.arg)))
		return;
	names = array_grow(discover->names, discover->nnames, &discover->names_capacity, sizeof(char *));
	copy = names != NULL ? strdup(name) : NULL;
	if (names != NULL)
		discover->names = names;
	if (copy == NULL)
		discover_out_of_memory(discover);
	else
		discover->names[discover->nnames++] = copy;
}

DiscoverOperation *
discover_start(Client *client, const DiscoverSpec *spec, Usage *usage)
{
	DiscoverOperation *discover = calloc(1, sizeof(DiscoverOperation));

	if (discover == NULL)
		return NULL;
	discover->client = client;
	discover->usage = usage;
	discover->spec = *spec;
	discover->listed = spec->tables != NULL;
	for (size_t i = 0; spec->tables != NULL && i < spec->ntables; i++)
		add_name(discover, spec->tables[i]);
	return discover;
}

/* The name of the index by commit id; NULL: there is none. */
static const char *
find_index(const cJSON *description, const TableDefinition *wanted)
{
	const cJSON *index;
	const char *best = NULL;

	cJSON_ArrayForEach(index, json_member(description, "GlobalSecondaryIndexes"))
	{
		const char *name = json_member_text(index, "IndexName");

		if (name == NULL || !name_is_possible(name) || !schema_index_fits(description, index, wanted))
			continue;
		if (strcmp(name, USUAL_INDEX) == 0)
			return name;
		if (best == NULL || strcmp(name, best) < 0)
			best = name;
	}
	return best;
}

bool
discover_read(const cJSON *response, DiscoveredTable *table)
{
	const cJSON *description = json_member(response, "Table");
	const char *name = json_member_text(description, "TableName");
	const char *status = json_member_text(description, "TableStatus");
	const StoreNames any = {0};
	const TableDefinition wanted = schema_of_commits(&any);
	const char *index = find_index(description, &wanted);

	if (name == NULL || !name_is_possible(name) || index == NULL
		|| (status != NULL && strcmp(status, "DELETING") == 0) || !schema_key_fits(description, &wanted))
		return false;
	strcpy(table->table, name);
	strcpy(table->index, index);
	table->item_count = json_member_count(description, "ItemCount");
	table->table_bytes = json_member_count(description, "TableSizeBytes");
	return true;
}

static void
page_listed(DiscoverOperation *discover, const cJSON *response)
{
	const cJSON *names = json_member(response, "TableNames");
	const cJSON *name;
	PagingResult result = paging_next_table(&discover->trail, response, &discover->last_listed);

	/* The place is the page's last name, so a page without names leads nowhere. */
	if (!cJSON_IsArray(names) || result == PAGING_WRONG || (result == PAGING_MORE && names->child == NULL))
		discover_bad_answer(discover);
	else if (result == PAGING_MEMORY)
		discover_out_of_memory(discover);
	cJSON_ArrayForEach(name, names)
	{
		if (!cJSON_IsString(name))
			discover_bad_answer(discover);
		else if (discover->nlisted++ == MAX_TABLES)
			discover_bad_answer(discover);
		else
			add_name(discover, name->valuestring);
		if (discover->failed)
			break;
	}
	discover->listed = result == PAGING_END;
}

static void
table_described(DiscoverOperation *discover, const cJSON *response)
{
	DiscoveredTable *found = array_grow(discover->found, discover->nfound, &discover->found_capacity,
										sizeof(DiscoveredTable));

	if (found == NULL)
	{
		discover_out_of_memory(discover);
		return;
	}
	if (json_member_text(json_member(response, "Table"), "TableName") == NULL)
		discover_bad_answer(discover);
	discover->found = found;
	if (discover_read(response, &found[discover->nfound]))
		discover->nfound++;
}

/* A table may be gone since it was listed, and may be none of the caller's business. */
static void
table_refused(DiscoverOperation *discover, const Failure *failure)
{
	if (failure->kind == FAILURE_ACCESS_DENIED)
		discover->denied++;
	else if (failure->kind != FAILURE_NOT_FOUND)
		discover_fail(discover, failure);
}

/* true when something has happened. */
static bool
step_list(DiscoverOperation *discover)
{
	Call	   *call = discover->list_call;
	ByteBuffer	body = {0};
	StepResult	result;

	if (call == NULL && discover->listed)
		return false;
	if (call == NULL)
	{
		request_list_tables(&body, discover->last_listed);
		discover->list_call = call_start(discover->client, OPERATION_LIST_TABLES, &body, discover->usage);
		buffer_free(&body);
		if (discover->list_call == NULL)
			discover_out_of_memory(discover);
		return true;
	}
	result = call_step(call);
	if (result == STEP_PENDING)
		return false;
	discover->list_call = NULL;
	if (result == STEP_DONE)
		page_listed(discover, call_response(call));
	else
		discover_fail(discover, call_failure(call));
	call_free(call);
	return true;
}

static bool
step_describe(DiscoverOperation *discover, Call **slot)
{
	Call	   *call = *slot;
	ByteBuffer	body = {0};
	StepResult	result;

	if (call == NULL && discover->next_name == discover->nnames)
		return false;
	if (call == NULL)
	{
		request_describe_table(&body, discover->names[discover->next_name++]);
		*slot = call_start(discover->client, OPERATION_DESCRIBE_TABLE, &body, discover->usage);
		buffer_free(&body);
		if (*slot == NULL)
			discover_out_of_memory(discover);
		return true;
	}
	result = call_step(call);
	if (result == STEP_PENDING)
		return false;
	*slot = NULL;
	if (result == STEP_DONE)
		table_described(discover, call_response(call));
	else
		table_refused(discover, call_failure(call));
	call_free(call);
	return true;
}

static int
compare_tables(const void *a, const void *b)
{
	return strcmp(((const DiscoveredTable *) a)->table, ((const DiscoveredTable *) b)->table);
}

StepResult
discover_step(DiscoverOperation *discover)
{
	bool		progress = true;
	bool		busy = true;

	while (progress && !discover->failed)
	{
		progress = step_list(discover);
		busy = discover->list_call != NULL;
		for (int i = 0; i < MAX_DESCRIBE_CALLS && !discover->failed; i++)
		{
			progress = step_describe(discover, &discover->describe_calls[i]) || progress;
			busy = busy || discover->describe_calls[i] != NULL;
		}
	}
	if (discover->failed)
		return STEP_FAILED;
	if (busy)
		return STEP_PENDING;
	if (discover->nfound > 0)
		qsort(discover->found, discover->nfound, sizeof(DiscoveredTable), compare_tables);
	return STEP_DONE;
}

const DiscoveredTable *
discover_tables(const DiscoverOperation *discover, size_t *count)
{
	*count = discover->nfound;
	return discover->found;
}

size_t
discover_denied(const DiscoverOperation *discover)
{
	return discover->denied;
}

const Failure *
discover_failure(const DiscoverOperation *discover)
{
	return &discover->failure;
}

void
discover_free(DiscoverOperation *discover)
{
	if (discover == NULL)
		return;
	call_free(discover->list_call);
	for (int i = 0; i < MAX_DESCRIBE_CALLS; i++)
		call_free(discover->describe_calls[i]);
	for (size_t i = 0; i < discover->nnames; i++)
		free(discover->names[i]);
	free(discover->names);
	paging_free(&discover->trail);
	free(discover->found);
	free(discover);
}
