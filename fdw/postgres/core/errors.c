/*
 * errors.c: which SQLSTATE is it, and what does the user read?
 *
 * One table leads from a FailureKind to SQLSTATE and words. DynamoDB's own code and words go into the DETAIL; they
 * never hold a secret, because response.c keeps those back.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/core/visibility.h"

typedef struct ErrorText
{
	int			sqlstate;
	const char *message;		/* with one %s: what it happened to */
	const char *hint;			/* or NULL */
	bool		tells_identity; /* the DETAIL may tell of the server's own identity; see words_tell_of_identity */
} ErrorText;

/* The kinds that are not listed are refusals of DynamoDB's in general, or are reported by who knows more of them. */
static const ErrorText texts[] = {
	[FAILURE_UNREACHABLE] = {.sqlstate = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		.message = "could not reach DynamoDB for %s",
		.hint = "Check the options \"endpoint\" and \"region\" of the server.",
		.tells_identity = true},
	[FAILURE_BAD_ANSWER] = {.sqlstate = ERRCODE_FDW_ERROR,
		.message = "the endpoint of %s does not answer as DynamoDB does"},
	[FAILURE_DAMAGED] = {.sqlstate = ERRCODE_FDW_ERROR,
		.message = "an answer of DynamoDB for %s arrived damaged"},
	[FAILURE_TOO_LONG] = {.sqlstate = ERRCODE_FDW_ERROR,
		.message = "an answer of DynamoDB is too long for %s",
		.hint = "Raise the option \"max_response_mb\" of the server."},
	[FAILURE_UNREADABLE] = {.sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION,
		.message = "a stored version in %s cannot be read",
		.hint = "An INSERT that gives the version does not ask for the last one."},
	[FAILURE_ID_TWICE] = {.sqlstate = ERRCODE_DATA_CORRUPTED,
		.message = "a commit id was given out twice in %s",
		.hint = "Let nobody append until dynamodb_es_check shows no error: the counter is behind the commits, as after a restore."},
	[FAILURE_SAME_ID] = {.sqlstate = ERRCODE_UNIQUE_VIOLATION,
		.message = "two rows have one commit id for %s",
		.hint = "Each commit of a history has an id of its own."},
	[FAILURE_NOT_READY] = {.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		.message = "DynamoDB is not done with the tables of %s",
		.hint = "What was begun goes on there; dynamodb_es_status shows how far it is."},
	[FAILURE_UNFIT] = {.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		.message = "the DynamoDB tables of %s are not as they have to be",
		.hint = "Check the options commit_table, commit_index and counter_table."},
	[FAILURE_NO_CREDENTIALS] = {.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		.message = "could not get AWS credentials for %s",
		.hint = "Set access_key_id and secret_access_key in the options of the user mapping, "
			"or check the server's own AWS identity: its environment, its files, its roles.",
		.tells_identity = true},
	[FAILURE_EXPIRED] = {.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		.message = "the credentials for %s have expired",
		.hint = "Give the user mapping new ones, or check why the server's own are not renewed.",
		.tells_identity = true},
	[FAILURE_CREDENTIALS] = {.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		.message = "DynamoDB rejects the credentials for %s",
		.hint = "Check the keys in the user mapping and the region of the server.",
		.tells_identity = true},
	[FAILURE_ACCESS_DENIED] = {.sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE,
		.message = "AWS denies access for %s",
		.hint = "The manual (doc/reference/permissions.md) lists the permissions that each statement needs.",
		.tells_identity = true},
	[FAILURE_NOT_FOUND] = {.sqlstate = ERRCODE_FDW_TABLE_NOT_FOUND,
		.message = "DynamoDB has no such table or index for %s",
		.hint = "Create them with dynamodb_es_create_tables, or check the options of the foreign table and the region."},
	[FAILURE_EXISTS] = {.sqlstate = ERRCODE_DUPLICATE_TABLE,
		.message = "the DynamoDB tables of %s exist already",
		.hint = "They can be used as they are; dynamodb_es_status shows their state."},
	[FAILURE_CONFLICT] = {.sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE,
		.message = "a transaction in DynamoDB conflicts with the statement on %s",
		.hint = "Try the statement again."},
	[FAILURE_NOT_CONTIGUOUS] = {.sqlstate = ERRCODE_CHECK_VIOLATION,
		.message = "version would leave a gap in %s"},
	[FAILURE_NO_TRANSACTIONS] = {.sqlstate = ERRCODE_FEATURE_NOT_SUPPORTED,
		.message = "the endpoint of %s has no transactions, which a dense append needs",
		.hint = "Use DynamoDB itself or DynamoDB Local, or set the option \"append_mode\" to \"counter\"."},
	[FAILURE_THROTTLED] = {.sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		.message = "DynamoDB throttles requests for %s",
		.hint = "Try later, or raise the throughput of the table."},
	[FAILURE_EXHAUSTED] = {.sqlstate = ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
		.message = "there are no more commit ids for %s",
		.hint = "Check the options counter_table and counter, and what was written to that counter."},
	[FAILURE_TOO_LARGE] = {.sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		.message = "a limit of DynamoDB is exceeded for %s"},
	[FAILURE_UNKNOWN_FATE] = {.sqlstate = ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN,
		.message = "it is unknown whether a commit was stored in %s",
		.hint = "Read the aggregate before you append to it again.",
		.tells_identity = true},
	[FAILURE_MOVED] = {.sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE,
		.message = "%s is not at the commit id that was expected",
		.hint = "Read what has come since, and decide anew."},
	[FAILURE_MEMORY] = {.sqlstate = ERRCODE_OUT_OF_MEMORY,
		.message = "out of memory for %s"},
};

StaticAssertDecl(FAILURE_OTHER == 28, "a new kind of failure needs a row in texts");

static ErrorText
text_of_failure(const Failure *failure)
{
	static const ErrorText failed = {
		.sqlstate = ERRCODE_FDW_ERROR, .message = "DynamoDB could not carry out a request for %s", .hint = "Try again later."
	};
	static const ErrorText refused = {.sqlstate = ERRCODE_FDW_ERROR, .message = "DynamoDB refuses a request for %s"};

	if (failure->kind < lengthof(texts) && texts[failure->kind].message != NULL)
		return texts[failure->kind];
	return failure->http_status >= 500 ? failed : refused;
}

/*
 * Of the server's own identity, tell: its files and roles where there are no credentials, the region in a host's name,
 * and the name of who signed where AWS refuses that one. Elsewhere it is the name of an account.
 */
static bool
words_tell_of_identity(const Failure *failure)
{
	return text_of_failure(failure).tells_identity || strstr(failure->message, "arn:") != NULL;
}

/* As a sentence that another one may follow: DynamoDB's words may or may not end as one. */
static char *
as_sentence(char *words)
{
	size_t		length = strlen(words);

	return length > 0 && strchr(".!?", words[length - 1]) != NULL ? words : psprintf("%s.", words);
}

static char *
with_attempts(char *words, int attempts)
{
	if (attempts < 2)
		return words;
	return words[0] == '\0' ? psprintf(_("Given up after %d attempts."), attempts)
		: psprintf(_("%s Given up after %d attempts."), as_sentence(words), attempts);
}

/*
 * DynamoDB's words in the server's encoding; a character that it lacks becomes a question mark rather than an error
 * in an error. Words that are not for this user go to the log.
 */
char *
words_of_failure(const Failure *failure)
{
	char	   *words = encoding_for_message(failure->message, strlen(failure->message), sizeof(failure->message));
	char	   *code = encoding_for_message(failure->code, strlen(failure->code), sizeof(failure->code));

	if (failure->is_private && words[0] != '\0' && words_tell_of_identity(failure) && !identity_is_visible())
	{
		ereport(LOG_SERVER_ONLY,
				(errmsg("user \"%s\" is not told of the server's own AWS identity: %s", GetUserNameFromId(GetUserId(), false), words)));
		words = code[0] == '\0' ? pstrdup(_("the server's log says why")) : "";
	}
	if (code[0] != '\0')
		words = words[0] == '\0' ? code : psprintf("%s: %s", code, words);
	return with_attempts(words, failure->attempts);
}

static void
report_failure_of(const Failure *failure, const char *object)
{
	ErrorText	string = text_of_failure(failure);
	char	   *words = words_of_failure(failure);

	ereport(ERROR,
			(errcode(string.sqlstate),
			 errmsg_internal(string.message, object),
			 errdetail_internal("%s", words),
			 string.hint != NULL ? errhint("%s", string.hint) : 0));
}

void
report_failure(const Failure *failure, const char *relation_name)
{
	report_failure_of(failure, psprintf("foreign table \"%s\"", relation_name));
	pg_unreachable();
}

void
report_server_failure(const Failure *failure, const char *server_name)
{
	report_failure_of(failure, psprintf("server \"%s\"", server_name));
	pg_unreachable();
}

char *
describe_aggregate(const Commit *commit)
{
	const char *dots = commit->aggregate_id_length > MAX_NAMED_BYTES ? "..." : "";

	return psprintf("aggregate \"%s%s\"",
					encoding_for_message(commit->aggregate_id, commit->aggregate_id_length, MAX_NAMED_BYTES), dots);
}

char *
describe_commit(const Commit *commit)
{
	char	   *aggregate_id = describe_aggregate(commit);

	return commit->version < 0 ? psprintf("%s, its next version", aggregate_id)
		: psprintf("%s, version " INT64_FORMAT, aggregate_id, commit->version);
}

/* A DETAIL with what became of the rest of the batch behind it. */
static char *
with_fates(char *detail, const char *fates)
{
	return fates == NULL ? detail : psprintf("%s %s", detail, fates);
}

void
report_append_failure(const Failure *failure, const char *relation_name, const Commit *commit, const char *fates)
{
	ErrorText	string = text_of_failure(failure);
	char	   *words = words_of_failure(failure);
	char	   *object = psprintf("foreign table \"%s\"", relation_name);

	if (commit != NULL && failure->kind == FAILURE_CONDITION)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("version already exists in foreign table \"%s\"", relation_name),
				 errdetail_internal("%s", with_fates(psprintf(failure->message[0] == '\0'
															  ? _("There is a commit with %s.")
															  : _("Two rows have %s."), describe_commit(commit)),
													 fates)),
				 commit->is_imported ? errhint("ON CONFLICT DO NOTHING passes over what was imported before.") : 0));
	if (commit != NULL && failure->kind == FAILURE_NOT_CONTIGUOUS)
		ereport(ERROR,
				(errcode(string.sqlstate),
				 errmsg_internal(string.message, object),
				 errdetail_internal("%s", with_fates(psprintf(_("There is no version " INT64_FORMAT " before %s."),
															  commit->version - 1, describe_commit(commit)), fates))));
	if (commit != NULL && failure->kind == FAILURE_ID_TWICE)
		ereport(ERROR,
				(errcode(string.sqlstate),
				 errmsg_internal(string.message, object),
				 errdetail_internal("%s", with_fates(psprintf(_("Another commit with %s has commit id %s. The counter gives that id out again."),
															  describe_commit(commit), failure->message), fates)),
				 errhint("%s", string.hint)));
	if (commit != NULL && failure->kind == FAILURE_SAME_ID)
		ereport(ERROR,
				(errcode(string.sqlstate),
				 errmsg_internal(string.message, object),
				 errdetail_internal("%s", with_fates(psprintf(_("Commit id %s is that of %s, and of another row before it."),
															  failure->message, describe_commit(commit)), fates)),
				 errhint("%s", string.hint)));
	if (commit != NULL && failure->kind == FAILURE_UNREADABLE)
		ereport(ERROR,
				(errcode(string.sqlstate),
				 errmsg("the last version of %s in foreign table \"%s\" cannot be read", describe_aggregate(commit), relation_name),
				 errdetail_internal("%s", with_fates(psprintf(_("It is %s, and no bigint."), words), fates)),
				 errhint("%s", string.hint)));
	if (commit != NULL && failure->kind == FAILURE_UNKNOWN_FATE)
		ereport(ERROR,
				(errcode(string.sqlstate),
				 errmsg_internal(string.message, object),
				 errdetail_internal("%s", with_fates(psprintf(_("The answer to %s, commit id " INT64_FORMAT ", was lost: %s"),
															  describe_commit(commit), commit->commit_id,
															  as_sentence(words)), fates)),
				 errhint("%s", string.hint)));
	ereport(ERROR,
			(errcode(string.sqlstate),
			 errmsg_internal(string.message, object),
			 errdetail_internal("%s", fates == NULL ? words : with_fates(as_sentence(words), fates)),
			 string.hint != NULL ? errhint("%s", string.hint) : 0));
	pg_unreachable();
}

void
report_out_of_memory(void)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	pg_unreachable();
}
