/*
 * step: how every operation below PostgreSQL reports back. An operation is started, stepped until it is no longer
 * PENDING, and freed; between two steps the caller waits on the client's file descriptor (client_fd) and then calls
 * client_pump.
 */
#ifndef DYNAMODB_ES_STEP_H
#define DYNAMODB_ES_STEP_H

typedef enum StepResult
{
	STEP_PENDING,				/* nothing more can be done before the client's descriptor is readable */
	STEP_DONE,					/* finished, the result can be asked for */
	STEP_FAILED					/* finished, the operation's Failure says how */
} StepResult;

#endif
