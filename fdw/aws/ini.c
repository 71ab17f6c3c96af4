/*
 * ini.c: what does an ini file say, read as Python's RawConfigParser reads it?
 *
 * In place: names and values are cut out of the text, and lines of one value moved together. So there is one copy of a
 * secret, and nothing that is longer than the file.
 */
#include "aws/ini.h"

#include <stdlib.h>
#include <string.h>

/* What a line is read with. */
typedef struct IniReader
{
	IniFile    *ini;
	size_t		line;
	size_t		indent;			/* of the header or setting before, in characters */
	bool		open;			/* the last setting may go on in the next line */
	char	   *end;			/* of its value */
	const char *path;
	Failure    *failure;
} IniReader;

static bool
out_of_memory(Failure *failure)
{
	failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	return false;
}

static bool
refuse_line(const IniReader *reader, size_t line, const char *why)
{
	failure_set(reader->failure, FAILURE_NO_CREDENTIALS, NULL, "Line %zu of the file \"%s\" %s.", line, reader->path, why);
	return false;
}

/* The bytes of the white space that the text begins with, which Unicode has more of; 0: it does not. */
static size_t
space_length(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	if (c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r') || (c[0] >= 0x1c && c[0] <= 0x1f))
		return 1;
	if (c[0] == 0xc2)
		return c[1] == 0x85 || c[1] == 0xa0 ? 2 : 0;
	if (c[0] == 0xe1)
		return c[1] == 0x9a && c[2] == 0x80 ? 3 : 0;
	if (c[0] == 0xe2 && c[1] == 0x80)
		return (c[2] >= 0x80 && c[2] <= 0x8a) || c[2] == 0xa8 || c[2] == 0xa9 || c[2] == 0xaf ? 3 : 0;
	if (c[0] == 0xe2)
		return c[1] == 0x81 && c[2] == 0x9f ? 3 : 0;
	return c[0] == 0xe3 && c[1] == 0x80 && c[2] == 0x80 ? 3 : 0;
}

/* Of the white space that it ends with. */
static size_t
space_length_at_end(const char *text, size_t length)
{
	for (size_t n = 1; n <= 3 && n <= length; n++)
		if (space_length(text + length - n) == n)
			return n;
	return 0;
}

/* Without the white space around it, which had so many characters before it. In place. */
static char *
stripped(char *text, size_t *indent)
{
	size_t		length;
	size_t		space;

	*indent = 0;
	while ((space = space_length(text)) > 0)
	{
		text += space;
		(*indent)++;
	}
	length = strlen(text);
	while ((space = space_length_at_end(text, length)) > 0)
		length -= space;
	text[length] = '\0';
	return text;
}

static char *
trimmed(char *text)
{
	size_t		indent;

	return stripped(text, &indent);
}

/* Room for one more, and twice as much when there is none. */
static bool
reserve(void **array, size_t count, size_t *room, size_t size)
{
	size_t		wanted = *room > 0 ? *room * 2 : 16;
	void	   *moved;

	if (count < *room)
		return true;
	moved = realloc(*array, wanted * size);
	if (moved == NULL)
		return false;
	*array = moved;
	*room = wanted;
	return true;
}

static bool
add_section(IniReader *reader, char *header)
{
	IniFile    *ini = reader->ini;

	if (!reserve((void **) &ini->sections, ini->nsections, &ini->section_room, sizeof(IniSection)))
		return out_of_memory(reader->failure);
	ini->sections[ini->nsections++] = (IniSection) {
		.header = header, .line = reader->line, .first = ini->nsettings
	};
	return true;
}

static bool
add_setting(IniReader *reader, const IniSetting *setting)
{
	IniFile    *ini = reader->ini;

	if (!reserve((void **) &ini->settings, ini->nsettings, &ini->setting_room, sizeof(IniSetting)))
		return out_of_memory(reader->failure);
	ini->settings[ini->nsettings++] = *setting;
	ini->sections[ini->nsections - 1].count++;
	return true;
}

/* Lines "member = value" behind a setting without a value of its own. */
static bool
add_members(IniReader *reader, IniSetting setting)
{
	char	   *next = setting.value + 1;

	*setting.value = '\0';
	while (next != NULL)
	{
		char	   *text = next;
		char	   *equals;

		next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		text = trimmed(text);
		if (text[0] == '\0')
			continue;
		equals = strchr(text, '=');
		if (equals == NULL)
			return refuse_line(reader, setting.line, "begins a nested setting that is not understood");
		*equals = '\0';
		setting.member = trimmed(text);
		setting.value = trimmed(equals + 1);
		if (!add_setting(reader, &setting))
			return false;
	}
	return true;
}

/* The value of the last setting is complete. */
static bool
close_setting(IniReader *reader)
{
	IniSetting *setting;
	size_t		space;
	size_t		length;

	if (!reader->open)
		return true;
	reader->open = false;
	setting = &reader->ini->settings[reader->ini->nsettings - 1];
	length = (size_t) (reader->end - setting->value);
	while ((space = space_length_at_end(setting->value, length)) > 0)
		length -= space;
	setting->value[length] = '\0';
	return setting->value[0] != '\n' || add_members(reader, *setting);
}

/* One more line of the value. There is room: it stood further behind. */
static void
continue_value(IniReader *reader, const char *text)
{
	size_t		length = strlen(text);

	*reader->end++ = '\n';
	memmove(reader->end, text, length + 1);
	reader->end += length;
}

/* Cuts out what is between the first bracket and the last; NULL where that is nothing. */
static char *
header_of(char *text)
{
	char	   *end = strrchr(text, ']');

	if (text[0] != '[' || end == NULL || end < text + 2)
		return NULL;
	*end = '\0';
	return text + 1;
}

/* "name = value", or "name: value". */
static bool
read_setting(IniReader *reader, char *text)
{
	char	   *delimiter = strpbrk(text, "=:");
	IniSetting	setting = {.name = text, .line = reader->line};

	if (delimiter == NULL || delimiter == text)
		return refuse_line(reader, reader->line, "is not understood");
	*delimiter = '\0';
	setting.value = trimmed(delimiter + 1);
	for (char *c = trimmed(text); *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char) (*c + ('a' - 'A'));
	reader->open = true;
	reader->end = setting.value + strlen(setting.value);
	return add_setting(reader, &setting);
}

static bool
read_line(IniReader *reader, char *line)
{
	size_t		indent;
	char	   *text = stripped(line, &indent);
	char	   *header;

	if (text[0] == '#' || text[0] == ';')
		return true;
	if (reader->open && (text[0] == '\0' || indent > reader->indent))
	{
		continue_value(reader, text);
		return true;
	}
	if (text[0] == '\0')
		return true;
	reader->indent = indent;
	if (!close_setting(reader))
		return false;
	header = header_of(text);
	if (header != NULL)
		return add_section(reader, header);
	if (reader->ini->nsections == 0)
		return refuse_line(reader, reader->line, strncmp(text, "\xEF\xBB\xBF", 3) == 0
						   ? "begins with a byte order mark" : "is before the first section");
	return read_setting(reader, text);
}

/* Ends the line, which may do so in three ways; the next one, or NULL. */
static char *
cut_line(char *line)
{
	char	   *end = strpbrk(line, "\r\n");
	size_t		length;

	if (end == NULL)
		return NULL;
	length = end[0] == '\r' && end[1] == '\n' ? 2 : 1;
	*end = '\0';
	return end + length;
}

/* What must not stand twice: a section (its name is ""), a setting. */
typedef struct IniName
{
	const char *header;
	const char *name;
	size_t		line;
} IniName;

static int
compare_names(const void *a, const void *b)
{
	const IniName *one = a;
	const IniName *other = b;
	int			order = strcmp(one->header, other->header);

	if (order == 0)
		order = strcmp(one->name, other->name);
	if (order != 0)
		return order;
	return one->line < other->line ? -1 : one->line > other->line;
}

static size_t
list_names(const IniFile *ini, IniName *names)
{
	size_t		count = 0;

	for (size_t i = 0; i < ini->nsections; i++)
	{
		const IniSection *section = &ini->sections[i];

		if (strcmp(section->header, INI_DEFAULTS) != 0)
			names[count++] = (IniName) {section->header, "", section->line};
		for (size_t j = section->first; j < section->first + section->count; j++)
			if (ini->settings[j].member == NULL)
				names[count++] = (IniName) {section->header, ini->settings[j].name, ini->settings[j].line};
	}
	return count;
}

/* By sorting, since a file may have many. */
static bool
check_repeated(const IniReader *reader)
{
	const IniFile *ini = reader->ini;
	IniName    *names = calloc(ini->nsections + ini->nsettings + 1, sizeof(IniName));
	const IniName *repeated = NULL;
	size_t		count;

	if (names == NULL)
		return out_of_memory(reader->failure);
	count = list_names(ini, names);
	qsort(names, count, sizeof(IniName), compare_names);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i].header, names[i - 1].header) == 0 && strcmp(names[i].name, names[i - 1].name) == 0
			&& (repeated == NULL || names[i].line < repeated->line))
			repeated = &names[i];
	if (repeated != NULL)
		refuse_line(reader, repeated->line, repeated->name[0] == '\0' ? "repeats a section" : "repeats a setting");
	free(names);
	return repeated == NULL;
}

/* Behind a character of UTF-8; NULL where there is none. */
static const unsigned char *
behind_character(const unsigned char *c)
{
	size_t		length = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;

	if (length == 0
		|| (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f)
		|| (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return NULL;
	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return NULL;
	return c + length;
}

static bool
is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	while (c != NULL && *c != '\0')
		c = behind_character(c);
	return c != NULL;
}

bool
ini_parse(IniFile *ini, ByteBuffer *text, const char *path, Failure *failure)
{
	IniReader	reader = {.ini = ini, .path = path, .failure = failure};
	char	   *next;

	ini->text = *text;
	memset(text, 0, sizeof(*text));
	for (char *line = ini->text.data; line != NULL; line = next)
	{
		reader.line++;
		next = cut_line(line);
		if (!is_utf8(line))
			return refuse_line(&reader, reader.line, "is not in UTF-8");
		if (!read_line(&reader, line))
			return false;
	}
	return close_setting(&reader) && check_repeated(&reader);
}

void
ini_free(IniFile *ini)
{
	buffer_free_wipe(&ini->text);
	free(ini->sections);
	free(ini->settings);
	memset(ini, 0, sizeof(*ini));
}

static const IniSetting *
setting_of(const IniFile *ini, const IniSection *section, const char *name)
{
	for (size_t i = section->first; i < section->first + section->count; i++)
		if (ini->settings[i].member == NULL && strcmp(ini->settings[i].name, name) == 0)
			return &ini->settings[i];
	return NULL;
}

const IniSetting *
ini_setting(const IniFile *ini, const IniSection *section, const char *name)
{
	const IniSetting *setting = setting_of(ini, section, name);

	for (size_t i = 0; i < ini->nsections && setting == NULL; i++)
		if (strcmp(ini->sections[i].header, INI_DEFAULTS) == 0)
			setting = setting_of(ini, &ini->sections[i], name);
	return setting;
}

const IniSetting *
ini_member(const IniFile *ini, const IniSetting *setting, const char *member)
{
	const IniSetting *end = ini->settings + ini->nsettings;
	const IniSetting *found = NULL;

	for (const IniSetting *next = setting + 1; next < end && next->member != NULL; next++)
		if (strcmp(next->member, member) == 0)
			found = next;
	return found;
}
