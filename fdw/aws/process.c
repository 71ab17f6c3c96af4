/*
 * process.c: how does a program run beside a backend that waits for it, and leave nothing behind?
 *
 * Its stdout is a pipe in the client's epoll set. When that is at its end, the process has ended or is about to: that is
 * looked at every few milliseconds, since SIGCHLD is PostgreSQL's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* pipe2 */
#endif
#include "aws/process.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "aws/words.h"

#define TIMEOUT_MS 10000
#define MAX_OUTPUT_BYTES (64 * 1024)
#define EXIT_POLL_MS 5			/* between two looks for the exit status */
#define MAX_CLOSED 4096			/* descriptors, where they can only be closed one by one */
#define REAP_TRIES 250			/* of a killed process, 0.2 ms apart */

extern char **environ;

struct ChildProcess
{
	HttpClient *http;
	pid_t		pid;			/* and process group; 0: there is none, or it has been reaped */
	int			fd;				/* its stdout; -1: at its end */
	int64_t		deadline;		/* http_now_ms */
	ByteBuffer	output;
	StepResult	state;
	Failure		failure;
};

static void
fail(Failure *failure, const char *words, const char *why)
{
	failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "%s%s", words, why);
}

/* All but the three: PostgreSQL's files and sockets are no business of the program's. */
static int
add_close_others(posix_spawn_file_actions_t *actions)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
	return posix_spawn_file_actions_addclosefrom_np(actions, 3);
#else
	int			error = 0;

	for (int fd = 3; fd < MAX_CLOSED && error == 0; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			error = posix_spawn_file_actions_addclose(actions, fd);
	return error;
#endif
}

static int
add_files(posix_spawn_file_actions_t *actions, int output)
{
	int			error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	return error != 0 ? error : add_close_others(actions);
}

/* A process group of its own; no signal blocked, ignored or handled. */
static int
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t	all;
	sigset_t	none;

	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* 0 or an errno. */
static int
spawn(ChildProcess *process, char **words, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int			error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error == 0)
	{
		error = add_files(&actions, output);
		if (error == 0)
			error = set_attributes(&attributes);
		if (error == 0)
			error = posix_spawnp(&process->pid, words[0], &actions, &attributes, words, environ);
		if (error != 0)
			process->pid = 0;
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Runs the words with a pipe for their output; 0 or an errno. */
static int
run(ChildProcess *process, char **words)
{
	int			ends[2];
	int			error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	/* Only this end: the program's may block as it is used to. */
	process->fd = ends[0];
	if (fcntl(process->fd, F_SETFL, O_NONBLOCK) != 0 || !http_client_watch(process->http, process->fd))
		error = errno;
	else
		error = spawn(process, words, ends[1]);
	close(ends[1]);
	return error;
}

/* `text` is cut into *words, which has room. */
static bool
start(ChildProcess *process, char *text, char **words, Failure *failure)
{
	size_t		count = words_split(text, words, strlen(text) / 2 + 1);
	int			error;

	if (count == WORDS_BROKEN || count == 0)
	{
		fail(failure, count == 0 ? "has no program to start" : "has a quote that is not closed, or ends with a backslash", "");
		return false;
	}
	error = run(process, words);
	if (error == ENOMEM)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else if (error != 0)
		fail(failure, "cannot be started: ", strerror(error));
	return error == 0;
}

ChildProcess *
process_start(HttpClient *http, const char *command, Failure *failure)
{
	size_t		length = strlen(command);
	ChildProcess *process = calloc(1, sizeof(ChildProcess));
	char	   *text = secret_copy(command, length);
	char	  **words = calloc(length / 2 + 2, sizeof(char *));
	bool		started = false;

	if (process != NULL)
		*process = (ChildProcess)
	{
		.http = http, .fd = -1, .state = STEP_PENDING, .output.secret = true, .deadline = http_now_ms() + TIMEOUT_MS
	};
	if (process == NULL || text == NULL || words == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else
		started = start(process, text, words, failure);
	if (text != NULL)
		OPENSSL_cleanse(text, length);
	free(text);
	free(words);
	if (started)
		return process;
	process_free(process);
	return NULL;
}

static void
close_output(ChildProcess *process)
{
	if (process->fd < 0)
		return;
	http_client_unwatch(process->http, process->fd);
	close(process->fd);
	process->fd = -1;
}

/*
 * A killed process is gone in no time, unless the kernel holds it, as on a file server that is out of reach: then it is
 * left to the end of the backend, for that one must obey.
 */
static void
end(ChildProcess *process)
{
	struct timespec pause = {.tv_nsec = 200 * 1000};

	close_output(process);
	if (process->pid == 0)
		return;
	kill(-process->pid, SIGKILL);
	for (int i = 0; i < REAP_TRIES && waitpid(process->pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&pause, NULL);
	process->pid = 0;
}

static void
give_up(ChildProcess *process, const char *words)
{
	fail(&process->failure, words, "");
	process->state = STEP_FAILED;
	end(process);
}

static void
read_output(ChildProcess *process)
{
	char		chunk[4096];
	ssize_t		count;

	while ((count = read(process->fd, chunk, sizeof(chunk))) != 0)
	{
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			break;
		buffer_append(&process->output, chunk, (size_t) count);
		if (process->output.length > MAX_OUTPUT_BYTES || process->output.failed)
			break;
	}
	OPENSSL_cleanse(chunk, sizeof(chunk));
	if (process->output.failed)
	{
		failure_set(&process->failure, FAILURE_MEMORY, NULL, "out of memory");
		process->state = STEP_FAILED;
		end(process);
	}
	else if (process->output.length > MAX_OUTPUT_BYTES)
		give_up(process, "prints more than 64 KB");
	else if (count == 0)
		close_output(process);
	else if (errno != EAGAIN)
		give_up(process, "cannot be read");
}

static void
look_for_end(ChildProcess *process)
{
	int			status = 0;
	pid_t		ended = waitpid(process->pid, &status, WNOHANG);

	if (ended == 0)
		return;
	/* Where SIGCHLD is ignored, nobody learns of the status, and the output has to do. */
	process->pid = 0;
	process->state = ended > 0 && status != 0 ? STEP_FAILED : STEP_DONE;
	if (process->state == STEP_FAILED)
		failure_set(&process->failure, FAILURE_NO_CREDENTIALS, NULL, WIFEXITED(status) ? "ended with exit status %d" : "was ended by signal %d",
					WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

StepResult
process_step(ChildProcess *process)
{
	int64_t		now = http_now_ms();

	if (process->state == STEP_PENDING && process->fd >= 0)
		read_output(process);
	if (process->state == STEP_PENDING && process->fd < 0)
		look_for_end(process);
	if (process->state == STEP_PENDING && now >= process->deadline)
		give_up(process, "did not end within 10 seconds");
	if (process->state == STEP_PENDING)
		http_client_wake_at(process->http, process->fd < 0 && now + EXIT_POLL_MS < process->deadline ? now + EXIT_POLL_MS : process->deadline);
	return process->state;
}

const ByteBuffer *
process_output(const ChildProcess *process)
{
	return &process->output;
}

const Failure *
process_failure(const ChildProcess *process)
{
	return &process->failure;
}

void
process_free(ChildProcess *process)
{
	if (process == NULL)
		return;
	end(process);
	buffer_free(&process->output);
	free(process);
}
