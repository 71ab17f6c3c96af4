/*
 * nodes: JSON as cJSON's nodes, at the least cost: the nodes lie in few pieces of memory, and texts stay where they came,
 * ended and unescaped in place.
 *
 * cJSON allocates each value, and its name, and its text, one by one, after a pass of ours over the whole text (json.h);
 * that was most of the cost of a row. The nodes are cJSON's own, so that whoever reads an item need not know which parser
 * made it. What counts as JSON, and how U+0000 and unpaired surrogates are kept, is the same as in json.h.
 *
 * A node takes 64 bytes, and a hostile sender needs only two bytes of text for it. So the number of nodes in a pool is
 * limited. Documents and sets in an item, in which DynamoDB itself sends many small values, stay text: a node of the type
 * cJSON_Raw, whose text begins at `valuestring` and has the length `valueint`. Only its brackets have been counted.
 */
#ifndef DYNAMODB_ES_NODES_H
#define DYNAMODB_ES_NODES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Where nodes come from. All zeroes, but for `left`: none was needed yet. */
typedef struct NodePool
{
	struct NodePiece *first;	/* a list of pieces, each full but those from `in_use` on; owned */
	struct NodePiece *in_use;
	size_t		left;			/* nodes that may be taken yet */
} NodePool;

/* Reads one thing after the other from the front of a text, and says whether it was well formed. */
typedef struct NodeParser
{
	NodePool   *pool;
	char	   *at;
	char	   *end;
	int			depth;			/* of what it is in; no more than cJSON allows */
} NodeParser;

/* NULL when memory ran out (errno is ENOMEM), or the pool is at its end. */
extern cJSON *nodes_new(NodePool *pool, int type);

/* All nodes are free again, and so many may be taken; the memory stays. */
extern void nodes_reset(NodePool *pool, size_t most);
extern void nodes_free(NodePool *pool);

/* Each takes something, blanks before it included; NULL or false where it is malformed, or where nodes_new is NULL. */
extern void nodes_skip_blanks(NodeParser *parser);
extern bool nodes_take_character(NodeParser *parser, char c);
extern char *nodes_take_name(NodeParser *parser);	/* of a member, and the colon */
extern cJSON *nodes_take_value(NodeParser *parser);
extern cJSON *nodes_take_item(NodeParser *parser);

#endif
