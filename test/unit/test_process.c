/*
 * process, and fetch and provider with one: a program that prints credentials is started as it should be, leaves nothing
 * behind, and ends with whoever waits for it.
 */
#include "peer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/process.h"
#include "aws/provider.h"

#define KEYS "{\"Version\": 1, \"AccessKeyId\": \"AKID\", \"SecretAccessKey\": \"hush\", \"SessionToken\": \"t\""

static char home[] = "/tmp/dynamodb_es_XXXXXX";
static int64_t later;			/* than it is, ms */
static ServerClock clock_;
static Journal journal_;

extern int64_t __real_http_now_ms(void);
extern int64_t __wrap_http_now_ms(void);

int64_t
__wrap_http_now_ms(void)
{
	return __real_http_now_ms() + later;
}

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

static void
write_file(const char *name, const char *text)
{
	FILE	   *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int
make_home(void **state)
{
	return mkdtemp(home) == NULL || mkdir(path_of(".aws"), 0700) != 0 || setenv("HOME", home, 1) != 0
		|| setenv("AWS_PROFILE", "prod", 1) != 0 || unsetenv("AWS_ACCESS_KEY_ID") != 0 || unsetenv("AWS_CONFIG_FILE") != 0
		|| unsetenv("AWS_SHARED_CREDENTIALS_FILE") != 0 || unsetenv("AWS_SECRET_ACCESS_KEY") != 0 ? -1 : 0;
}

static int
remove_home(void **state)
{
	static const char *const names[] = {".aws/config", ".aws", "pids", "count", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path_of(names[i]));
	return 0;
}

static HttpClient *
new_client(void)
{
	HttpSettings settings = {
		.max_connections = 2, .connect_timeout_ms = 1000, .request_timeout_ms = 1000, .max_response_bytes = 1024
	};
	Failure		failure;
	HttpClient *client = http_client_new(&settings, &failure);

	assert_non_null(client);
	return client;
}

/* As a backend waits: for the client's descriptor, and nothing else. */
static void
wait_for(HttpClient *client)
{
	struct pollfd readable = {.fd = http_client_fd(client), .events = POLLIN};

	if (http_client_await(client))
		poll(&readable, 1, -1);
	http_client_pump(client);
}

/* What a command prints, or what is said of it. The text is good until the next call. */
static const char *
run(const char *command)
{
	static char text[8192];
	HttpClient *client = new_client();
	Failure		failure = {.kind = FAILURE_NONE};
	ChildProcess *process = process_start(client, command, &failure);

	if (process == NULL)
		snprintf(text, sizeof(text), "%s", failure.message);
	else
	{
		while (process_step(process) == STEP_PENDING)
			wait_for(client);
		if (process_step(process) == STEP_FAILED)
			snprintf(text, sizeof(text), "%s", process_failure(process)->message);
		else
			snprintf(text, sizeof(text), "%.*s", (int) process_output(process)->length, process_output(process)->data);
	}
	process_free(process);
	http_client_free(client);
	return text;
}

/* Under valgrind, which makes a copy of the process, the program that is not there has begun. */
static void
assert_not_started(const char *command, const char *why)
{
	const char *text = run(command);

	if (strcmp(text, "ended with exit status 127") != 0)
		assert_string_equal(text, why);
}

static void
words_are_what_it_gets_and_no_shell_is_between(void **state)
{
	setenv("HUSH", "of the environment", 1);
	assert_string_equal(run("printf '%s|' a \"b c\" 'd\"e' $HUSH * ; > /x"), "a|b c|d\"e|$HUSH|*|;|>|/x|");
	assert_string_equal(run("sh -c 'printf \"%s\" \"$HUSH\"'"), "of the environment");
	assert_string_equal(run("sh -c 'cat; echo hush >&2; echo done'"), "done\n");
	assert_not_started("/nonexistent/helper --x", "cannot be started: No such file or directory");
	assert_not_started("/tmp", "cannot be started: Permission denied");
	assert_string_equal(run("helper 'a"), "has a quote that is not closed, or ends with a backslash");
	assert_string_equal(run("  "), "has no program to start");
	assert_not_started("''", "cannot be started: No such file or directory");
}

static void
how_it_ends_is_said_and_nothing_of_what_it_prints(void **state)
{
	assert_string_equal(run("sh -c 'echo hush; exit 3'"), "ended with exit status 3");
	assert_string_equal(run("sh -c 'echo hush; kill -9 $$'"), "was ended by signal 9");
	assert_string_equal(run("sh -c 'exec >&-; exec 2>&-; exit 4'"), "ended with exit status 4");
	assert_string_equal(run("sh -c 'while echo hush; do :; done'"), "prints more than 64 KB");
	assert_string_equal(run("sh -c 'dd if=/dev/zero bs=65536 count=1; exit 5'"), "ended with exit status 5");
}

/* A new process has neither the descriptors of a backend nor its signals. */
static void
it_inherits_nothing(void **state)
{
	int			open_file = open("/dev/null", O_RDONLY);
	int			fd = fcntl(open_file, F_DUPFD, 100);
	sigset_t	blocked;
	sigset_t	saved;

	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &saved);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	assert_true(fd >= 100);
	assert_string_equal(run("sh -c 'cd /proc/self/fd; for f in 1?? 1??? 2?? [3-9]?; do test -e $f && echo $f; done; echo end'"), "end\n");
	/* The C library ignores two of its own. */
	assert_string_equal(run("grep -cE '^SigBlk:.0*$|^SigIgn:.*[08]0{7}$' /proc/self/status"), "2\n");
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	close(fd);
	close(open_file);
}

/* It has ended, if nobody may have asked for its status yet. */
static bool
is_gone(int pid)
{
	char		path[64];
	char		text[512] = "";
	FILE	   *file;
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return true;
	(void) !fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	state = strrchr(text, ')');
	return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

/* A program with a child, both of which stay; it prints `first`. */
static const char *
lasting_command(const char *first)
{
	static char command[1024];

	remove(path_of("pids"));
	snprintf(command, sizeof(command), "sh -c 'sleep 1000 & echo $$ $! >%s.new; mv %s.new %s; %s; wait'", path_of("pids"), path_of("pids"),
			 path_of("pids"), first);
	return command;
}

/* Waits until it runs. */
static void
read_pids(int *pids)
{
	FILE	   *file;

	while ((file = fopen(path_of("pids"), "r")) == NULL)
		usleep(1000);
	assert_int_equal(fscanf(file, "%d %d", &pids[0], &pids[1]), 2);
	fclose(file);
	assert_false(is_gone(pids[0]));
	assert_false(is_gone(pids[1]));
}

static void
assert_gone(const int *pids)
{
	assert_int_equal(kill(pids[0], 0), -1); /* reaped, too */
	while (!is_gone(pids[1]))
		usleep(1000);
}

static void
it_ends_with_its_group(void **state)
{
	HttpClient *client = new_client();
	Failure		failure;
	ChildProcess *process;
	int			pids[2];

	process = process_start(client, lasting_command(":"), &failure);
	assert_non_null(process);
	read_pids(pids);
	assert_int_equal(process_step(process), STEP_PENDING);
	process_free(process);
	assert_gone(pids);

	process = process_start(client, lasting_command("while echo x; do :; done"), &failure);
	assert_non_null(process);
	read_pids(pids);
	while (process_step(process) == STEP_PENDING)
		wait_for(client);
	assert_string_equal(process_failure(process)->message, "prints more than 64 KB");
	assert_gone(pids);
	process_free(process);

	/* Also where it is quiet, or has closed what it prints to. */
	for (int i = 0; i < 2; i++)
	{
		process = process_start(client, lasting_command(i == 0 ? ":" : "exec >&-"), &failure);
		assert_non_null(process);
		read_pids(pids);
		later = 9000;
		assert_int_equal(process_step(process), STEP_PENDING);
		later = 10000;
		assert_int_equal(process_step(process), STEP_FAILED);
		assert_string_equal(process_failure(process)->message, "did not end within 10 seconds");
		assert_gone(pids);
		process_free(process);
		later = 0;
	}
	http_client_free(client);
}

static void
without_memory_it_says_so(void **state)
{
	HttpClient *client = new_client();

	FOR_EACH_ALLOCATION_FAILING({
		Failure		failure = {.kind = FAILURE_NONE};
		ChildProcess *process = process_start(client, "printf '%s' hush", &failure);

		while (process != NULL && process_step(process) == STEP_PENDING)
			wait_for(client);
		if (process != NULL && process_step(process) == STEP_FAILED)
			failure = *process_failure(process);
		assert_int_equal(failure.kind, memory_has_failed() ? FAILURE_MEMORY : FAILURE_NONE);
		process_free(process);
	});
	http_client_free(client);
}

/* The profile's program. */
static void
configure(const char *command)
{
	char		text[4096];

	snprintf(text, sizeof(text), "[profile prod]\ncredential_process = %s\n", command);
	write_file(".aws/config", text);
}

static CredentialsProvider *
new_provider(HttpClient *client)
{
	Identity	identity = {.keys = NULL};
	CredentialsProvider *provider = provider_new(&identity, "us-east-1", client, &clock_, &journal_);

	assert_non_null(provider);
	return provider;
}

/* What a statement does: asks, and waits until it knows. */
static StepResult
ask(CredentialsProvider *provider, HttpClient *client)
{
	CredentialsTicket ticket = {0};
	StepResult	result;

	while ((result = provider_ask(provider, &ticket)) == STEP_PENDING)
		wait_for(client);
	provider_leave(provider, &ticket);
	return result;
}

static void
it_prints_credentials(void **state)
{
	static const struct
	{
		const char *printed;
		const char *words;		/* NULL: they are taken */
	}			cases[] = {
		{KEYS "}", NULL},
		{KEYS ", \"Expiration\": \"2999-01-01T00:00:00Z\"}", NULL},
		{KEYS ", \"Expiration\": null}", NULL},
		{KEYS ", \"Expiration\": \"soon\"}", "does not print credentials of version 1"},
		{"{\"AccessKeyId\": \"AKID\", \"SecretAccessKey\": \"hush\"}", "does not print credentials of version 1"},
		{"{\"Version\": 2, \"AccessKeyId\": \"AKID\", \"SecretAccessKey\": \"hush\"}", "does not print credentials of version 1"},
		{"{\"Version\": \"1\", \"AccessKeyId\": \"AKID\", \"SecretAccessKey\": \"hush\"}", "does not print credentials of version 1"},
		{"{\"Version\": 1, \"AccessKeyId\": \"AKID\"}", "does not print credentials of version 1"},
		{"hush", "does not print credentials of version 1"},
		{"", "does not print credentials of version 1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HttpClient *client = new_client();
		CredentialsProvider *provider = new_provider(client);
		char		command[1024];

		snprintf(command, sizeof(command), "printf '%%s' '%s'", cases[i].printed);
		configure(command);
		memory_watch("hush");
		if ((ask(provider, client) == STEP_DONE) != (cases[i].words == NULL))
			fail_msg("%s: %s", cases[i].printed, provider_failure(provider)->message);
		if (cases[i].words == NULL)
			assert_string_equal(provider_credentials(provider)->session_token, "t");
		else
		{
			assert_non_null(strstr(provider_failure(provider)->message, cases[i].words));
			assert_null(strstr(provider_failure(provider)->message, "hush"));
		}
		provider_free(provider);
		assert_false(memory_was_left());
		http_client_free(client);
	}
}

static void
it_ends_with_the_last_request_that_waits(void **state)
{
	HttpClient *client = new_client();
	CredentialsProvider *provider = new_provider(client);
	CredentialsTicket one = {0};
	CredentialsTicket other = {0};
	int			pids[2];

	configure(lasting_command(":"));
	assert_int_equal(provider_ask(provider, &one), STEP_PENDING);
	assert_int_equal(provider_ask(provider, &other), STEP_PENDING);
	read_pids(pids);
	assert_int_equal(provider_ask(provider, &one), STEP_PENDING);
	provider_leave(provider, &one);
	assert_false(is_gone(pids[0]));
	assert_false(is_gone(pids[1]));
	provider_leave(provider, &other);
	assert_gone(pids);

	/* Or with the client. */
	one = (CredentialsTicket) {0};
	configure(lasting_command(":"));
	assert_int_equal(provider_ask(provider, &one), STEP_PENDING);
	read_pids(pids);
	provider_free(provider);
	assert_gone(pids);
	http_client_free(client);
}

static void
what_has_expired_is_not_taken_again_once_it_was_refused(void **state)
{
	HttpClient *client = new_client();
	CredentialsProvider *provider = new_provider(client);

	configure("printf '%s' '" KEYS ", \"Expiration\": \"1999-01-01T00:00:00Z\"}'");
	assert_int_equal(ask(provider, client), STEP_DONE);
	assert_true(provider_reject(provider, provider_generation(provider)));
	assert_int_equal(ask(provider, client), STEP_FAILED);
	assert_string_equal(provider_failure(provider)->message, "The credentials that were found have expired.");
	provider_free(provider);
	http_client_free(client);
}

/* How often the program has run. */
static int
runs(void)
{
	struct stat status;

	return stat(path_of("count"), &status) == 0 ? (int) status.st_size : 0;
}

static void
it_runs_again_when_that_is_needed_and_not_beside_requests(void **state)
{
	HttpClient *client = new_client();
	CredentialsProvider *provider = new_provider(client);
	char		command[1024];
	char		expiry[32];
	time_t		when = clock_now(&clock_) + 3600;
	struct tm	parts;

	strftime(expiry, sizeof(expiry), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &parts));
	snprintf(command, sizeof(command), "sh -c 'printf x >>%s; printf %%s \"$0\"' '" KEYS ", \"Expiration\": \"%s\"}'", path_of("count"), expiry);
	configure(command);
	assert_int_equal(ask(provider, client), STEP_DONE);
	assert_int_equal(ask(provider, client), STEP_DONE);
	assert_int_equal(runs(), 1);
	clock_.offset_ms += INT64_C(47) * 60 * 1000;
	assert_int_equal(ask(provider, client), STEP_DONE);
	assert_int_equal(runs(), 1);
	clock_.offset_ms += INT64_C(4) * 60 * 1000;
	assert_int_equal(ask(provider, client), STEP_DONE);
	assert_int_equal(runs(), 2);
	provider_free(provider);
	http_client_free(client);
	clock_.offset_ms = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_what_it_gets_and_no_shell_is_between),
		cmocka_unit_test(how_it_ends_is_said_and_nothing_of_what_it_prints),
		cmocka_unit_test(it_inherits_nothing),
		cmocka_unit_test(it_ends_with_its_group),
		cmocka_unit_test(without_memory_it_says_so),
		cmocka_unit_test(it_prints_credentials),
		cmocka_unit_test(what_has_expired_is_not_taken_again_once_it_was_refused),
		cmocka_unit_test(it_ends_with_the_last_request_that_waits),
		cmocka_unit_test(it_runs_again_when_that_is_needed_and_not_beside_requests),
	};

	return cmocka_run_group_tests_name("process", tests, make_home, remove_home);
}
