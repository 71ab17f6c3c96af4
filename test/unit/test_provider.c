/*
 * source, fetch, provider: the way to the server's own credentials, when memory runs out on it, what it leaves
 * behind, and when it is gone again. What an answer leads to is t/065_credentials.
 */
#include "peer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "aws/fetch.h"
#include "aws/provider.h"
#include "aws/source.h"

static char home[] = "/tmp/dynamodb_es_XXXXXX";
static ServerClock clock_;
static Journal journal_;

/* NULL takes a variable away. */
static void
set(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void
write_file(const char *name, const char *text)
{
	char		path[256];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", home, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* An environment of its own, where nobody listens. */
static int
make_home(void **state)
{
	static const char *const unset[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_EC2_METADATA_DISABLED",
	};
	char		path[256];

	for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++)
		unsetenv(unset[i]);
	if (mkdtemp(home) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/.aws", home);
	mkdir(path, 0700);
	set("HOME", home);
	set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
	set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
	write_file("jwt", "hush-jwt\n");
	write_file("authorization", "hush-authorization");
	snprintf(path, sizeof(path), "[profile web]\nrole_arn = r\nweb_identity_token_file = %s/jwt\n", home);
	write_file(".aws/config", path);
	write_file(".aws/credentials",
			   "[keys]\naws_access_key_id = id\naws_secret_access_key = hush-secret\naws_session_token = hush-token\n"
			   "[role]\nrole_arn = r\nexternal_id = e\nduration_seconds = 900\nsource_profile = other\n"
			   "[other]\nrole_arn = s\nrole_session_name = n\nsource_profile = keys\n");
	return 0;
}

static int
remove_home(void **state)
{
	static const char *const names[] = {"jwt", "authorization", ".aws/config", ".aws/credentials", ".aws", ""};
	char		path[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		snprintf(path, sizeof(path), "%s/%s", home, names[i]);
		remove(path);
	}
	return 0;
}

static void
a_choice_without_memory_says_so(void **state)
{
	static const char *const profiles[] = {"keys", "role", "web"};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			CredentialSource source;
			Failure		failure = {.kind = FAILURE_NONE};
			bool		chosen = source_choose(profiles[i], &source, &failure);

			assert_int_equal(chosen, !memory_has_failed());
			assert_int_equal(failure.kind, memory_has_failed() ? FAILURE_MEMORY : FAILURE_NONE);
			source_free(&source);
		});
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

/* Up to the first request, which is then under way. */
static void
check_fetch(HttpClient *client, const char *profile)
{
	FOR_EACH_ALLOCATION_FAILING({
		CredentialsFetch *fetch = fetch_start(client, profile, "us-east-1", &clock_);

		if (fetch == NULL)
			assert_true(memory_has_failed());
		else if (memory_has_failed() || fetch_step(fetch) == STEP_FAILED)
		{
			assert_int_equal(fetch_step(fetch), STEP_FAILED);
			assert_true(memory_has_failed());
			assert_int_equal(fetch_failure(fetch)->kind, FAILURE_MEMORY);
		}
		else
			assert_false(memory_has_failed());
		fetch_free(fetch);
	});
}

static void
a_request_without_memory_is_not_sent(void **state)
{
	HttpClient *client = new_client();
	char		path[256];

	check_fetch(client, "role");
	check_fetch(client, "web");
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
	snprintf(path, sizeof(path), "%s/authorization", home);
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
	check_fetch(client, NULL);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL);
	check_fetch(client, NULL);
	http_client_free(client);
}

static void
a_provider_without_memory_says_so_and_recovers(void **state)
{
	HttpClient *client = new_client();
	Identity	identity = {.profile = "keys"};

	FOR_EACH_ALLOCATION_FAILING({
		CredentialsProvider *provider = provider_new(&identity, "us-east-1", client, &clock_, &journal_);
		CredentialsTicket ticket = {0};
		CredentialsTicket next = {0};

		if (provider == NULL)
			assert_true(memory_has_failed());
		else if (provider_ask(provider, &ticket) == STEP_FAILED)
		{
			assert_true(memory_has_failed());
			assert_int_equal(provider_failure(provider)->kind, FAILURE_MEMORY);
			assert_int_equal(provider_ask(provider, &next), STEP_DONE);
		}
		if (provider != NULL)
			assert_string_equal(provider_credentials(provider)->secret_access_key, "hush-secret");
		provider_free(provider);
	});
	http_client_free(client);
}

static void
explicit_keys_without_memory_are_none(void **state)
{
	HttpClient *client = new_client();
	Credentials keys = {.access_key_id = "id", .secret_access_key = "secret", .session_token = "token"};
	Identity	identity = {.keys = &keys};

	FOR_EACH_ALLOCATION_FAILING({
		CredentialsProvider *provider = provider_new(&identity, "us-east-1", client, &clock_, &journal_);

		assert_int_equal(provider == NULL, memory_has_failed());
		provider_free(provider);
	});
	http_client_free(client);
}

static void
freed_memory_has_no_secret(void **state)
{
	static const char *const profiles[] = {"keys", "role", "web", "absent", NULL};
	HttpClient *client = new_client();

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
	{
		Identity	identity = {.profile = profiles[i]};
		CredentialsProvider *provider;
		CredentialsTicket ticket = {0};

		memory_watch("hush");
		provider = provider_new(&identity, "us-east-1", client, &clock_, &journal_);
		(void) provider_ask(provider, &ticket);
		provider_free(provider);
		if (memory_was_left())
			fail_msg("profile %s leaves a secret", profiles[i] != NULL ? profiles[i] : "(none)");
	}
	http_client_free(client);
}

/* A container whose keys expire so many seconds from now; the text is good until the next call. */
static const char *
keys_for(ServerClock *clock, const char *id, int seconds)
{
	static char answer[1024];
	char		body[512];
	char		expiry[32];
	time_t		when = clock_now(clock) + seconds;
	struct tm	parts;

	strftime(expiry, sizeof(expiry), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &parts));
	snprintf(body, sizeof(body),
			 "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s-%s\",\"Token\":\"t\",\"Expiration\":\"%s\"}", id, id, expiry);
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	return answer;
}

/* What a statement does: asks, and waits until it knows. */
static StepResult
ask(CredentialsProvider *provider, HttpClient *client, Peer *peer)
{
	CredentialsTicket ticket = {0};
	StepResult	result;

	while ((result = provider_ask(provider, &ticket)) == STEP_PENDING)
		peer_turn(peer, client);
	return result;
}

static CredentialsProvider *
new_container_provider(Peer *peer, HttpClient *client, ServerClock *clock)
{
	Identity	identity = {0};
	char		url[64];
	CredentialsProvider *provider;

	peer_open(peer);
	snprintf(url, sizeof(url), "http://%s/keys", peer->address);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	provider = provider_new(&identity, "us-east-1", client, clock, &journal_);
	assert_non_null(provider);
	return provider;
}

static void
end_container_provider(CredentialsProvider *provider, Peer *peer, HttpClient *client)
{
	provider_free(provider);
	peer_close(peer);
	http_client_free(client);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
}

static void
a_renewal_that_an_idle_session_left_alone_is_not_waited_for(void **state)
{
	HttpClient *client = new_client();
	ServerClock clock = {0};
	Peer		peer;
	CredentialsProvider *provider = new_container_provider(&peer, client, &clock);

	peer.answer = keys_for(&clock, "first", 3600);
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);

	/* A statement begins to renew them beside its own request, which ends first. */
	clock.offset_ms += INT64_C(48) * 60 * 1000;
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	peer.answer = keys_for(&clock, "second", 3600);
	http_client_await(client);
	http_client_pump(client);
	while (peer.requests < 2)
		peer_turn(&peer, NULL);

	/* The session idles until both have expired. */
	clock.offset_ms += INT64_C(2) * 3600 * 1000;
	peer.answer = keys_for(&clock, "third", 3600);
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	assert_string_equal(provider_credentials(provider)->access_key_id, "third");

	end_container_provider(provider, &peer, client);
}

static void
a_renewal_under_way_is_waited_for_once_it_is_needed(void **state)
{
	HttpClient *client = new_client();
	ServerClock clock = {0};
	Peer		peer;
	CredentialsProvider *provider = new_container_provider(&peer, client, &clock);

	peer.answer = keys_for(&clock, "first", 3600);
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	clock.offset_ms += (INT64_C(50) * 60 - 30) * 1000;
	peer.answer = NULL;
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	assert_string_equal(provider_credentials(provider)->access_key_id, "first");
	clock.offset_ms += INT64_C(40) * 1000;
	peer.answer = keys_for(&clock, "second", 3600);
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	assert_string_equal(provider_credentials(provider)->access_key_id, "second");
	assert_int_equal(peer.requests, 2);

	end_container_provider(provider, &peer, client);
}

static void
short_lived_credentials_are_not_fetched_at_each_statement(void **state)
{
	HttpClient *client = new_client();
	ServerClock clock = {0};
	Peer		peer;
	CredentialsProvider *provider = new_container_provider(&peer, client, &clock);

	peer.answer = keys_for(&clock, "first", 900);
	for (int i = 0; i < 10; i++)
	{
		assert_int_equal(ask(provider, client, &peer), STEP_DONE);
		clock.offset_ms += 40 * 1000;
	}
	assert_int_equal(peer.requests, 1);

	/* In the second half of their time they are renewed beside the request, in the last third before it. */
	clock.offset_ms += 100 * 1000;
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	assert_string_equal(provider_credentials(provider)->access_key_id, "first");
	clock.offset_ms += 150 * 1000;
	peer.answer = keys_for(&clock, "second", 900);
	assert_int_equal(ask(provider, client, &peer), STEP_DONE);
	assert_string_equal(provider_credentials(provider)->access_key_id, "second");

	end_container_provider(provider, &peer, client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_choice_without_memory_says_so),
		cmocka_unit_test(a_request_without_memory_is_not_sent),
		cmocka_unit_test(a_provider_without_memory_says_so_and_recovers),
		cmocka_unit_test(explicit_keys_without_memory_are_none),
		cmocka_unit_test(freed_memory_has_no_secret),
		cmocka_unit_test(a_renewal_that_an_idle_session_left_alone_is_not_waited_for),
		cmocka_unit_test(a_renewal_under_way_is_waited_for_once_it_is_needed),
		cmocka_unit_test(short_lived_credentials_are_not_fetched_at_each_statement),
	};

	return cmocka_run_group_tests_name("provider", tests, make_home, remove_home);
}
