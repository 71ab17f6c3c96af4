/*
 * attribute: DynamoDB's typed values (AttributeValue): read from an item, written into a request, measured.
 *
 * Numbers stay text from end to end. DynamoDB holds 38 digits, 1E-130 to 9.99E+125, and normalises what it stores, so
 * two texts may be one number: compare numbers, never their texts. Source: "Supported data types" and "DynamoDB item
 * sizes and formats", DynamoDB Developer Guide.
 */
#ifndef DYNAMODB_ES_ATTRIBUTE_H
#define DYNAMODB_ES_ATTRIBUTE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef enum AttributeType
{
	ATTRIBUTE_ABSENT,			/* the item has no such attribute */
	ATTRIBUTE_INVALID,			/* not an AttributeValue at all */
	ATTRIBUTE_NULL,
	ATTRIBUTE_S,
	ATTRIBUTE_N,
	ATTRIBUTE_B,
	ATTRIBUTE_BOOL,
	ATTRIBUTE_M,
	ATTRIBUTE_L,
	ATTRIBUTE_SS,
	ATTRIBUTE_NS,
	ATTRIBUTE_BS
} AttributeType;

/* A view: it points into the item (when read) or into memory of the caller's (when written), and owns nothing. */
typedef struct AttributeValue
{
	AttributeType type;
	const char *text;			/* S: UTF-8 (see json.h); N: the number; B: the bytes in base64. NUL-terminated when read */
								/* M, L, SS, NS, BS of an item: the content as it came, unchecked, and with no NUL; or NULL */
	size_t		length;			/* of text, bytes */
	bool		boolean;		/* BOOL */
} AttributeValue;

/* A name and its value: what an item is made of. */
typedef struct Attribute
{
	const char *name;
	AttributeValue value;
} Attribute;

/* The key of an item: the attributes that its table's key schema names. A view. */
typedef struct ItemKey
{
	Attribute	attributes[2];
	size_t		count;			/* 1 or 2 */
} ItemKey;

/* The attribute of an item; ATTRIBUTE_ABSENT where it has none, ATTRIBUTE_INVALID where it is malformed. */
extern AttributeValue attribute_get(const cJSON *item, const char *name);

/* Constructors for S, N and BOOL. attribute_int64 prints into `digits`, which must outlive the value. */
extern AttributeValue attribute_string(const char *text, size_t length);
extern AttributeValue attribute_number(const char *text, size_t length);
extern AttributeValue attribute_int64(int64_t number, char digits[24]);
extern AttributeValue attribute_boolean(bool boolean);

/* The largest number below that integer that DynamoDB can hold: 20.99… (38 digits in all) is the one below 21. */
extern AttributeValue attribute_number_below(int64_t integer, char digits[48]);

/* The type's name on the wire: "S", "BOOL"; "nothing" for ABSENT and "an invalid value" for INVALID. */
extern const char *attribute_type_name(AttributeType type);

/* Appends {"S":"…"}. Only for S, N, B, BOOL and NULL; any other type makes *out fail. */
extern void attribute_write(ByteBuffer *out, const AttributeValue *value);

/* Appends an item's or a key's attributes, without the braces around them: "name":{"S":"…"},… */
extern void attributes_write(ByteBuffer *out, const Attribute *attributes, size_t count);

/* The number as an integer, whatever its form ("10", "1E1", "10.0"); false when it is none, or does not fit. */
extern bool attribute_to_int64(const AttributeValue *value, int64_t *number);

/* true when both are the same text, bytes, number or truth value, or NULL; what is of another type is like nothing. */
extern bool attribute_equal(const AttributeValue *a, const AttributeValue *b);

/*
 * true when `text` is a number that DynamoDB can hold: digits with an optional sign, point and exponent, at most 38 of
 * them significant (zeroes at either end do not count), magnitude in its range.
 */
extern bool number_is_storable(const char *text, size_t length);

/* Is it base64 with its padding? */
extern bool text_is_base64(const char *text, size_t length);

/* Bytes that DynamoDB counts for an attribute, its name included. For the types that attribute_write takes. */
extern size_t attribute_size(const Attribute *attribute);

#endif
