/*
 * memory: what happens when memory runs out just there, and what is left in what was freed? The linker sends malloc and its relatives here (--wrap).
 */
#define _GNU_SOURCE				/* memmem */
#include "unit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <malloc.h>

extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t count, size_t size);
extern void *__real_realloc(void *memory, size_t size);
extern char *__real_strdup(const char *text);
extern char *__real_strndup(const char *text, size_t length);

extern void __real_free(void *memory);

extern void *__wrap_malloc(size_t size);
extern void *__wrap_calloc(size_t count, size_t size);
extern void *__wrap_realloc(void *memory, size_t size);
extern char *__wrap_strdup(const char *text);
extern char *__wrap_strndup(const char *text, size_t length);
extern void __wrap_free(void *memory);

static int	countdown;			/* allocations to the failing one, itself included; 0: none fails */
static bool has_failed;
static const char *watched;		/* NULL: nothing is */
static bool was_left;

static void *
cjson_malloc(size_t size)
{
	return malloc(size);
}

static void
cjson_free(void *memory)
{
	free(memory);
}

void
memory_watch(const char *text)
{
	memory_fail_at(0);
	watched = text;
	was_left = false;
}

bool
memory_was_left(void)
{
	watched = NULL;
	return was_left;
}

void
memory_fail_at(int nth)
{
	cJSON_Hooks hooks = {cjson_malloc, cjson_free};

	cJSON_InitHooks(&hooks);
	countdown = nth;
	has_failed = false;
}

bool
memory_has_failed(void)
{
	return has_failed;
}

static bool
fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	if (fails())
		return NULL;
	return watched != NULL ? __real_calloc(1, size) : __real_malloc(size);	/* all that is looked at has a value */
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

/* realloc, by way of a free that can be watched. */
static void *
move(void *memory, size_t size)
{
	void	   *moved = __real_calloc(1, size);
	size_t		length = memory != NULL ? malloc_usable_size(memory) : 0;

	if (moved == NULL)
		return NULL;
	if (memory != NULL)
		memcpy(moved, memory, length < size ? length : size);
	__wrap_free(memory);
	return moved;
}

void *
__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : watched != NULL ? move(memory, size) : __real_realloc(memory, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t length)
{
	return fails() ? NULL : __real_strndup(text, length);
}

void
__wrap_free(void *memory)
{
	if (watched != NULL && memory != NULL
		&& memmem(memory, malloc_usable_size(memory), watched, strlen(watched)) != NULL)
		was_left = true;
	__real_free(memory);
}
