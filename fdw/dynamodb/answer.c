/*
 * answer.c: what does an answer say, and is it small enough to be known as a whole? See answer.h.
 */
#include "dynamodb/answer.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dynamodb/nodes.h"

/*
 * DynamoDB's answers have a node for a dozen bytes or more; many short items, one for nine. An answer may always have some
 * thousands.
 */
#define FREE_NODES 16384
#define BYTES_OF_NODE 9

struct Answer
{
	char	   *text;
	size_t		length;
	NodePool	nodes;
	cJSON	   *root;
};

Answer *
answer_parse(char *text, size_t length)
{
	Answer	   *answer = text != NULL ? calloc(1, sizeof(Answer)) : NULL;
	NodeParser	parser = {0};

	if (answer == NULL)
	{
		free(text);
		return NULL;
	}
	answer->text = text;
	answer->length = length;
	answer->nodes.left = FREE_NODES + length / BYTES_OF_NODE;
	parser = (NodeParser)
	{
		.pool = &answer->nodes, .at = text, .end = text + length
	};
	answer->root = nodes_take_value(&parser);
	if (answer->root != NULL)
		nodes_skip_blanks(&parser);
	if (answer->root == NULL || parser.at != parser.end)
	{
		answer_free(answer);
		return NULL;
	}
	return answer;
}

cJSON *
answer_root(const Answer *answer)
{
	return answer != NULL ? answer->root : NULL;
}

void
answer_free(Answer *answer)
{
	if (answer == NULL)
		return;
	nodes_free(&answer->nodes);
	free(answer->text);
	memory_give_back(answer->length);
	free(answer);
}
