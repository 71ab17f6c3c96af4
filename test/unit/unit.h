/*
 * unit: what the unit tests share.
 */
#ifndef DYNAMODB_ES_UNIT_H
#define DYNAMODB_ES_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

/*
 * Makes the nth allocation from now on fail (1: the next one), once; 0: none. Counts what the project's own code and
 * cJSON allocate. memory_has_failed tells whether it came to that.
 */
extern void memory_fail_at(int nth);
extern bool memory_has_failed(void);

/*
 * From now on looks into memory as it is freed: memory_was_left tells whether `text` was in it, and ends that.
 */
extern void memory_watch(const char *text);
extern bool memory_was_left(void);

/*
 * Runs `body` with the first allocation failing, then the second, and so on, until it gets by without the failing
 * one.
 */
#define FOR_EACH_ALLOCATION_FAILING(...) \
	do \
	{ \
		int			nth_ = 0; \
		bool		failed_; \
		do \
		{ \
			memory_fail_at(++nth_); \
			__VA_ARGS__ \
			failed_ = memory_has_failed(); \
			memory_fail_at(0); \
		} while (failed_); \
		assert_true(nth_ > 1); \
	} while (0)

/* A test of something that appends to a buffer: without memory the buffer has failed, and with it nothing leaks. */
#define CHECK_MEMORY_FAILURES_OF(out, ...) \
	FOR_EACH_ALLOCATION_FAILING({ \
		ByteBuffer	out = {0}; \
		__VA_ARGS__; \
		assert_int_equal(out.failed, memory_has_failed()); \
		buffer_free(&out); \
	})

/*
 * Of so many random cases the share that TEST_SHARE asks for: all of them, where it is not set. Under valgrind, which
 * is twenty times as slow, each tenth shows what the sanitizers do not see.
 */
static inline unsigned
cases_of(unsigned all)
{
	const char *share = getenv("TEST_SHARE");
	unsigned	divisor = share != NULL ? (unsigned) atoi(share) : 1;

	return divisor > 1 && all > divisor ? all / divisor : all;
}

/* The buffer holds exactly this text; frees it. */
static inline void
assert_text(ByteBuffer *buffer, const char *expected)
{
	assert_false(buffer->failed);
	assert_string_equal(buffer->data ? buffer->data : "", expected);
	assert_int_equal(buffer->length, strlen(expected));
	buffer_free(buffer);
}

#endif
