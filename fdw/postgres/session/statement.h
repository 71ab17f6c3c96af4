/*
 * statement: what each statement of a client has cost: for the setting dynamodb_es.log_min_units, and for the counts by query identifier.
 */
#ifndef DYNAMODB_ES_STATEMENT_H
#define DYNAMODB_ES_STATEMENT_H

/*
 * In a process that runs no statements of a client, such as a worker of projections: what functions run within it is not what its requests
 * are for.
 */
extern void statement_serves_no_client(void);

/* Defines the setting, and sees to it that ends of statements are noticed; from _PG_init. */
extern void statement_init(void);

#endif
