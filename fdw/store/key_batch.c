/*
 * key_batch.c: which keys are still to be asked for? See key_batch.h.
 */
#include "store/key_batch.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/attribute.h"
#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "dynamodb/response.h"
#include "store/commit.h"

typedef enum KeyState
{
	KEY_WAITING,				/* to be asked for */
	KEY_ASKED,
	KEY_ANSWERED,				/* its item is in the answer, or there is none */
	KEY_TAKEN					/* so was its item */
} KeyState;

bool
key_batches_init(KeyBatches *batches, const CommitKey *keys, size_t nkeys)
{
	*batches = (KeyBatches)
	{
		.keys = keys, .nkeys = nkeys
	};
	if (nkeys > 0)
		batches->states = calloc(nkeys, 1);
	return nkeys == 0 || batches->states != NULL;
}

void
key_batches_free(KeyBatches *batches)
{
	free(batches->states);
	batches->states = NULL;
}

size_t
key_batch_count(size_t nkeys)
{
	return (nkeys + BATCH_GET_MOST_KEYS - 1) / BATCH_GET_MOST_KEYS;
}

KeyBatch
key_batch_of(size_t nkeys, size_t number)
{
	size_t		first = number * BATCH_GET_MOST_KEYS;

	return (KeyBatch)
	{
		.first = first, .count = nkeys - first < BATCH_GET_MOST_KEYS ? nkeys - first : BATCH_GET_MOST_KEYS
	};
}

static void
key_write(const CommitKey *key, ByteBuffer *out)
{
	char		digits[24];
	Attribute	attributes[] = {
		{COMMIT_AGGREGATE_ID, attribute_string(key->aggregate.text, key->aggregate.length)},
		{COMMIT_VERSION, attribute_int64(key->version, digits)},
	};

	buffer_putc(out, '{');
	attributes_write(out, attributes, 2);
	buffer_putc(out, '}');
}

void
key_batch_ask(KeyBatches *batches, KeyBatch batch, size_t most, ByteBuffer *keys)
{
	size_t		asked = 0;

	for (size_t i = batch.first; i < batch.first + batch.count; i++)
	{
		if (batches->states[i] == KEY_ASKED)
			batches->states[i] = KEY_WAITING;
		if (batches->states[i] != KEY_WAITING || asked == most)
			continue;
		if (asked++ > 0)
			buffer_putc(keys, ',');
		key_write(&batches->keys[i], keys);
		batches->states[i] = KEY_ASKED;
	}
}

int
commit_key_compare(const void *a, const void *b)
{
	const CommitKey *x = a;
	const CommitKey *y = b;
	int			order = strcmp(x->aggregate.text, y->aggregate.text);

	return order != 0 ? order : (x->version > y->version) - (x->version < y->version);
}

const CommitKey *
key_batch_find(const CommitKey *keys, size_t nkeys, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_AGGREGATE_ID);
	AttributeValue version = attribute_get(item, COMMIT_VERSION);
	CommitKey	key;

	if (id.type != ATTRIBUTE_S || !attribute_to_int64(&version, &key.version))
		return NULL;
	key.aggregate.text = id.text;
	return bsearch(&key, keys, nkeys, sizeof(CommitKey), commit_key_compare);
}

/* The state of the key that an object has; NULL where it is none of the read's. */
static unsigned char *
state_of(const KeyBatches *batches, const cJSON *object)
{
	const CommitKey *found = key_batch_find(batches->keys, batches->nkeys, object);

	return found != NULL ? &batches->states[found - batches->keys] : NULL;
}

/* The list of the keys that were left out; NULL: there is none. */
static const cJSON *
left_out(const cJSON *answer)
{
	const cJSON *tables = json_member(answer, "UnprocessedKeys");

	return cJSON_IsObject(tables) ? json_member(tables->child, "Keys") : NULL;
}

bool
key_batch_answered(KeyBatches *batches, KeyBatch batch, const cJSON *answer)
{
	const cJSON *keys = left_out(answer);
	size_t		answered = 0;

	if (response_left_out_keys(answer) && !cJSON_IsArray(keys))
		return false;
	for (const cJSON *key = keys != NULL ? keys->child : NULL; key != NULL; key = key->next)
	{
		unsigned char *state = state_of(batches, key);

		if (state == NULL || *state != KEY_ASKED || state < batches->states + batch.first
			|| state >= batches->states + batch.first + batch.count)
			return false;
		*state = KEY_WAITING;
	}
	for (size_t i = batch.first; i < batch.first + batch.count; i++)
		if (batches->states[i] == KEY_ASKED)
		{
			batches->states[i] = KEY_ANSWERED;
			answered++;
		}
	return answered > 0;
}

bool
key_batches_await(const KeyBatches *batches, size_t key)
{
	return batches->states[key] == KEY_WAITING || batches->states[key] == KEY_ASKED;
}

bool
key_batch_has_more(const KeyBatches *batches, KeyBatch batch)
{
	for (size_t i = batch.first; i < batch.first + batch.count; i++)
		if (batches->states[i] == KEY_WAITING)
			return true;
	return false;
}

bool
key_batches_take_item(KeyBatches *batches, const cJSON *item)
{
	unsigned char *state = state_of(batches, item);

	if (state == NULL || *state != KEY_ANSWERED)
		return false;
	*state = KEY_TAKEN;
	return true;
}
