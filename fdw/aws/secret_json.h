/*
 * secret_json: one text out of a JSON object that holds secrets, and no copy of anything else in it.
 *
 * A parser that builds a tree leaves pieces of it in freed memory, also where the text turns out to be broken later.
 */
#ifndef DYNAMODB_ES_SECRET_JSON_H
#define DYNAMODB_ES_SECRET_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef enum SecretMember
{
	SECRET_MEMBER_TEXT,
	SECRET_MEMBER_ABSENT,		/* also where it is null, and where what there is is no JSON object */
	SECRET_MEMBER_OTHER,		/* it is a number, an object, … */
	SECRET_MEMBER_MEMORY		/* memory ran out */
} SecretMember;

/*
 * The first member of that name, which has no escapes: for TEXT in *value, malloc'ed, to be freed by secret_free;
 * otherwise that is NULL. A character of an escape that is not ASCII becomes a DEL, which no credentials have.
 */
extern SecretMember secret_json_member(const char *json, size_t length, const char *name, char **value);

/* Is that member written as this number, true, or false? */
extern bool secret_json_has_word(const char *json, size_t length, const char *name, const char *word);

#endif
