/*
 * attribute: what does a typed value hold, and how large does DynamoDB count it? See attribute.h.
 */
#include "dynamodb/attribute.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dynamodb/json.h"

/* DynamoDB's numbers. Source: "Supported data types", Developer Guide. */
#define MAX_SIGNIFICANT_DIGITS 38
#define MAX_EXPONENT 125
#define MIN_EXPONENT (-130)

/* Larger exponents are outside the range whatever the digits before them. */
#define EXPONENT_CEILING ((int64_t) 1 << 50)

static const char *const type_names[] = {
	[ATTRIBUTE_ABSENT] = "nothing",
	[ATTRIBUTE_INVALID] = "an invalid value",
	[ATTRIBUTE_NULL] = "NULL",
	[ATTRIBUTE_S] = "S",
	[ATTRIBUTE_N] = "N",
	[ATTRIBUTE_B] = "B",
	[ATTRIBUTE_BOOL] = "BOOL",
	[ATTRIBUTE_M] = "M",
	[ATTRIBUTE_L] = "L",
	[ATTRIBUTE_SS] = "SS",
	[ATTRIBUTE_NS] = "NS",
	[ATTRIBUTE_BS] = "BS",
};

/* A number taken apart: d1.d2d3… times ten to the exponent. Zeroes at either end do not count. */
typedef struct Decimal
{
	bool		negative;
	size_t		ndigits;		/* significant ones, 0 for zero */
	int			digits[MAX_SIGNIFICANT_DIGITS];	/* the first ones */
	int64_t		exponent;		/* 2 in 345 */
} Decimal;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The exponent after "e", which must be the rest of the text. */
static bool
parse_exponent(const char *text, const char *end, int64_t *exponent)
{
	bool		negative = text < end && *text == '-';

	if (text < end && (*text == '-' || *text == '+'))
		text++;
	if (text == end)
		return false;
	*exponent = 0;
	for (; text < end; text++)
	{
		if (!is_digit(*text))
			return false;
		if (*exponent < EXPONENT_CEILING)
			*exponent = *exponent * 10 + (*text - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return true;
}

/* false when the text is no number. */
static bool
parse_decimal(const char *text, size_t length, Decimal *decimal)
{
	const char *end = text + length;
	bool		any = false;	/* a digit was seen */
	bool		point = false;
	size_t		zeroes = 0;		/* since the last digit other than 0 */
	int64_t		integral = 0;	/* digits before the point, from the first significant one; below 0: zeroes after it */
	int64_t		exponent = 0;

	memset(decimal, 0, sizeof(*decimal));
	if (text < end && (*text == '-' || *text == '+'))
		decimal->negative = *text++ == '-';
	for (; text < end && (is_digit(*text) || (*text == '.' && !point)); text++)
	{
		if (*text == '.')
		{
			point = true;
			continue;
		}
		any = true;
		if (*text == '0' && decimal->ndigits == 0)
		{
			if (point)
				integral--;
			continue;
		}
		if (!point)
			integral++;
		if (*text == '0')
		{
			zeroes++;
			continue;
		}
		/* The array is zeroed, so zeroes between two digits need only be counted. */
		decimal->ndigits += zeroes + 1;
		zeroes = 0;
		if (decimal->ndigits <= MAX_SIGNIFICANT_DIGITS)
			decimal->digits[decimal->ndigits - 1] = *text - '0';
	}
	if (!any)
		return false;
	if (text < end && ((*text != 'e' && *text != 'E') || !parse_exponent(text + 1, end, &exponent)))
		return false;
	decimal->exponent = integral - 1 + exponent;
	return true;
}

/* Most numbers are integers of few digits: as many as fit into 64 bits in any case. false for all others. */
static bool
parse_short_integer(const char *text, size_t length, int64_t *number)
{
	bool		negative = length > 0 && *text == '-';
	size_t		i = negative ? 1 : 0;
	int64_t		magnitude = 0;

	if (length == i || length - i > 18)
		return false;
	for (; i < length; i++)
	{
		if (!is_digit(text[i]))
			return false;
		magnitude = magnitude * 10 + (text[i] - '0');
	}
	*number = negative ? -magnitude : magnitude;
	return true;
}

bool
text_is_base64(const char *text, size_t length)
{
	size_t		padding = 0;

	if (length % 4 != 0)
		return false;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < length - padding; i++)
	{
		char		c = text[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '+' && c != '/')
			return false;
	}
	return true;
}

/* Is it an object or an array, by its bracket, that has stayed text (nodes.h), or was parsed? */
static bool
is_document(const cJSON *content, char bracket)
{
	return cJSON_IsRaw(content) ? content->valuestring[0] == bracket
		: bracket == '{' ? cJSON_IsObject(content) : cJSON_IsArray(content);
}

static AttributeType
type_of_name(const char *name)
{
	for (size_t type = ATTRIBUTE_NULL; type < sizeof(type_names) / sizeof(type_names[0]); type++)
		if (strcmp(type_names[type], name) == 0)
			return (AttributeType) type;
	return ATTRIBUTE_INVALID;
}

/* The AttributeValue {"S": "…"}. */
static AttributeValue
read_value(const cJSON *json)
{
	const AttributeValue invalid = {.type = ATTRIBUTE_INVALID};
	AttributeValue value = {0};
	const cJSON *content;
	bool		valid = false;

	if (!cJSON_IsObject(json) || json->child == NULL || json->child->next != NULL)
		return invalid;
	content = json->child;
	value.type = type_of_name(content->string);
	if (cJSON_IsString(content))
	{
		value.text = content->valuestring;
		value.length = strlen(value.text);
	}
	else if (cJSON_IsRaw(content))
	{
		value.text = content->valuestring;
		value.length = (size_t) content->valueint;
	}

	switch (value.type)
	{
		case ATTRIBUTE_S:
			valid = cJSON_IsString(content);
			break;
		case ATTRIBUTE_N:
			valid = cJSON_IsString(content) && number_is_storable(value.text, value.length);
			break;
		case ATTRIBUTE_B:
			valid = cJSON_IsString(content) && text_is_base64(value.text, value.length);
			break;
		case ATTRIBUTE_NULL:
			valid = cJSON_IsTrue(content);
			break;
		case ATTRIBUTE_BOOL:
			valid = cJSON_IsBool(content);
			value.boolean = cJSON_IsTrue(content);
			break;
		case ATTRIBUTE_M:
			valid = is_document(content, '{');
			break;
		case ATTRIBUTE_L:
		case ATTRIBUTE_SS:
		case ATTRIBUTE_NS:
		case ATTRIBUTE_BS:
			valid = is_document(content, '[');
			break;
		case ATTRIBUTE_ABSENT:
		case ATTRIBUTE_INVALID:
			break;
	}
	return valid ? value : invalid;
}

AttributeValue
attribute_get(const cJSON *item, const char *name)
{
	const cJSON *member = json_member(item, name);

	return member == NULL ? (AttributeValue) {.type = ATTRIBUTE_ABSENT} : read_value(member);
}

AttributeValue
attribute_string(const char *text, size_t length)
{
	return (AttributeValue) {.type = ATTRIBUTE_S, .text = text, .length = length};
}

AttributeValue
attribute_number(const char *text, size_t length)
{
	return (AttributeValue) {.type = ATTRIBUTE_N, .text = text, .length = length};
}

AttributeValue
attribute_int64(int64_t number, char digits[24])
{
	return attribute_number(digits, int64_print(number, digits));
}

AttributeValue
attribute_number_below(int64_t integer, char digits[48])
{
	int			length;
	int			decimals;

	if (integer == 0)
		return attribute_number(digits, (size_t) snprintf(digits, 48, "-1E-130"));
	length = snprintf(digits, 48, "%" PRId64 ".", integer > 0 ? integer - 1 : integer);
	/* The 0 of 0.99… is no significant digit; nor is a sign. */
	decimals = MAX_SIGNIFICANT_DIGITS - (integer == 1 ? 0 : length - 1 - (integer < 0));
	memset(digits + length, integer > 0 ? '9' : '0', (size_t) decimals);
	length += decimals;
	if (integer < 0)
		digits[length - 1] = '1';
	digits[length] = '\0';
	return attribute_number(digits, (size_t) length);
}

AttributeValue
attribute_boolean(bool boolean)
{
	return (AttributeValue) {.type = ATTRIBUTE_BOOL, .boolean = boolean};
}

const char *
attribute_type_name(AttributeType type)
{
	return type_names[type];
}

void
attribute_write(ByteBuffer *out, const AttributeValue *value)
{
	buffer_puts(out, "{\"");
	buffer_puts(out, attribute_type_name(value->type));
	buffer_puts(out, "\":");
	switch (value->type)
	{
		case ATTRIBUTE_S:
		case ATTRIBUTE_N:
		case ATTRIBUTE_B:
			json_write_string(out, value->text, value->length);
			break;
		case ATTRIBUTE_BOOL:
			buffer_puts(out, value->boolean ? "true" : "false");
			break;
		case ATTRIBUTE_NULL:
			buffer_puts(out, "true");
			break;
		case ATTRIBUTE_ABSENT:
		case ATTRIBUTE_INVALID:
		case ATTRIBUTE_M:
		case ATTRIBUTE_L:
		case ATTRIBUTE_SS:
		case ATTRIBUTE_NS:
		case ATTRIBUTE_BS:
			/* A caller's mistake: better no request than one that says something else. */
			out->failed = true;
			break;
	}
	buffer_putc(out, '}');
}

void
attributes_write(ByteBuffer *out, const Attribute *attributes, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_putc(out, ',');
		json_write_string(out, attributes[i].name, strlen(attributes[i].name));
		buffer_putc(out, ':');
		attribute_write(out, &attributes[i].value);
	}
}

bool
attribute_to_int64(const AttributeValue *value, int64_t *number)
{
	Decimal		decimal;
	uint64_t	magnitude = 0;

	if (value->type == ATTRIBUTE_N && parse_short_integer(value->text, value->length, number))
		return true;
	if (value->type != ATTRIBUTE_N || !parse_decimal(value->text, value->length, &decimal))
		return false;
	if (decimal.ndigits == 0)
	{
		*number = 0;
		return true;
	}
	/* Digits after the point, or more of them than 2^63 has; 19 of them fit into 64 bits without a sign. */
	if (decimal.exponent > 18 || decimal.exponent + 1 < (int64_t) decimal.ndigits)
		return false;
	for (int64_t i = 0; i <= decimal.exponent; i++)
		magnitude = magnitude * 10 + (uint64_t) decimal.digits[i];
	if (magnitude > (uint64_t) INT64_MAX + (decimal.negative ? 1 : 0))
		return false;
	*number = decimal.negative ? (int64_t) (0 - magnitude) : (int64_t) magnitude;
	return true;
}

static bool
number_equal(const AttributeValue *a, const AttributeValue *b)
{
	Decimal		x;
	Decimal		y;

	if (!parse_decimal(a->text, a->length, &x) || !parse_decimal(b->text, b->length, &y) || x.ndigits != y.ndigits)
		return false;
	return x.ndigits == 0
		|| (x.negative == y.negative && x.exponent == y.exponent && memcmp(x.digits, y.digits, sizeof(x.digits)) == 0);
}

bool
attribute_equal(const AttributeValue *a, const AttributeValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case ATTRIBUTE_S:
		case ATTRIBUTE_B:
			return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
		case ATTRIBUTE_N:
			return number_equal(a, b);
		case ATTRIBUTE_BOOL:
			return a->boolean == b->boolean;
		case ATTRIBUTE_NULL:
			return true;
		case ATTRIBUTE_ABSENT:
		case ATTRIBUTE_INVALID:
		case ATTRIBUTE_M:
		case ATTRIBUTE_L:
		case ATTRIBUTE_SS:
		case ATTRIBUTE_NS:
		case ATTRIBUTE_BS:
			break;
	}
	return false;
}

bool
number_is_storable(const char *text, size_t length)
{
	Decimal		decimal;
	int64_t		integer;

	if (parse_short_integer(text, length, &integer))
		return true;
	if (!parse_decimal(text, length, &decimal))
		return false;
	if (decimal.ndigits == 0)
		return true;
	return decimal.ndigits <= MAX_SIGNIFICANT_DIGITS &&
		decimal.exponent >= MIN_EXPONENT && decimal.exponent <= MAX_EXPONENT;
}

/*
 * One byte for two significant digits and one byte more, says the Developer Guide, "approximately": pairs start at
 * even powers of ten, a minus takes a byte, and zero takes one in all. So this is the guide's number or at most two
 * bytes more.
 */
static size_t
number_size(const char *text, size_t length)
{
	Decimal		decimal;
	size_t		shifted;		/* 1 when the first digit stands alone in its pair */

	if (!parse_decimal(text, length, &decimal) || decimal.ndigits == 0)
		return 1;
	shifted = decimal.exponent % 2 == 0 ? 1 : 0;
	return 1 + (decimal.ndigits + shifted + 1) / 2 + (decimal.negative ? 1 : 0);
}

/* UTF-8 bytes, a kept escape (json.h) being one character: U+0000 takes one byte, a lone surrogate three. */
static size_t
text_size(const char *text, size_t length)
{
	size_t		size = length;

	for (size_t i = 0; i + 4 < length; i++)
		if ((unsigned char) text[i] == 0xFF)
			size -= text[i + 1] == '0' ? 4 : 2;
	return size;
}

size_t
attribute_size(const Attribute *attribute)
{
	const AttributeValue *value = &attribute->value;
	size_t		size = strlen(attribute->name);

	switch (value->type)
	{
		case ATTRIBUTE_S:
			return size + text_size(value->text, value->length);
		case ATTRIBUTE_N:
			return size + number_size(value->text, value->length);
		case ATTRIBUTE_B:
			size += value->length / 4 * 3;
			for (size_t i = 1; i <= 2 && i <= value->length && value->text[value->length - i] == '='; i++)
				size--;
			return size;
		case ATTRIBUTE_BOOL:
		case ATTRIBUTE_NULL:
			return size + 1;
		case ATTRIBUTE_ABSENT:
		case ATTRIBUTE_INVALID:
		case ATTRIBUTE_M:
		case ATTRIBUTE_L:
		case ATTRIBUTE_SS:
		case ATTRIBUTE_NS:
		case ATTRIBUTE_BS:
			break;
	}
	return size;
}
