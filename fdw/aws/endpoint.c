/*
 * endpoint.c: is this text the URL of an endpoint? libcurl takes it apart, so that nothing passes here that it would
 * read otherwise.
 */
#include "aws/endpoint.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

static bool
url_has(CURLU *url, CURLUPart part)
{
	char	   *text = NULL;
	bool		has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static const char *
parsed_url_complaint(CURLU *url)
{
	char	   *text = NULL;
	bool		web;
	bool		bare;

	if (curl_url_get(url, CURLUPART_SCHEME, &text, 0) != CURLUE_OK)
		return "it has no scheme";
	web = strcmp(text, "http") == 0 || strcmp(text, "https") == 0;
	curl_free(text);
	if (!web)
		return "only http and https are possible";
	if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
		return "it must not have a user or password";
	if (url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
		return "it must not have a query or fragment";
	if (curl_url_get(url, CURLUPART_PATH, &text, 0) != CURLUE_OK)
		return "it is malformed";
	bare = strcmp(text, "/") == 0;
	curl_free(text);
	return bare ? NULL : "it must not have a path";
}

const char *
endpoint_complaint(const char *text)
{
	CURLU	   *url;
	const char *complaint;

	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return "it has blanks or characters other than ASCII";
	if (text[strcspn(text, "?#")] != '\0')
		return "it must not have a query or fragment";
	url = curl_url();
	if (url == NULL)
		return "out of memory";
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		complaint = "it is malformed";
	else
		complaint = parsed_url_complaint(url);
	curl_url_cleanup(url);
	return complaint;
}
