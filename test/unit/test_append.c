/*
 * append: from the answers to a batch's requests to the fates of its rows. Ids and versions rise together, nothing is
 * put behind a row that is not in, ids that come to nothing are noted; and what is said of each row is true.
 */
#include "script.h"

#include "store/append.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};

#define NEXT (-1)				/* a version that is left out */
#define MOST_ROWS 6
#define MOST_EXCHANGES 14

/* Requests by what is in them, and their answers. */
#define IDS(count, last) ANSWERED("UpdateItem", ":0\":{\"N\":\"" #count "\"}", "{\"Attributes\":{\"id\":{\"N\":\"" #last "\"}}}")
#define KEY(id, version) "{\"aggregateId\":{\"S\":\"" id "\"},\"version\":{\"N\":\"" #version "\"}"
#define PUT(id, version, commit) ANSWERED("PutItem", KEY_AND_ID(id, version, commit), "{}")
#define KEY_AND_ID(id, version, commit) KEY(id, version) ",\"commitId\":{\"N\":\"" #commit "\"}"
#define TAKEN(id, version, commit, by) REFUSED("PutItem", KEY_AND_ID(id, version, commit), "ConditionalCheckFailedException", \
	",\"Item\":" KEY(id, version) ",\"commitId\":{\"N\":\"" #by "\"},\"committedAt\":{\"N\":\"5\"},\"events\":{\"S\":\"[]\"}}")
#define LAST(id, version) ANSWERED("Query", ":0\":{\"S\":\"" id "\"}", "{\"Items\":[{\"version\":{\"N\":\"" #version "\"}}]}")
#define NONE(id) ANSWERED("Query", ":0\":{\"S\":\"" id "\"}", "{\"Items\":[]}")
/* Dense: the counter as it is looked at, and the transaction that moves it from one id to another. */
#define HEAD(id) ANSWERED("GetItem", "\"name\":{\"S\":\"commits\"}", "{\"Item\":{\"id\":{\"N\":\"" #id "\"}}}")
#define MOVE(from, to) "{\":0\":{\"N\":\"" #from "\"},\":1\":{\"N\":\"" #to "\"}}"
#define APPEND(from, to) ANSWERED("TransactWriteItems", MOVE(from, to), "{}")
#define CANCELED(from, to, reasons) REFUSED("TransactWriteItems", MOVE(from, to), "TransactionCanceledException", ",\"CancellationReasons\":[" reasons "]")
#define FINE "{\"Code\":\"None\"}"
#define FAILED "{\"Code\":\"ConditionalCheckFailed\"}"
#define STANDING(id, version, commit) "{\"Code\":\"ConditionalCheckFailed\",\"Item\":" KEY_AND_ID(id, version, commit) "}}"
#define MOVED(id) "{\"Code\":\"ConditionalCheckFailed\",\"Item\":{\"name\":{\"S\":\"commits\"},\"id\":{\"N\":\"" #id "\"}}}"

/* The very item that was put, which is the commit's own. */
#define OWN(id, version, commit) REFUSED("PutItem", KEY_AND_ID(id, version, commit), "ConditionalCheckFailedException", ",\"Item\":" \
	KEY_AND_ID(id, version, commit) ",\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"},\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"}}")

/* A cancellation without its reasons, and what is seen then: no item, or one of that id and time. */
#define UNREASONED(from, to) REFUSED("TransactWriteItems", MOVE(from, to), "TransactionCanceledException", "")
#define LOOKED_AT(id, version) "\"aggregateId\":{\"S\":\"" id "\"},\"version\":{\"N\":\"" #version "\"}"
#define NOTHING(id, version) ANSWERED("GetItem", LOOKED_AT(id, version), "{}")
#define ITEM(id, version, commit, at) ANSWERED("GetItem", LOOKED_AT(id, version), \
	"{\"Item\":" KEY_AND_ID(id, version, commit) ",\"committedAt\":{\"N\":\"" at "\"},\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"}}}")

#define NOTE(first, count) ANSWERED("PutItem", "\"name\":{\"S\":\"commits#burned#" #first "\"},\"n\":{\"N\":\"" #count "\"}", "{}")

typedef struct RowSpec
{
	const char *aggregate_id;
	int64_t		version;
} RowSpec;

typedef struct Case
{
	const char *what;
	RowSpec		rows[MOST_ROWS];
	bool		is_dense;
	int64_t		ids[MOST_ROWS];	/* that the rows of an import bring; zeroes: it is none */
	bool		knows_ids;		/* rows before these have brought them, too */
	bool		is_contiguous;
	int64_t		expects;		/* dense: the only value of the counter that will do; 0: any will */
	bool		skips_conflicts;
	size_t		ids_at_once;	/* 0: 100 */
	const char *fates;			/* of the rows in their order: the id of one that is stored, or a word */
	FailureKind kind;			/* FAILURE_NONE: it is DONE */
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

static const Case cases[] = {
	{"one row", {{"a", 0}}, .fates = "11", .exchanges = {IDS(1, 11), PUT("a", 0, 11)}},
	{"rows of an aggregate, in the order of their versions", {{"a", 2}, {"a", 0}, {"a", 1}}, .fates = "13 11 12",
	.exchanges = {IDS(3, 13), PUT("a", 0, 11), PUT("a", 1, 12), PUT("a", 2, 13)}},
	{"two aggregates side by side", {{"a", 0}, {"b", 0}, {"a", 1}}, .fates = "11 12 13",
	.exchanges = {IDS(3, 13), PUT("a", 0, 11), PUT("b", 0, 12), PUT("a", 1, 13)}},
	{"more rows than a batch", {{"a", 0}, {"a", 1}, {"a", 2}}, .ids_at_once = 2, .fates = "11 12 21",
	.exchanges = {IDS(2, 12), IDS(1, 21), PUT("a", 0, 11), PUT("a", 1, 12), PUT("a", 2, 21)}},
	{"the last id there is", {{"a", 0}}, .fates = "9223372036854775807",
	.exchanges = {IDS(1, 9223372036854775807), PUT("a", 0, 9223372036854775807)}},
	{"no id left", {{"a", 0}}, .fates = "not", .kind = FAILURE_EXHAUSTED, .exchanges = {IDS(1, 9223372036854775808)}},
	{"not enough ids left", {{"a", 0}, {"b", 0}}, .fates = "not not", .kind = FAILURE_EXHAUSTED, .exchanges = {IDS(2, 9223372036854775808)}},
	{"a counter far beyond", {{"a", 0}}, .fates = "not", .kind = FAILURE_EXHAUSTED, .exchanges = {IDS(1, 1e38)}},
	{"a counter that is no integer", {{"a", 0}}, .fates = "not", .kind = FAILURE_BAD_ANSWER, .exchanges = {IDS(1, 7.5)}},
	{"the next versions", {{"a", NEXT}, {"b", NEXT}, {"a", NEXT}}, .fates = "11 12 13",
	.exchanges = {LAST("a", 6), NONE("b"), IDS(3, 13), PUT("a", 7, 11), PUT("b", 0, 12), PUT("a", 8, 13)}},
	{"what others stored below 0 is before the first version", {{"a", NEXT}}, .fates = "11",
	.exchanges = {LAST("a", -4), IDS(1, 11), PUT("a", 0, 11)}},
	{"a last version that is no number", {{"a", NEXT}}, .fates = "not", .kind = FAILURE_BAD_ANSWER,
	.exchanges = {ANSWERED("Query", NULL, "{\"Items\":[{\"version\":{\"S\":\"6\"}}]}")}},
	{"a last version beyond all", {{"a", NEXT}}, .fates = "not", .kind = FAILURE_UNREADABLE,
	.exchanges = {LAST("a", 99999999999999999999)}},
	{"two rows of one version conflict before anything is sent", {{"a", 1}, {"a", 1}}, .fates = "not not", .kind = FAILURE_CONDITION},
	{"or the second is skipped", {{"a", 1}, {"a", 1}}, .skips_conflicts = true, .fates = "11 skipped",
	.exchanges = {IDS(1, 11), PUT("a", 1, 11)}},
	{"a version that is taken, with its id noted", {{"a", 0}}, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(1, 11), TAKEN("a", 0, 11, 9), NOTE(11, 1)}},
	{"nothing is put behind it", {{"a", 0}, {"a", 1}, {"a", 2}}, .fates = "not not not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(3, 13), TAKEN("a", 0, 11, 9), NOTE(11, 3)}},
	{"what was before it stays", {{"a", 0}, {"a", 1}, {"a", 2}}, .fates = "11 not not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(3, 13), PUT("a", 0, 11), TAKEN("a", 1, 12, 9), NOTE(12, 2)}},
	{"a version that is taken and skipped", {{"a", 0}, {"a", 1}}, .skips_conflicts = true, .fates = "skipped 12",
	.exchanges = {IDS(2, 12), TAKEN("a", 0, 11, 9), PUT("a", 1, 12), NOTE(11, 1)}},
	{"by a commit of a higher id: the rows behind it need higher ones still", {{"a", 0}, {"a", 1}}, .skips_conflicts = true, .fates = "skipped 31",
	.exchanges = {IDS(2, 12), TAKEN("a", 0, 11, 20), IDS(1, 31), PUT("a", 1, 31), NOTE(11, 2)}},
	{"a next version that is taken: it and its aggregate's rows take higher ids", {{"a", NEXT}, {"a", NEXT}}, .fates = "21 22",
	.exchanges = {NONE("a"), IDS(2, 12), TAKEN("a", 0, 11, 15), LAST("a", 0), IDS(2, 22), PUT("a", 1, 21), PUT("a", 2, 22), NOTE(11, 2)}},
	{"a lost answer that was a success", {{"a", 0}, {"a", 1}}, .fates = "11 12",
	.exchanges = {IDS(2, 12), BROKEN("PutItem", KEY("a", 0), FAULT_LOST), OWN("a", 0, 11), PUT("a", 1, 12)}},
	{"an id that another commit has: nothing is put behind it, and no id is noted", {{"a", 0}, {"a", 1}, {"a", 2}}, .fates = "11 not not", .kind = FAILURE_ID_TWICE,
	.exchanges = {IDS(3, 13), PUT("a", 0, 11), TAKEN("a", 1, 12, 12)}},
	{"nor where versions that exist are skipped", {{"a", 0}, {"a", 1}}, .skips_conflicts = true, .fates = "not not", .kind = FAILURE_ID_TWICE,
	.exchanges = {IDS(2, 12), TAKEN("a", 0, 11, 11)}},
	{"nor where one was skipped before", {{"a", 0}, {"a", 1}}, .skips_conflicts = true, .fates = "skipped not", .kind = FAILURE_ID_TWICE,
	.exchanges = {IDS(2, 12), TAKEN("a", 0, 11, 9), TAKEN("a", 1, 12, 12)}},
	{"nothing is put behind a row that may be stored", {{"a", 0}, {"a", 1}}, .fates = "unknown not", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {IDS(2, 12), BROKEN("PutItem", KEY("a", 0), FAULT_LOST), BROKEN("PutItem", KEY("a", 0), FAULT_LOST),
		BROKEN("PutItem", KEY("a", 0), FAULT_LOST), ANSWERED("GetItem", KEY("a", 0), "{}"), NOTE(12, 1)}},
	{"ids that do not come", {{"a", 0}}, .fates = "not", .kind = FAILURE_THROTTLED,
	.exchanges = {REFUSED("UpdateItem", NULL, "ThrottlingException", ""), REFUSED("UpdateItem", NULL, "ThrottlingException", ""),
		REFUSED("UpdateItem", NULL, "ThrottlingException", "")}},
	{"an ADD that counted twice loses ids, and no commit", {{"a", 0}}, .fates = "12",
	.exchanges = {BROKEN("UpdateItem", NULL, FAULT_LOST), IDS(1, 12), PUT("a", 0, 12)}},
	{"a counter that answers nothing", {{"a", 0}}, .fates = "not", .kind = FAILURE_BAD_ANSWER,
	.exchanges = {ANSWERED("UpdateItem", NULL, "{\"Attributes\":{}}")}},
	{"a note that is refused is no error", {{"a", 0}}, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(1, 11), TAKEN("a", 0, 11, 9), REFUSED("PutItem", "#burned#", "AccessDeniedException", "")}},
	{"a note that is not answered does not hold the error up", {{"a", 0}}, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(1, 11), TAKEN("a", 0, 11, 9), BROKEN("PutItem", "#burned#", FAULT_SILENT)}},
	{"ids that grew too old are replaced, and noted", {{"a", 0}}, .fates = "21",
	.exchanges = {{.operation = "UpdateItem",.answer = "{\"Attributes\":{\"id\":{\"N\":\"11\"}}}",.after_ms = 20},
		{.operation = "PutItem",.contains = KEY_AND_ID("a", 0, 11),.status = 400,.answer = ERROR_ANSWER("ThrottlingException", ""),.after_ms = 20000},
		IDS(1, 21), PUT("a", 0, 21), NOTE(11, 1)}},
	{"a failure lets others that are under way end", {{"a", 0}, {"b", 0}, {"b", 1}}, .fates = "not 12 not", .kind = FAILURE_CONDITION,
	.exchanges = {IDS(3, 13), TAKEN("a", 0, 11, 9), {.operation = "PutItem",.contains = KEY_AND_ID("b", 0, 12),.after_ms = 500}, NOTE(11, 1), NOTE(13, 1)}},
	{"import: rows keep their ids, and nobody is asked for one", {{"a", 1}, {"b", 0}, {"a", 0}}, .ids = {9, 5, 4}, .fates = "9 5 4",
	.exchanges = {PUT("a", 0, 4), PUT("b", 0, 5), PUT("a", 1, 9)}},
	{"import: a commit that was stored before is another one", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .fates = "not not", .kind = FAILURE_CONDITION,
	.exchanges = {OWN("a", 0, 4)}},
	{"import: and is skipped; what follows keeps its id", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .skips_conflicts = true, .fates = "skipped 5",
	.exchanges = {OWN("a", 0, 4), PUT("a", 1, 5)}},
	{"import: also behind a commit of a higher id", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .skips_conflicts = true, .fates = "skipped 5",
	.exchanges = {TAKEN("a", 0, 4, 9), PUT("a", 1, 5)}},
	{"import: a lost answer that was a success", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .fates = "4 5",
	.exchanges = {BROKEN("PutItem", KEY("a", 0), FAULT_LOST), OWN("a", 0, 4), PUT("a", 1, 5)}},
	{"import: no note of what was refused", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .fates = "not not", .kind = FAILURE_CONDITION,
	.exchanges = {TAKEN("a", 0, 4, 4)}},
	{"import: one id twice, nothing is sent", {{"a", 0}, {"b", 0}}, .ids = {4, 4}, .skips_conflicts = true, .fates = "not not", .kind = FAILURE_SAME_ID},
	{"import: one row twice", {{"a", 0}, {"a", 0}}, .ids = {4, 4}, .skips_conflicts = true, .fates = "4 skipped", .exchanges = {PUT("a", 0, 4)}},
	{"import: an id that another row has brought before", {{"a", 0}, {"a", 1}}, .ids = {4, 5}, .knows_ids = true, .skips_conflicts = true, .fates = "not not",
	.kind = FAILURE_SAME_ID, .exchanges = {NOTHING("a", 0)}},
	{"import: the same row, farther on", {{"a", 0}}, .ids = {4}, .knows_ids = true, .skips_conflicts = true, .fates = "skipped",
	.exchanges = {ITEM("a", 0, 4, SCRIPT_EPOCH_TEXT)}},
	{"import: the same row, farther on, and nothing is to be skipped", {{"a", 0}}, .ids = {4}, .knows_ids = true, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {ITEM("a", 0, 4, SCRIPT_EPOCH_TEXT)}},
	{"import: a look that fails decides nothing", {{"a", 0}}, .ids = {4}, .knows_ids = true, .fates = "not", .kind = FAILURE_ACCESS_DENIED,
	.exchanges = {{.operation = "GetItem",.status = 400,.answer = ERROR_ANSWER("AccessDeniedException", "")}}},
	{"import: a throttled row is put again under its id", {{"a", 0}}, .ids = {4}, .fates = "4",
	.exchanges = {{.operation = "PutItem",.status = 400,.answer = ERROR_ANSWER("ThrottlingException", ""),.after_ms = 30000}, PUT("a", 0, 4)}},
	{"contiguous: one look for each aggregate, before an id is taken", {{"a", 3}, {"b", 1}, {"a", 4}, {"c", 0}}, .is_contiguous = true, .fates = "11 12 13 14",
	.exchanges = {ITEM("a", 2, 5, "1"), ITEM("b", 0, 6, "1"), IDS(4, 14), PUT("a", 3, 11), PUT("b", 1, 12), PUT("a", 4, 13), PUT("c", 0, 14)}},
	{"contiguous: a version before that is missing takes no id, and nothing is stored", {{"c", 0}, {"a", 3}, {"a", 6}}, .is_contiguous = true, .fates = "not not not",
	.kind = FAILURE_NOT_CONTIGUOUS, .exchanges = {ITEM("a", 2, 5, "1"), NOTHING("a", 5)}},
	{"contiguous: two looks in one aggregate", {{"a", 6}, {"a", 3}}, .is_contiguous = true, .skips_conflicts = true, .fates = "12 11",
	.exchanges = {ITEM("a", 2, 5, "1"), ITEM("a", 5, 8, "1"), IDS(2, 12), PUT("a", 3, 11), PUT("a", 6, 12)}},
	{"contiguous: the next version needs no look, what is beyond it does", {{"a", NEXT}, {"a", 8}, {"b", NEXT}}, .is_contiguous = true, .fates = "not not not",
	.kind = FAILURE_NOT_CONTIGUOUS, .exchanges = {LAST("a", 4), NONE("b"), NOTHING("a", 7)}},
	{"contiguous: also where it was taken by others", {{"a", NEXT}, {"a", 2}}, .is_contiguous = true, .skips_conflicts = true, .fates = "not not",
	.kind = FAILURE_NOT_CONTIGUOUS, .exchanges = {LAST("a", 0), IDS(2, 12), TAKEN("a", 1, 11, 15), ANSWERED("Query", NULL, "{\"Items\":[]}"), NOTHING("a", 1), NOTE(11, 2)}},
	{"contiguous: imported rows", {{"a", 1}, {"b", 2}}, .ids = {4, 5}, .is_contiguous = true, .fates = "not not",
	.kind = FAILURE_NOT_CONTIGUOUS, .exchanges = {ITEM("a", 0, 5, "1"), NOTHING("b", 1)}},
	{"dense: counter and commits in one request", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "8 9", .exchanges = {HEAD(7), APPEND(7, 9)}},
	{"dense: the first commit of a store", {{"a", 0}}, .is_dense = true, .fates = "1",
	.exchanges = {ANSWERED("GetItem", NULL, "{}"), APPEND(0, 1)}},
	{"dense: the last ids there are", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "9223372036854775806 9223372036854775807",
	.exchanges = {HEAD(9223372036854775805), APPEND(9223372036854775805, 9223372036854775807)}},
	{"dense: not enough ids left, nothing is sent", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "not not", .kind = FAILURE_EXHAUSTED,
	.exchanges = {HEAD(9223372036854775806)}},
	{"dense: no id left", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_EXHAUSTED, .exchanges = {HEAD(9223372036854775808)}},
	{"dense: the counter had moved beyond all ids", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_EXHAUSTED,
	.exchanges = {HEAD(7), CANCELED(7, 8, MOVED(9223372036854775808) "," FINE), HEAD(9223372036854775808)}},
	{"dense: the counter had moved", {{"a", 0}}, .is_dense = true, .fates = "12",
	.exchanges = {HEAD(7), CANCELED(7, 8, MOVED(11) "," FINE), APPEND(11, 12)}},
	{"dense: it had, and nobody says where to", {{"a", 0}}, .is_dense = true, .fates = "12",
	.exchanges = {HEAD(7), CANCELED(7, 8, FAILED "," FINE), HEAD(11), APPEND(11, 12)}},
	{"dense: a version that is taken stores nothing of the batch", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "not not", .kind = FAILURE_CONDITION,
	.exchanges = {HEAD(7), CANCELED(7, 9, FINE "," FINE "," FAILED)}},
	{"dense: or it is skipped, and the ids close up", {{"a", 0}, {"b", 0}}, .is_dense = true, .skips_conflicts = true, .fates = "skipped 8",
	.exchanges = {HEAD(7), CANCELED(7, 9, FINE "," FAILED "," FINE), APPEND(7, 8)}},
	{"dense: a next version that is taken", {{"a", NEXT}}, .is_dense = true, .fates = "9",
	.exchanges = {NONE("a"), HEAD(7), CANCELED(7, 8, MOVED(8) "," FAILED), LAST("a", 0), APPEND(8, 9)}},
	{"dense: a version that is taken under an id that the counter has not reached", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_ID_TWICE,
	.exchanges = {HEAD(7), CANCELED(7, 8, FINE "," STANDING("a", 0, 8)), HEAD(7)}},
	{"dense: that is one far beyond it", {{"a", NEXT}}, .is_dense = true, .fates = "not", .kind = FAILURE_ID_TWICE,
	.exchanges = {NONE("a"), HEAD(7), CANCELED(7, 8, MOVED(9) "," STANDING("a", 0, 80)), HEAD(9)}},
	{"dense: that it has reached by now", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {HEAD(7), CANCELED(7, 8, FINE "," STANDING("a", 0, 8)), HEAD(8), CANCELED(8, 9, FINE "," STANDING("a", 0, 8))}},
	{"dense: a lost answer that was a success, by the request's token", {{"a", 0}}, .is_dense = true, .fates = "8",
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), APPEND(7, 8)}},
	{"dense: a lost answer, and then the counter had moved: it never was carried out", {{"a", 0}}, .is_dense = true, .fates = "12",
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), CANCELED(7, 8, MOVED(11) "," FINE), APPEND(11, 12)}},
	{"dense: all answers lost", {{"a", 0}, {"a", 1}}, .is_dense = true, .fates = "unknown unknown", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), BROKEN("TransactWriteItems", NULL, FAULT_LOST),
		BROKEN("TransactWriteItems", NULL, FAULT_LOST)}},
	{"dense: a refusal after a lost answer settles nothing", {{"a", 0}}, .is_dense = true, .fates = "unknown", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), REFUSED("TransactWriteItems", NULL, "AccessDeniedException", "")}},
	{"dense: a version before that is missing", {{"a", 5}}, .is_dense = true, .is_contiguous = true, .fates = "not", .kind = FAILURE_NOT_CONTIGUOUS,
	.exchanges = {HEAD(7), CANCELED(7, 8, FINE "," FINE "," FAILED)}},
	{"dense: missing after a lost answer settles nothing, for it may come", {{"a", 5}}, .is_dense = true, .is_contiguous = true, .fates = "unknown",
	.kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), CANCELED(7, 8, FINE "," FINE "," FAILED)}},
	{"dense: an endpoint without transactions", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_NO_TRANSACTIONS,
	.exchanges = {HEAD(7), REFUSED("TransactWriteItems", NULL, "UnknownOperationException", "")}},
	{"dense: also where an answer was lost before, for it cannot have done anything", {{"a", 0}}, .is_dense = true, .fates = "not",
	.kind = FAILURE_NO_TRANSACTIONS,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), REFUSED("TransactWriteItems", MOVE(7, 8), "UnknownOperationException", "")}},
	{"dense, no reasons: the counter had moved", {{"a", 0}}, .is_dense = true, .fates = "12",
	.exchanges = {HEAD(7), UNREASONED(7, 8), HEAD(11), NOTHING("a", 0), APPEND(11, 12)}},
	{"dense, no reasons: the version is taken", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "not not", .kind = FAILURE_CONDITION,
	.exchanges = {HEAD(7), UNREASONED(7, 9), HEAD(7), NOTHING("a", 0), ITEM("b", 0, 3, "5")}},
	{"dense, no reasons: it is skipped", {{"a", 0}, {"b", 0}}, .is_dense = true, .skips_conflicts = true, .fates = "8 skipped",
	.exchanges = {HEAD(7), UNREASONED(7, 9), HEAD(7), NOTHING("a", 0), ITEM("b", 0, 3, "5"), APPEND(7, 8)}},
	{"dense, no reasons: a next version is taken", {{"a", NEXT}}, .is_dense = true, .fates = "9",
	.exchanges = {HEAD(7), NONE("a"), UNREASONED(7, 8), HEAD(8), ITEM("a", 0, 8, "5"), LAST("a", 0), APPEND(8, 9)}},
	{"dense, no reasons: a version before is missing", {{"a", 0}, {"b", 5}}, .is_dense = true, .is_contiguous = true, .fates = "not not",
	.kind = FAILURE_NOT_CONTIGUOUS,
	.exchanges = {HEAD(7), UNREASONED(7, 9), HEAD(7), NOTHING("a", 0), NOTHING("b", 5), NOTHING("b", 4)}},
	{"dense, no reasons: what stood in the way is gone", {{"b", 5}}, .is_dense = true, .is_contiguous = true, .fates = "8",
	.exchanges = {HEAD(7), UNREASONED(7, 8), HEAD(7), NOTHING("b", 5), ITEM("b", 4, 3, "5"), APPEND(7, 8)}},
	{"dense, no reasons: a look that fails settles what is certain", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_OTHER,
	.exchanges = {HEAD(7), UNREASONED(7, 8), REFUSED("GetItem", NULL, "AccessDeniedException", "")}},
	{"dense, no reasons, a lost answer: a look that fails settles nothing", {{"a", 0}}, .is_dense = true, .fates = "unknown", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), UNREASONED(7, 8), REFUSED("GetItem", NULL, "AccessDeniedException", "")}},
	{"dense, no reasons, a lost answer: it was a success", {{"a", 0}, {"a", 1}}, .is_dense = true, .fates = "8 9",
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), UNREASONED(7, 9), HEAD(9), ITEM("a", 0, 8, SCRIPT_EPOCH_TEXT), ITEM("a", 1, 9, SCRIPT_EPOCH_TEXT)}},
	{"dense, no reasons, a lost answer: another has the same id", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), UNREASONED(7, 8), HEAD(8), ITEM("a", 0, 8, "5")}},
	{"dense, no reasons, a lost answer: another has one of the same commits", {{"a", 0}, {"b", 0}}, .is_dense = true, .fates = "not not", .kind = FAILURE_CONDITION,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 9), FAULT_LOST), UNREASONED(7, 9), HEAD(8), ITEM("a", 0, 8, SCRIPT_EPOCH_TEXT), NOTHING("b", 0)}},
	{"dense, no reasons, a lost answer: another took the id", {{"a", 0}}, .is_dense = true, .fates = "9",
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), UNREASONED(7, 8), HEAD(8), NOTHING("a", 0), APPEND(8, 9)}},
	{"dense, no reasons, a lost answer: it may come yet", {{"a", 0}}, .is_dense = true, .fates = "unknown", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {HEAD(7), BROKEN("TransactWriteItems", NULL, FAULT_LOST), UNREASONED(7, 8), HEAD(7), NOTHING("a", 0)}},
	{"expecting: in one request, without a look", {{"a", 0}, {"b", 0}}, .is_dense = true, .expects = 7, .fates = "8 9", .exchanges = {APPEND(7, 9)}},
	{"expecting: the counter has moved, and nothing is tried anew", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, MOVED(11) "," FINE)}},
	{"expecting: it has, and nobody says where to", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, FAILED "," FINE), HEAD(11)}},
	{"expecting: a counter that is lower", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, MOVED(3) "," FINE)}},
	{"expecting: a counter that is not there", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, FAILED "," FINE), ANSWERED("GetItem", NULL, "{}")}},
	{"expecting: refused by the counter, which has the value all the same: it is tried anew", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "8",
	.exchanges = {CANCELED(7, 8, FAILED "," FINE), HEAD(7), APPEND(7, 8)}},
	{"expecting: a version that is taken while the counter stands", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_CONDITION,
	.exchanges = {CANCELED(7, 8, FINE "," STANDING("a", 0, 5))}},
	{"expecting: a version that is taken and a counter that has moved: it is the counter", {{"a", 0}, {"b", 0}}, .is_dense = true, .expects = 7,
	.fates = "not not", .kind = FAILURE_MOVED, .exchanges = {CANCELED(7, 9, MOVED(11) "," STANDING("a", 0, 10) "," FINE)}},
	{"expecting: also where nobody says where to", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, FAILED "," STANDING("a", 0, 10)), HEAD(11)}},
	{"expecting: a next version that is taken while the counter stands", {{"a", NEXT}}, .is_dense = true, .expects = 7, .fates = "8",
	.exchanges = {NONE("a"), CANCELED(7, 8, FINE "," STANDING("a", 0, 5)), LAST("a", 0), APPEND(7, 8)}},
	{"expecting: a next version that is taken, and the counter has moved", {{"a", NEXT}}, .is_dense = true, .expects = 7, .fates = "not",
	.kind = FAILURE_MOVED, .exchanges = {NONE("a"), CANCELED(7, 8, MOVED(8) "," STANDING("a", 0, 8))}},
	{"expecting: a version that is taken under an id that the counter has not reached", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not",
	.kind = FAILURE_ID_TWICE, .exchanges = {CANCELED(7, 8, FINE "," STANDING("a", 0, 9)), HEAD(7)}},
	{"expecting: that it has reached by now", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {CANCELED(7, 8, FINE "," STANDING("a", 0, 9)), HEAD(9)}},
	{"expecting: a version before that is missing, and the counter has moved", {{"a", 5}}, .is_dense = true, .is_contiguous = true, .expects = 7,
	.fates = "not", .kind = FAILURE_MOVED, .exchanges = {CANCELED(7, 8, MOVED(11) "," FINE "," FAILED)}},
	{"expecting: a lost answer that was a success, by the request's token", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "8",
	.exchanges = {BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), APPEND(7, 8)}},
	{"expecting: a lost answer, and then the counter had moved: it never was carried out", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not",
	.kind = FAILURE_MOVED, .exchanges = {BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), CANCELED(7, 8, MOVED(11) "," FINE)}},
	{"expecting: all answers lost", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "unknown", .kind = FAILURE_UNKNOWN_FATE,
	.exchanges = {BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST),
		BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST)}},
	{"expecting: the last attempt is not sent when the token may be forgotten", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "unknown",
	.kind = FAILURE_UNKNOWN_FATE, .exchanges = {{.operation = "TransactWriteItems",.contains = MOVE(7, 8),.fault = FAULT_LOST,.after_ms = 301000}}},
	{"expecting: throttled, and then carried out", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "8",
	.exchanges = {REFUSED("TransactWriteItems", MOVE(7, 8), "ThrottlingException", ""), APPEND(7, 8)}},
	{"expecting, no reasons: the counter had moved", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not", .kind = FAILURE_MOVED,
	.exchanges = {UNREASONED(7, 8), HEAD(11), NOTHING("a", 0)}},
	{"expecting, no reasons: the version is taken and the counter has moved", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not",
	.kind = FAILURE_MOVED, .exchanges = {UNREASONED(7, 8), HEAD(11), ITEM("a", 0, 9, "5")}},
	{"expecting, no reasons: the version is taken while the counter stands", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "not",
	.kind = FAILURE_CONDITION, .exchanges = {UNREASONED(7, 8), HEAD(7), ITEM("a", 0, 5, "5")}},
	{"expecting, no reasons, a lost answer: it was a success", {{"a", 0}}, .is_dense = true, .expects = 7, .fates = "8",
	.exchanges = {BROKEN("TransactWriteItems", MOVE(7, 8), FAULT_LOST), UNREASONED(7, 8), HEAD(8), ITEM("a", 0, 8, SCRIPT_EPOCH_TEXT)}},
	{"expecting, no rows: a look at the counter, which stands", {{NULL, 0}}, .is_dense = true, .expects = 7, .fates = "", .exchanges = {HEAD(7)}},
	{"expecting, no rows: it has moved", {{NULL, 0}}, .is_dense = true, .expects = 7, .fates = "", .kind = FAILURE_MOVED, .exchanges = {HEAD(8)}},
	{"expecting: a head with too few ids behind it is looked for first; the counter has not reached it", {{"a", NEXT}, {"b", 0}}, .is_dense = true,
	.expects = 9223372036854775806, .fates = "not not", .kind = FAILURE_MOVED, .exchanges = {NONE("a"), HEAD(7)}},
	{"expecting: the last head, with no id behind it", {{"a", 0}}, .is_dense = true, .expects = 9223372036854775807, .fates = "not",
	.kind = FAILURE_EXHAUSTED, .exchanges = {HEAD(9223372036854775807)}},
	{"expecting: the last head with ids for all rows", {{"a", 0}}, .is_dense = true, .expects = 9223372036854775806, .fates = "9223372036854775807",
	.exchanges = {APPEND(9223372036854775806, 9223372036854775807)}},
	{"dense: a counter at its end", {{"a", 0}}, .is_dense = true, .fates = "not", .kind = FAILURE_EXHAUSTED, .exchanges = {HEAD(9223372036854775807)}},
};

static size_t
rows_of(const Case *one, AppendRow *rows)
{
	size_t		count = 0;

	memset(rows, 0, MOST_ROWS * sizeof(AppendRow));
	for (; count < MOST_ROWS && one->rows[count].aggregate_id != NULL; count++)
	{
		rows[count].commit = (Commit)
		{
			.aggregate_id = one->rows[count].aggregate_id, .aggregate_id_length = strlen(one->rows[count].aggregate_id),
			.version = one->rows[count].version, .events = "[]", .events_length = 2,
			.is_imported = one->ids[0] > 0, .commit_id = one->ids[count], .committed_at_given = one->ids[0] > 0,
			.committed_at = SCRIPT_EPOCH_MS
		};
		rows[count].has_known_id = one->knows_ids;
		rows[count].next_version = one->rows[count].version == NEXT;
	}
	return count;
}

/* The result; the rows have their fates. NULL client or operation: PENDING, since memory ran out. */
static StepResult
run_case(const Case *one, AppendRow *rows, Failure *failure)
{
	const AppendSettings settings = {
		.mode = one->is_dense ? APPEND_DENSE : one->ids[0] > 0 ? APPEND_IMPORT : APPEND_COUNTER, .contiguous = one->is_contiguous,
		.expected = one->expects > 0 ? &one->expects : NULL, .skip_conflicts = one->skips_conflicts, .ids_at_once = one->ids_at_once > 0 ? one->ids_at_once : 100, .burn_notes = true,
		.max_parallel = 16, .deadline_ms = 20000, .max_version = INT64_MAX
	};
	size_t		nrows = rows_of(one, rows);
	StepResult	result = STEP_PENDING;
	AppendOperation *append;
	Client	   *client;

	SCRIPT_OF(one);
	client = script_client(3, 16);
	append = client != NULL ? append_start(client, &names, &settings, rows, nrows, NULL) : NULL;
	if (append != NULL)
	{
		result = RUN(client, append_step(append));
		*failure = *append_failure(append);
	}
	append_free(append);
	client_free(client);
	return result;
}

static void
write_fates(const AppendRow *rows, const Case *one, ByteBuffer *out)
{
	for (size_t i = 0; i < MOST_ROWS && one->rows[i].aggregate_id != NULL; i++)
	{
		buffer_puts(out, i > 0 ? " " : "");
		if (rows[i].skipped)
			buffer_puts(out, "skipped");
		else if (rows[i].fate == APPEND_STORED)
			buffer_printf(out, "%lld", (long long) rows[i].commit.commit_id);
		else
			buffer_puts(out, rows[i].fate == APPEND_UNKNOWN ? "unknown" : "not");
	}
}

static void
answers_decide_the_fates(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		AppendRow	rows[MOST_ROWS];
		Failure		failure = {0};
		ByteBuffer	fates = {0};
		StepResult	result;

		print_message("%s\n", cases[i].what);
		result = run_case(&cases[i], rows, &failure);
		write_fates(rows, &cases[i], &fates);
		assert_text(&fates, cases[i].fates);
		assert_int_equal(result, cases[i].kind == FAILURE_NONE ? STEP_DONE : STEP_FAILED);
		assert_int_equal(failure.kind, cases[i].kind);
		script_end();
	}
}

/* true when the exchange is a transaction whose lost answer was settled by a later one: the counter had moved. */
static bool
is_settled(const Case *one, const Exchange *lost)
{
	for (size_t i = 0; i < EXCHANGES_OF(one->exchanges) && lost->contains != NULL; i++)
		if (script_used(i) && one->exchanges[i].status == 400 && one->exchanges[i].contains != NULL
			&& strcmp(one->exchanges[i].contains, lost->contains) == 0)
			return true;
	return false;
}

/* true when an exchange that was used stored the key, or may have: it was answered as good, or its answer was lost. */
static bool
stores_key(const Case *one, const Exchange *exchange, const char *key)
{
	bool		is_transaction = strcmp(exchange->operation, "TransactWriteItems") == 0;

	if (!is_transaction && (strcmp(exchange->operation, "PutItem") != 0 || exchange->contains == NULL
							|| strncmp(exchange->contains, key, strlen(key)) != 0))
		return false;
	if (exchange->fault == FAULT_LOST)
		return !is_transaction || !is_settled(one, exchange);
	return exchange->fault == FAULT_NONE && exchange->status == 0;
}

static bool
may_be_stored(const Case *one, const Commit *commit)
{
	char		key[100];
	bool		may = false;

	snprintf(key, sizeof(key), "{\"aggregateId\":{\"S\":\"%s\"},\"version\":{\"N\":\"%lld\"}", commit->aggregate_id, (long long) commit->version);
	for (size_t i = 0; i < EXCHANGES_OF(one->exchanges); i++)
		may = may || (script_used(i) && stores_key(one, &one->exchanges[i], key));
	return may;
}

/* Memory that runs out loses no doubt: what may be stored is not called refused, and a success is one of every row. */
static void
without_memory_the_fates_are_true(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			AppendRow	rows[MOST_ROWS];
			Failure		failure;
			StepResult	result = run_case(&cases[i], rows, &failure);
			bool		failed = memory_has_failed();

			for (size_t j = 0; j < MOST_ROWS && cases[i].rows[j].aggregate_id != NULL; j++)
			{
				if (result == STEP_DONE)
					assert_true(rows[j].fate == APPEND_STORED || rows[j].skipped);
				if (failed && !rows[j].skipped && rows[j].fate == APPEND_NOT_STORED)
					assert_false(may_be_stored(&cases[i], &rows[j].commit));
			}
		});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_decide_the_fates),
		cmocka_unit_test(without_memory_the_fates_are_true),
	};

	return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
