/*
 * feed_script: what a feed is answered, as exchanges of a script: pages of the index, looks at ids, notes, and the counter.
 */
#ifndef DYNAMODB_ES_TEST_FEED_SCRIPT_H
#define DYNAMODB_ES_TEST_FEED_SCRIPT_H

#include "script.h"

#define AT(id, stamp) "{\"commitId\":{\"N\":\"" #id "\"},\"committedAt\":{\"N\":\"" STAMP(stamp) "\"}}"
#define STAMP(stamp) STAMP_TEXT(stamp)
#define STAMP_TEXT(stamp) #stamp
#define UNSTAMPED(id) "{\"commitId\":{\"N\":\"" #id "\"}}"
#define LAST_PAGE(...) ANSWERED("Query", "byId", "{\"Items\":[" __VA_ARGS__ "]}")
#define LAST_PAGE_OF(units, ...) ANSWERED("Query", "byId", "{\"Items\":[" __VA_ARGS__ "],\"ConsumedCapacity\":{\"CapacityUnits\":" #units "}}")
#define PAGE(id, ...) ANSWERED("Query", "byId", "{\"Items\":[" __VA_ARGS__ "],\"LastEvaluatedKey\":{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"0\"}," \
	"\"active\":{\"S\":\"t\"},\"commitId\":{\"N\":\"" #id "\"}}}")
#define LOOK(from, to, ...) ANSWERED("Query", ":1\":{\"N\":\"" #from "\"},\":2\":{\"N\":\"" #to "\"}", "{\"Items\":[" __VA_ARGS__ "]}")
#define LOOK_ONE(id, ...) ANSWERED("Query", "#1 = :1", "{\"Items\":[" __VA_ARGS__ "]}")
#define NAME(first) "\"commits#burned#" #first "\""
#define NOTE(first, count) ANSWERED("GetItem", NAME(first), "{\"Item\":{\"n\":{\"N\":\"" #count "\"}}}")
#define NO_NOTE(first) ANSWERED("GetItem", NAME(first), "{}")
#define HEAD(id) ANSWERED("GetItem", "\"commits\"}", "{\"Item\":{\"id\":{\"N\":\"" #id "\"}}}")

#endif
