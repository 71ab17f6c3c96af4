/*
 * page.c: where in an answer are its items, and what does each of them hold? See page.h.
 *
 * What is before and after the items is short: counts, the capacity, the key of the next page, which has to be known
 * before the first item is used. The items are passed over at first, by their brackets and quotes alone, and counted; what
 * they are made of is looked at when they are asked for.
 */
#include "dynamodb/page.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dynamodb/nodes.h"
#include "dynamodb/special.h"

/* Bytes, and nodes, of what is before or after the items: as much as a hundred keys that were left out take. */
#define MOST_ENVELOPE_BYTES (2 * 1024 * 1024)
#define MOST_ENVELOPE_NODES 2048

/* DynamoDB's items have 400 KB; a byte of theirs takes up to ten characters of JSON: {"S":""}, in a list. */
#define MOST_ITEM_BYTES (5 * 1024 * 1024)

/* The attributes that were asked for, by two each: PostgreSQL's tables have up to 1,600 columns. */
#define MOST_ITEM_NODES 4096

typedef enum PagePart
{
	PAGE_BEFORE_ITEMS,
	PAGE_IN_ITEMS,
	PAGE_AFTER_ITEMS,
	PAGE_SEEN
} PagePart;

struct ItemPage
{
	char	   *text;
	char	   *end;
	PagePart	part;
	bool		is_batch;		/* the answer to a BatchGetItem */
	NodeParser	envelope;
	NodePool	envelope_nodes;
	cJSON	   *root;
	cJSON	   *last_member;
	size_t		depth;			/* in the items, while they are passed over: of brackets, the list's included */
	bool		in_text;
	const char *item;			/* where that one begins */
	int64_t		nitems;			/* -1: there is no list */
	int64_t		ntaken;
	NodeParser	items;			/* of what is left of the list, without its brackets */
	NodePool	item_nodes;
};

ItemPage *
page_new(char *text, size_t length)
{
	ItemPage   *page = text != NULL ? calloc(1, sizeof(ItemPage)) : NULL;

	if (page == NULL)
	{
		free(text);
		return NULL;
	}
	page->text = text;
	page->end = text + length;
	page->nitems = -1;
	page->envelope_nodes.left = MOST_ENVELOPE_NODES;
	page->envelope = (NodeParser)
	{
		.pool = &page->envelope_nodes, .at = text,
		.end = length > MOST_ENVELOPE_BYTES ? text + MOST_ENVELOPE_BYTES : page->end
	};
	return page;
}

static void
member_add(ItemPage *page, char *name, cJSON *value)
{
	value->string = name;
	if (page->last_member != NULL)
		page->last_member->next = value;
	else
		page->root->child = value;
	page->last_member = value;
}

/* The items begin here: "Items":[…] of a Query or Scan, "Responses":{"commits":[…]} of a BatchGetItem. */
static StepResult
items_open(ItemPage *page)
{
	page->nitems = 0;
	page->depth = 1;
	page->items.at = page->envelope.at;
	page->part = PAGE_IN_ITEMS;
	return STEP_PENDING;
}

/* Takes what a BatchGetItem has read, of one table at most. DONE: that is nothing. */
static StepResult
batch_open(ItemPage *page)
{
	NodeParser *parser = &page->envelope;

	page->is_batch = true;
	if (nodes_take_character(parser, '}'))
	{
		page->nitems = 0;
		return STEP_DONE;
	}
	return nodes_take_name(parser) != NULL && nodes_take_character(parser, '[') ? items_open(page) : STEP_FAILED;
}

/* Takes members up to the items, or all that are left. */
static StepResult
envelope_take(ItemPage *page)
{
	NodeParser *parser = &page->envelope;
	bool		is_first = page->last_member == NULL && page->nitems < 0;

	while (!nodes_take_character(parser, '}'))
	{
		char	   *name;
		cJSON	   *value;

		if (!is_first && !nodes_take_character(parser, ','))
			return STEP_FAILED;
		is_first = false;
		name = nodes_take_name(parser);
		if (name == NULL)
			return STEP_FAILED;
		if (page->nitems < 0 && strcmp(name, "Items") == 0 && nodes_take_character(parser, '['))
			return items_open(page);
		if (page->nitems < 0 && strcmp(name, "Responses") == 0 && nodes_take_character(parser, '{'))
		{
			StepResult	result = batch_open(page);

			if (result != STEP_DONE)
				return result;
			continue;
		}
		value = nodes_take_value(parser);
		if (value == NULL)
			return STEP_FAILED;
		member_add(page, name, value);
	}
	nodes_skip_blanks(parser);
	if (parser->at != page->end)
		return STEP_FAILED;
	page->part = PAGE_SEEN;
	return STEP_DONE;
}

static StepResult
envelope_open(ItemPage *page)
{
	NodeParser *parser = &page->envelope;

	if (!nodes_take_character(parser, '{'))
		return STEP_FAILED;
	parser->depth = 1;
	page->root = nodes_new(parser->pool, cJSON_Object);
	return page->root != NULL ? envelope_take(page) : STEP_FAILED;
}

/* The list has been passed over, up to its closing bracket. */
static StepResult
items_passed(ItemPage *page, char *closing)
{
	NodeParser *parser = &page->envelope;

	if (page->end - closing > MOST_ENVELOPE_BYTES)
		return STEP_FAILED;
	page->items.end = closing;
	page->items.pool = &page->item_nodes;
	parser->at = closing + 1;
	parser->end = page->end;
	page->part = PAGE_AFTER_ITEMS;
	return !page->is_batch || nodes_take_character(parser, '}') ? envelope_take(page) : STEP_FAILED;
}

/* Can the character stand between two items, or begin one? */
static bool
is_between_items(ItemPage *page, const char *at)
{
	switch (*at)
	{
		case '{':
			page->nitems++;
			page->item = at;
			return true;
		case ',':
			return page->nitems > 0;
		case ']':
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			return true;
	}
	return false;
}

/* Passes over a slice of the list. */
static StepResult
items_pass(ItemPage *page)
{
	char	   *at = page->envelope.at;
	char	   *stop = page->end - at > PAGE_SLICE ? at + PAGE_SLICE : page->end;
	size_t		depth = page->depth;
	bool		in_text = page->in_text;

	while (at < stop)
	{
		char		c;

		if (in_text)
		{
			at += find_quote(at, stop) - at;
			if (at == stop)
				break;
			in_text = *at != '"';
			at += in_text ? 2 : 1;
			continue;
		}
		c = *at;
		if (depth == 1 && !is_between_items(page, at))
			return STEP_FAILED;
		if (c == '"')
			in_text = true;
		else if (c == '{' || c == '[')
		{
			if (depth++ == CJSON_NESTING_LIMIT)
				return STEP_FAILED;
		}
		else if (c == '}' || c == ']')
		{
			depth--;
			if (depth == 0)
				return items_passed(page, at);
			if (depth == 1 && at - page->item > MOST_ITEM_BYTES)
				return STEP_FAILED;
		}
		at++;
	}
	page->envelope.at = at;
	page->depth = depth;
	page->in_text = in_text;
	return at < page->end ? STEP_PENDING : STEP_FAILED;
}

StepResult
page_step(ItemPage *page)
{
	StepResult	result = STEP_DONE;

	errno = 0;
	if (page->part == PAGE_BEFORE_ITEMS)
		result = envelope_open(page);
	if (page->part == PAGE_IN_ITEMS)
		result = items_pass(page);
	return result;
}

const cJSON *
page_root(const ItemPage *page)
{
	return page->root;
}

int64_t
page_count(const ItemPage *page)
{
	return page->nitems;
}

size_t
page_bytes(const ItemPage *page)
{
	return (size_t) (page->end - page->text);
}

bool
page_is_batch(const ItemPage *page)
{
	return page->is_batch;
}

const cJSON *
page_next_item(ItemPage *page)
{
	NodeParser *parser = &page->items;
	cJSON	   *item;

	errno = 0;
	nodes_reset(&page->item_nodes, MOST_ITEM_NODES);
	parser->depth = 2;
	if (page->ntaken > 0 && !nodes_take_character(parser, ','))
		return NULL;
	item = nodes_take_item(parser);
	page->ntaken++;
	if (page->ntaken == page->nitems)
		nodes_skip_blanks(parser);
	if (page->ntaken == page->nitems && parser->at != parser->end)
		return NULL;
	return item;
}

void
page_free(ItemPage *page)
{
	if (page == NULL)
		return;
	nodes_free(&page->envelope_nodes);
	nodes_free(&page->item_nodes);
	free(page->text);
	memory_give_back((size_t) (page->end - page->text));
	free(page);
}
