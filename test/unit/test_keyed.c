/*
 * keyed: each reader gets the commit of its own key, once, in whatever order they ask, by one read of all keys.
 */
#include "script.h"

#include "dynamodb/attribute.h"
#include "store/keyed.h"

#define KEY_OF(id, version) "{\"aggregateId\":{\"S\":\"" id "\"},\"version\":{\"N\":\"" version "\"}}"
#define ALL_THREE KEY_OF("a", "1") "," KEY_OF("a", "2") "," KEY_OF("b", "1")
#define BATCH_ANSWER(items) "{\"Responses\":{\"commits\":[" items "]},\"UnprocessedKeys\":{}}"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};
static const char *const attributes[] = {"aggregateId", "version"};

/* Starts a read of three keys, which nobody but it remembers. */
static KeyedRead *
three_keys(Client *client)
{
	char		texts[] = "a\0b";
	CommitKey	keys[] = {{{texts, 1}, 1}, {{texts, 1}, 2}, {{texts + 2, 1}, 1}};
	ReadSpec	spec = {
		.path = READ_AGGREGATE, .keys = keys, .nkeys = 3, .max_parallel = 4, .attributes = attributes, .nattributes = 2
	};
	KeyedRead  *keyed = keyed_read_start(client, &names, &spec, NULL);

	memset(texts, 'x', sizeof(texts));
	memset(keys, 0, sizeof(keys));
	return keyed;
}

/* The item that a reader gets, by its id and version; "none", "failed". */
static const char *
next_of(Client *client, KeyedOperation *operation)
{
	static char text[40];
	const cJSON *item = NULL;
	ReadResult	result;

	while ((result = keyed_next(operation, &item)) == READ_PENDING || result == READ_EMPTY_PAGE)
		if (result == READ_PENDING)
			script_wait(client);
	if (result == READ_ITEM)
		snprintf(text, sizeof(text), "%s%s", attribute_get(item, "aggregateId").text, attribute_get(item, "version").text);
	return result == READ_ITEM ? text : result == READ_END ? "none" : "failed";
}

static void
each_gets_its_own(void **state)
{
	static const size_t orders[][4] = {{0, 1, 2, 0}, {2, 1, 0, 2}, {1, 2, 2, 1}};
	static const char *const expected[] = {"a1", "none", "b1"};	/* there is no a2 */

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
	{
		KeyedOperation *operations[4];
		KeyedRead  *keyed;
		Client	   *client;

		SCRIPT(ANSWERED("BatchGetItem", ALL_THREE, BATCH_ANSWER(KEY_OF("b", "1") "," KEY_OF("a", "1"))));
		client = script_client(4, 4);
		keyed = three_keys(client);
		for (size_t j = 0; j < 4; j++)
			operations[j] = keyed_start(keyed, orders[i][j]);
		keyed_read_leave(keyed);
		for (size_t j = 0; j < 4; j++)
		{
			assert_string_equal(next_of(client, operations[j]), expected[orders[i][j]]);
			assert_string_equal(next_of(client, operations[j]), "none");
		}
		for (size_t j = 0; j < 4; j++)
			keyed_free(operations[3 - j]);
		client_free(client);
		script_end();
	}
}

static void
all_fail_where_the_read_does(void **state)
{
	KeyedOperation *operations[2];
	KeyedRead  *keyed;
	Client	   *client;

	SCRIPT(ANSWERED("BatchGetItem", NULL, BATCH_ANSWER(KEY_OF("c", "1"))));
	client = script_client(1, 4);
	keyed = three_keys(client);
	operations[0] = keyed_start(keyed, 0);
	operations[1] = keyed_start(keyed, 2);
	keyed_read_leave(keyed);
	for (int i = 0; i < 2; i++)
	{
		assert_string_equal(next_of(client, operations[i]), "failed");
		assert_int_equal(keyed_failure(operations[i])->kind, FAILURE_BAD_ANSWER);
	}
	keyed_free(operations[0]);
	keyed_free(operations[1]);
	client_free(client);
	script_end();
}

static void
a_read_that_nobody_asks_sends_nothing(void **state)
{
	Client	   *client;

	SCRIPT(REFUSED("PutItem", NULL, "never", ""));
	client = script_client(1, 4);
	keyed_read_leave(three_keys(client));
	assert_int_equal(script_requests(), 0);
	client_free(client);
}

static void
without_memory_a_reader_fails(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		Client	   *client;
		KeyedRead  *keyed;
		KeyedOperation *operation;

		SCRIPT(ANSWERED("BatchGetItem", ALL_THREE, BATCH_ANSWER(ALL_THREE)));
		client = script_client(4, 4);
		keyed = client != NULL ? three_keys(client) : NULL;
		operation = keyed != NULL ? keyed_start(keyed, 1) : NULL;
		keyed_read_leave(keyed);
		if (operation != NULL)
		{
			const char *got = next_of(client, operation);

			assert_true(strcmp(got, "a2") == 0 || strcmp(got, "failed") == 0);
		}
		keyed_free(operation);
		client_free(client);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own),
		cmocka_unit_test(all_fail_where_the_read_does),
		cmocka_unit_test(a_read_that_nobody_asks_sends_nothing),
		cmocka_unit_test(without_memory_a_reader_fails),
	};

	return cmocka_run_group_tests_name("keyed", tests, NULL, NULL);
}
