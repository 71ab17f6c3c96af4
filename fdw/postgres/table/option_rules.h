/*
 * option_rules: which options are there, and which values may they have?
 */
#ifndef DYNAMODB_ES_OPTION_RULES_H
#define DYNAMODB_ES_OPTION_RULES_H

#include "nodes/parsenodes.h"

typedef enum OptionPlace
{
	ON_SERVER = 1,
	ON_TABLE = 2,
	ON_COLUMN = 4,
	ON_MAPPING = 8,
	ON_IMPORT = 16				/* IMPORT FOREIGN SCHEMA */
} OptionPlace;

/*
 * Raises HV00D for an option that is not one of that place, with the nearest one or all of them as a hint; 42501 for one
 * that only a superuser may set; HV024 for a value that it cannot have.
 */
extern void option_check(const DefElem *option, OptionPlace place);

/* Is it fit to be one? It becomes part of a host's name. */
extern bool option_is_region(const char *value);

#endif
