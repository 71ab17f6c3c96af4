/*
 * process: a program that prints something for us to read, behind a client's descriptor. It is started without a shell
 * and ends with whoever waits for it: killed with its process group, and reaped.
 */
#ifndef DYNAMODB_ES_PROCESS_H
#define DYNAMODB_ES_PROCESS_H

#include "aws/http.h"
#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"

typedef struct ChildProcess ChildProcess;

/*
 * Starts the program that the words of `command` (words.h) name; it is looked for in PATH. It gets our environment, an empty
 * stdin, a stderr that nobody reads, no other descriptor, and the signals of a new process. The client must outlive it. NULL with
 * *failure filled in; its text is to follow the program's name: "cannot be started: …".
 */
extern ChildProcess *process_start(HttpClient *http, const char *command, Failure *failure);

/* DONE: it has ended with exit status 0. It has 10 seconds, and may print 64 KB. */
extern StepResult process_step(ChildProcess *process);

/* After DONE: what it printed, a secret. */
extern const ByteBuffer *process_output(const ChildProcess *process);

/* After FAILED; its text as above. */
extern const Failure *process_failure(const ChildProcess *process);

/* Ends it if it is still running. NULL is allowed. */
extern void process_free(ChildProcess *process);

#endif
