/*
 * home.c: which path is meant by "~/.aws/config" or "$CONFIG/aws"?
 */
#include "aws/home.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ENTRY_BYTES (1024 * 1024)

static bool
is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name of the variable at a "$"; *length has the bytes of all of it, with $ and braces. *name_length 0: there is no name. */
static const char *
variable_name(const char *text, size_t *name_length, size_t *length)
{
	const char *name = text + 1;
	const char *end;

	*name_length = 0;
	if (*name == '{')
	{
		name++;
		end = strchr(name, '}');
		if (end == NULL)
			return name;
		*name_length = (size_t) (end - name);
		*length = *name_length + 3;
		return name;
	}
	while (is_of_name(name[*name_length]))
		(*name_length)++;
	*length = *name_length + 1;
	return name;
}

/* The value of the variable; NULL where there is none of that name. */
static const char *
variable_value(const char *name, size_t length, ByteBuffer *out)
{
	char	   *copy;
	const char *value;

	if (length == 0)
		return NULL;
	copy = strndup(name, length);
	if (copy == NULL)
	{
		out->failed = true;
		return NULL;
	}
	value = getenv(copy);
	free(copy);
	return value;
}

static void
expand_variables(const char *text, ByteBuffer *out)
{
	while (*text != '\0')
	{
		size_t		name_length;
		size_t		length = 1;
		const char *name;
		const char *value = NULL;

		if (*text == '$')
		{
			name = variable_name(text, &name_length, &length);
			value = variable_value(name, name_length, out);
		}
		if (value != NULL)
			buffer_puts(out, value);
		else
			buffer_append(out, text, length = 1);
		text += length;
	}
}

/* Looks `user` up in passwd (NULL: the process's own user), into memory that grows as is needed; NULL: not found. */
static char *
home_in_passwd(const char *user, ByteBuffer *out)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char	   *memory = NULL;
	char	   *home = NULL;
	int			result = ERANGE;

	for (size_t size = 1024; result == ERANGE && size <= MAX_ENTRY_BYTES && !out->failed; size *= 2)
	{
		free(memory);
		memory = malloc(size);
		if (memory == NULL)
			out->failed = true;
		else if (user == NULL)
			result = getpwuid_r(geteuid(), &entry, memory, size, &found);
		else
			result = getpwnam_r(user, &entry, memory, size, &found);
	}
	if (result == 0 && found != NULL && (home = strdup(found->pw_dir)) == NULL)
		out->failed = true;
	free(memory);
	return home;
}

static char *
home_of(const char *user, ByteBuffer *out)
{
	const char *home = getenv("HOME");
	char	   *copy;

	if (user[0] != '\0')
		return home_in_passwd(user, out);
	if (home == NULL || home[0] == '\0')
		return home_in_passwd(NULL, out);
	copy = strdup(home);
	if (copy == NULL)
		out->failed = true;
	return copy;
}

/* "~" or "~user" before a slash or the end. */
static void
expand_home(const char *path, ByteBuffer *out)
{
	size_t		length = strcspn(path, "/");
	char	   *user = strndup(path + 1, length - 1);
	char	   *home;

	if (user == NULL)
	{
		out->failed = true;
		return;
	}
	home = home_of(user, out);
	free(user);
	if (home == NULL)
	{
		buffer_puts(out, path);
		return;
	}
	for (size_t end = strlen(home); end > 0 && home[end - 1] == '/'; end--)
		home[end - 1] = '\0';
	buffer_puts(out, home);
	free(home);
	buffer_puts(out, path + length);
	if (out->length == 0)
		buffer_putc(out, '/');
}

void
path_expand(const char *path, ByteBuffer *out)
{
	ByteBuffer	expanded = {0};

	expand_variables(path, &expanded);
	if (expanded.failed)
		out->failed = true;
	else if (expanded.length > 0 && expanded.data[0] == '~')
		expand_home(expanded.data, out);
	else if (expanded.length > 0)
		buffer_puts(out, expanded.data);
	buffer_free(&expanded);
}
