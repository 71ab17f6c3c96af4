/*
 * source: which identity do environment and files mean? None that is named or begun is passed over in silence.
 */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "aws/source.h"

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = hush\n"

static char home[] = "/tmp/dynamodb_es_XXXXXX";

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_EC2_METADATA_DISABLED", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
};

static void
write_file(const char *name, const char *text)
{
	char		path[256];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/.aws/%s", home, name);
	remove(path);
	if (text == NULL)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int
make_home(void **state)
{
	char		path[256];

	if (mkdtemp(home) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/.aws", home);
	return mkdir(path, 0700);
}

static int
remove_home(void **state)
{
	char		path[256];

	write_file("config", NULL);
	write_file("credentials", NULL);
	snprintf(path, sizeof(path), "%s/.aws", home);
	rmdir(path);
	return rmdir(home);
}

/* An instance is always at hand. */
typedef struct Case
{
	const char *credentials;	/* the file; NULL: there is none */
	const char *config;
	const char *environment[5]; /* names and values */
	const char *profile;		/* of the mapping, or NULL */
	const char *key;			/* that is chosen; or */
	const char *words;			/* what the failure says, after the profile's name, with ~ for the home folder; or */
	SourceKind	kind;
} Case;

/* With ~ for the home folder. */
static void
shorten(char *message)
{
	char	   *at;

	while ((at = strstr(message, home)) != NULL)
	{
		*at = '~';
		memmove(at + 1, at + strlen(home), strlen(at + strlen(home)) + 1);
	}
}

static void
check(const Case *expected, size_t number)
{
	CredentialSource source;
	Failure		failure = {.kind = FAILURE_NONE};
	bool		chosen;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	setenv("HOME", home, 1);
	for (size_t i = 0; expected->environment[i] != NULL; i += 2)
		setenv(expected->environment[i], expected->environment[i + 1], 1);
	write_file("credentials", expected->credentials);
	write_file("config", expected->config);
	chosen = source_choose(expected->profile, &source, &failure);
	shorten(failure.message);
	if (strstr(failure.message, "hush") != NULL)
		fail_msg("case %zu shows a value: %s", number, failure.message);
	if (chosen != (expected->words == NULL))
		fail_msg("case %zu: %s", number, chosen ? "an identity was found" : failure.message);
	if (!chosen && strstr(failure.message, expected->words) == NULL)
		fail_msg("case %zu: %s", number, failure.message);
	if (chosen && source.kind != expected->kind)
		fail_msg("case %zu: the source is of kind %d", number, source.kind);
	if (expected->key != NULL && strcmp(source.keys.access_key_id, expected->key) != 0)
		fail_msg("case %zu: %s", number, source.keys.access_key_id);
	source_free(&source);
}

#define CHECK_CASES(cases) \
	do \
	{ \
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) \
			check(&cases[i], i); \
	} while (0)

static void
an_identity_is_found_where_it_is_written(void **state)
{
	static const Case cases[] = {
		{"[prod]\n  aws_access_key_id = A\n  aws_secret_access_key = s\n", NULL, {"AWS_PROFILE", "prod"}, NULL, .key = "A"},
		{NULL, "[profile prod]\n\taws_access_key_id=A\n\taws_secret_access_key=s\n", {"AWS_PROFILE", "prod"}, NULL, .key = "A"},
		{NULL, "  [profile prod]\n" KEYS("A"), {"AWS_PROFILE", "prod"}, NULL, .key = "A"},
		{"[prod]\n [dev]\n" KEYS("D"), NULL, {"AWS_PROFILE", "dev"}, NULL, .key = "D"},
		{"[default]\n" KEYS("A"), "[default]\n" KEYS("B"), {NULL}, NULL, .key = "A"},
		{"[a]\n" KEYS("A"), "[profile b]\n" KEYS("B"), {"AWS_DEFAULT_PROFILE", "a", "AWS_PROFILE", "b"}, NULL, .key = "A"},
		{"[a]\n" KEYS("A"), NULL, {"AWS_ACCESS_KEY_ID", "E", "AWS_SECRET_ACCESS_KEY", "s"}, NULL, .key = "E"},
		{"[a]\n" KEYS("A"), NULL, {"AWS_ACCESS_KEY_ID", "E", "AWS_SECRET_ACCESS_KEY", "s"}, "a", .key = "A"},
		{"[default]\n" KEYS("A"), NULL, {"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""}, NULL, .key = "A"},
		/* keys of a source go before its role */
		{"[a]\n" KEYS("A") "role_arn = r\nsource_profile = b\n[b]\n" KEYS("B"), "[profile over]\nrole_arn = o\nsource_profile = a\n", {NULL}, "over", .key = "A"},
		{NULL, "[profile a]\nrole_arn = r\nsource_profile = a\n" KEYS("A"), {NULL}, "a", .key = "A"},
		/* [DEFAULT] is part of each */
		{"[DEFAULT]\n" KEYS("A") "[a]\n", NULL, {NULL}, "a", .key = "A"},
		{NULL, "[profile a]\nrole_arn = r\nweb_identity_token_file = f\n", {NULL}, "a", .kind = SOURCE_WEB_IDENTITY},
		{NULL, "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = q\nweb_identity_token_file = f\n", {NULL}, "a", .kind = SOURCE_WEB_IDENTITY},
		{NULL, "[profile a]\n role_arn = r\n credential_source = Ec2InstanceMetadata\n", {"AWS_PROFILE", "a"}, .kind = SOURCE_INSTANCE},
	};

	CHECK_CASES(cases);
}

static void
nothing_leads_on_to_the_instance(void **state)
{
	static const Case cases[] = {
		{NULL, NULL, {NULL}, .kind = SOURCE_INSTANCE},
		{NULL, "[default]\nregion = x\n", {NULL}, .kind = SOURCE_INSTANCE},
		{NULL, "[profile a]\nregion = x\ns3 =\n  addressing_style = path\n", {"AWS_PROFILE", "a"}, .kind = SOURCE_INSTANCE},
		{NULL, "[sso-session s]\nsso_region = x\n[profile b]\nsso_session = s\nsso_account_id = 1\n", {NULL}, .kind = SOURCE_INSTANCE},
		{NULL, "[Default]\nregion = x\n", {NULL}, .kind = SOURCE_INSTANCE},
	};

	CHECK_CASES(cases);
}

static void
what_is_begun_or_named_is_an_error_with_its_line(void **state)
{
	static const Case cases[] = {
		{NULL, NULL, {"AWS_ACCESS_KEY_ID", "A"}, .words = "AWS_SECRET_ACCESS_KEY is not set in the environment of PostgreSQL."},
		{NULL, NULL, {"AWS_SECRET_ACCESS_KEY", "hush"}, .words = "AWS_ACCESS_KEY_ID is not set in the environment of PostgreSQL."},
		{NULL, "[default]\n", {"AWS_PROFILE", "prod"}, .words = "\"prod\" does not exist: the file \"~/.aws/credentials\", which does not exist, "
		"has none of that name, nor has \"~/.aws/config\"."},
		{NULL, "[profile a]\nregion = x\naws_access_key_id = A\n", {"AWS_PROFILE", "a"}, .words = "\"a\" has no aws_secret_access_key (line 3 of the file \"~/.aws/config\")."},
		{"[a]\naws_secret_access_key = hush\n", NULL, {"AWS_PROFILE", "a"}, .words = "\"a\" has no aws_access_key_id (line 2 of the file \"~/.aws/credentials\")."},
		{"[default]\naws_access_key_id = A\naws_secret_access_key =\n", NULL, {NULL}, .words = "has no aws_secret_access_key (line 3"},
		{"[default]\naws_access_key_id = A\n", "[default]\naws_secret_access_key = hush\n", {NULL}, .words = "has no aws_secret_access_key (line 2"},
		{"[default]\n" KEYS("A # hush"), NULL, {NULL}, .words = "also behind a # or ; (line 2"},
		{"[default]\naws_session_token = hush\n", NULL, {NULL}, .words = "has a session token, but no keys (line 2"},
		{NULL, "[default]\nrole_arn = hush\n", {NULL}, .words = "\"default\" has a role_arn, but no source_profile, credential_source or web_identity_token_file (line 2 of"},
		{NULL, "[default]\nrole_arn = hush\n" KEYS("A"), {NULL}, .words = "has a role_arn, but no source_profile"},
		{NULL, "[default]\nrole_arn =\nsource_profile = a\n[profile a]\n" KEYS("A"), {NULL}, .words = "has no role_arn (line 2"},
		{NULL, "[default]\nsource_profile = hush\n", {NULL}, .words = "has no role_arn (line 2"},
		{NULL, "[default]\nweb_identity_token_file = hush\n", {NULL}, .words = "has no role_arn (line 2"},
		{NULL, "[default]\nrole_arn = r\nweb_identity_token_file =\n", {NULL}, .words = "has an empty web_identity_token_file (line 3"},
		{NULL, "[default]\nrole_arn = r\nsource_profile = hush\n", {NULL}, .words = "has a source_profile that does not exist (line 3"},
		{NULL, "[default]\nrole_arn = r\nsource_profile =\n", {NULL}, .words = "has a source_profile that does not exist (line 3"},
		{NULL, "[default]\nrole_arn = r\nsource_profile = default\n", {NULL}, .words = "is its own source_profile, but has no keys (line 3"},
		{NULL, "[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nregion = x\n", {NULL}, .words = "\"b\" has neither keys nor a role with a source that a server can use (line 4"},
		{NULL, "[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = default\n", {NULL}, .words = "or of a loop (line"},
		{NULL, "[default]\nrole_arn = r\ncredential_source = hush\n", {NULL}, .words = "has a credential_source that is not known (line 3"},
		{NULL, "[default]\nrole_arn = r\ncredential_source = EcsContainer\nsource_profile = a\n", {NULL}, .words = "has more than one of source_profile"},
		{NULL, "[profile a]\nsso_account_id = 1\n", {"AWS_PROFILE", "a"}, .words = "signs in by SSO, which a server cannot do; let a profile's credential_process be "
		"\"aws configure export-credentials --format process\" with the name of this one (line 2"},
		{"[a]\n" KEYS("A"), "[profile a]\nsso_role_name = hush\n", {"AWS_PROFILE", "a"}, .words = "signs in by SSO"},
		{NULL, "[profile a]\nsso_session = hush\n", {"AWS_PROFILE", "a"}, .words = "signs in by SSO"},
		{NULL, "[profile b]\nsso_account_id = 1\n[profile a]\nrole_arn = r\nsource_profile = b\n", {"AWS_PROFILE", "a"}, .words = "\"b\" signs in by SSO"},
		{NULL, "[default]\nlogin_session = hush\n", {NULL}, .words = "asks for a login, which a server cannot do (line 2"},
		{NULL, "[default]\nregion = x\n  aws_access_key_id = A\n  aws_secret_access_key = hush\n", {NULL},
		.words = "has a setting that goes on with a section or another setting, by their indentation (line 2"},
		{NULL, "[default]\ns3 =\n  addressing_style = path\n  role_arn = hush\n", {NULL}, .words = "by their indentation (line 2"},
		{"[prod]\nregion = x\n [dev]\n" KEYS("D"), NULL, {"AWS_PROFILE", "prod"}, .words = "by their indentation (line 2"},
		{"[prod]\nregion = x\n [dev]\n" KEYS("D"), NULL, {NULL}, "prod", .words = "by their indentation (line 2"},
		{"[ default ]\n" KEYS("A"), NULL, {NULL}, .words = "Line 1 of the file \"~/.aws/credentials\" has a section that is nearly called \"default\", but is not."},
		{NULL, "\n[Default]\n" KEYS("A"), {NULL}, .words = "Line 2 of the file \"~/.aws/config\" has a section that is nearly called"},
		{"[profile default]\n" KEYS("A"), NULL, {NULL}, .words = "nearly called"},
		{"[DEFAULT]\n" KEYS("A"), NULL, {NULL}, .words = "nearly called"},
		{NULL, NULL, {"AWS_EC2_METADATA_DISABLED", "true"}, .words = "nor in the files \"~/.aws/credentials\", which does not exist, and \"~/.aws/config\", "
		"which does not exist, and no container or instance to ask."},
		{"[default]\n" KEYS("A"), NULL, {"AWS_SHARED_CREDENTIALS_FILE", "~/absent"}, .words = "The file \"~/absent\" cannot be read"},
	};

	CHECK_CASES(cases);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identity_is_found_where_it_is_written),
		cmocka_unit_test(nothing_leads_on_to_the_instance),
		cmocka_unit_test(what_is_begun_or_named_is_an_error_with_its_line),
	};

	return cmocka_run_group_tests_name("source", tests, make_home, remove_home);
}
