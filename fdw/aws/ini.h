/*
 * ini: the text of one of AWS's ini files as sections and settings.
 *
 * The files are read as botocore reads them, whose parser is Python's RawConfigParser; test/unit/profiles has its answers.
 * Where the SDK for JavaScript reads a file differently, botocore's reading counts: blanks inside the brackets belong to
 * the name, what follows a value is part of it (also behind a # or ;), a line that is indented deeper than its setting
 * goes on with the value, a byte order mark is an error, and so is what stands twice.
 */
#ifndef DYNAMODB_ES_INI_H
#define DYNAMODB_ES_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/failure.h"

/* All texts point into the file's. */
typedef struct IniSetting
{
	const char *name;			/* lower case */
	const char *member;			/* of a nested one, "name =" with indented lines "member = value"; otherwise NULL */
	char	   *value;			/* may be a secret, and have several lines; "" where members follow */
	size_t		line;			/* of the name */
} IniSetting;

typedef struct IniSection
{
	char	   *header;			/* what is between the brackets */
	size_t		line;
	size_t		first;			/* of its settings, each one followed by its members */
	size_t		count;
} IniSection;

/* All zeroes is empty. */
typedef struct IniFile
{
	ByteBuffer	text;
	IniSection *sections;
	size_t		nsections;
	size_t		section_room;
	IniSetting *settings;
	size_t		nsettings;
	size_t		setting_room;
} IniFile;

/* Every section has the settings of this one, except those that it sets itself. */
#define INI_DEFAULTS "DEFAULT"

/*
 * Takes *text over, which becomes empty. `path` is for *failure, which names a line and never has anything of the text.
 * false with *failure filled in; ini_free in either case.
 */
extern bool ini_parse(IniFile *ini, ByteBuffer *text, const char *path, Failure *failure);
extern void ini_free(IniFile *ini);

/* The setting `name` of a section, also from INI_DEFAULTS; NULL: none. The settings behind it that have a `member` are its members. */
extern const IniSetting *ini_setting(const IniFile *ini, const IniSection *section, const char *name);

/* The last value of that member of a nested setting, or NULL. */
extern const IniSetting *ini_member(const IniFile *ini, const IniSetting *setting, const char *member);

#endif
