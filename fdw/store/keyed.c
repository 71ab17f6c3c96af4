/*
 * keyed.c: whose item is this? See keyed.h.
 */
#include "store/keyed.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/node_copy.h"
#include "store/key_batch.h"

struct KeyedRead
{
	ReadOperation *read;
	int			references;		/* its readers, and who started it */
	bool		at_end;
	bool		failed;
	Failure		failure;
	size_t		nkeys;
	CommitKey  *keys;			/* owned; so are their texts, which follow them */
	cJSON	  **items;			/* by their keys' numbers: copies; NULL: none yet */
};

struct KeyedOperation
{
	KeyedRead  *keyed;
	size_t		key;
	bool		was_given;
};

/* The keys and their texts in one piece of memory. */
static CommitKey *
keys_copy(const CommitKey *keys, size_t nkeys)
{
	size_t		bytes = sizeof(CommitKey) * nkeys;
	CommitKey  *copy;
	char	   *text;

	for (size_t i = 0; i < nkeys; i++)
		bytes += keys[i].aggregate.length + 1;
	copy = malloc(bytes);
	if (copy == NULL)
		return NULL;
	text = (char *) (copy + nkeys);
	for (size_t i = 0; i < nkeys; i++)
	{
		copy[i] = keys[i];
		copy[i].aggregate.text = memcpy(text, keys[i].aggregate.text, keys[i].aggregate.length + 1);
		text += keys[i].aggregate.length + 1;
	}
	return copy;
}

void
keyed_read_leave(KeyedRead *keyed)
{
	if (keyed == NULL || --keyed->references > 0)
		return;
	read_free(keyed->read);
	for (size_t i = 0; i < keyed->nkeys && keyed->items != NULL; i++)
		cJSON_Delete(keyed->items[i]);
	free(keyed->items);
	free(keyed->keys);
	free(keyed);
}

KeyedRead *
keyed_read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage)
{
	KeyedRead  *keyed = calloc(1, sizeof(KeyedRead));
	ReadSpec	own = *spec;

	if (keyed == NULL)
		return NULL;
	keyed->references = 1;
	keyed->nkeys = spec->nkeys;
	keyed->keys = keys_copy(spec->keys, spec->nkeys);
	keyed->items = calloc(spec->nkeys, sizeof(cJSON *));
	own.keys = keyed->keys;
	if (keyed->keys != NULL && keyed->items != NULL)
		keyed->read = read_start(client, names, &own, usage);
	if (keyed->read == NULL)
	{
		keyed_read_leave(keyed);
		return NULL;
	}
	return keyed;
}

KeyedOperation *
keyed_start(KeyedRead *keyed, size_t key)
{
	KeyedOperation *operation = calloc(1, sizeof(KeyedOperation));

	if (operation == NULL)
		return NULL;
	operation->keyed = keyed;
	operation->key = key;
	keyed->references++;
	return operation;
}

static void
keyed_fail(KeyedRead *keyed, const Failure *failure)
{
	keyed->failed = true;
	keyed->failure = *failure;
}

/* Puts an item in its place, for whoever asks for it. */
static void
item_keep(KeyedRead *keyed, const cJSON *item)
{
	const CommitKey *key = key_batch_find(keyed->keys, keyed->nkeys, item);
	cJSON	   *copy = key != NULL ? node_copy(item) : NULL;
	Failure		failure;

	if (copy != NULL)
	{
		cJSON_Delete(keyed->items[key - keyed->keys]);
		keyed->items[key - keyed->keys] = copy;
		return;
	}
	failure_set(&failure, key != NULL ? FAILURE_MEMORY : FAILURE_BAD_ANSWER, NULL, "%s",
				key != NULL ? "out of memory" : "the page is not one of DynamoDB's");
	keyed_fail(keyed, &failure);
}

ReadResult
keyed_next(KeyedOperation *operation, const cJSON **item)
{
	KeyedRead  *keyed = operation->keyed;

	while (keyed->items[operation->key] == NULL && !keyed->at_end && !keyed->failed)
	{
		const cJSON *next;

		switch (read_next(keyed->read, &next))
		{
			case READ_ITEM:
				item_keep(keyed, next);
				break;
			case READ_EMPTY_PAGE:
				return READ_EMPTY_PAGE;
			case READ_PENDING:
				return READ_PENDING;
			case READ_END:
				keyed->at_end = true;
				break;
			case READ_FAILED:
				keyed_fail(keyed, read_failure(keyed->read));
				break;
		}
	}
	if (operation->was_given)
		return READ_END;
	*item = keyed->items[operation->key];
	operation->was_given = *item != NULL;
	if (*item != NULL)
		return READ_ITEM;
	return keyed->failed ? READ_FAILED : READ_END;
}

const Failure *
keyed_failure(const KeyedOperation *operation)
{
	return &operation->keyed->failure;
}

void
keyed_free(KeyedOperation *operation)
{
	if (operation == NULL)
		return;
	keyed_read_leave(operation->keyed);
	free(operation);
}
