/*
 * endpoint.c: is this text the URL of an endpoint? libcurl takes it apart, so that nothing passes here that it would
 * read otherwise.
 */
#include "aws/endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool
url_has(CURLU *url, CURLUPart part)
{
	char	   *text = NULL;
	bool		has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* libcurl also takes one slash or three for two, which nobody else does. */
static bool
has_two_slashes(const char *text)
{
	const char *slashes = strchr(text, ':');

	return slashes == NULL || (strncmp(slashes, "://", 3) == 0 && slashes[3] != '/');
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
	if (!has_two_slashes(text))
		return "it is malformed";
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

char *
endpoint_host_header(const char *url)
{
	const char *default_port = strncasecmp(url, "https:", 6) == 0 ? ":443" : ":80";
	size_t		port_length = strlen(default_port);
	const char *host = strstr(url, "://");
	size_t		length;

	host = host != NULL ? host + 3 : url;
	length = strcspn(host, "/");
	if (length > port_length && memcmp(host + length - port_length, default_port, port_length) == 0)
		length -= port_length;
	return strndup(host, length);
}

bool
endpoint_host(const char *url, char *host, size_t room)
{
	CURLU	   *parsed = curl_url();
	char	   *text = NULL;
	size_t		length;
	bool		found = false;

	if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK
		&& curl_url_get(parsed, CURLUPART_HOST, &text, 0) == CURLUE_OK)
	{
		const char *start = text[0] == '[' ? text + 1 : text;

		length = strcspn(start, "]%");
		found = length > 0 && length < room;
		if (found)
		{
			memcpy(host, start, length);
			host[length] = '\0';
		}
	}
	curl_free(text);
	curl_url_cleanup(parsed);
	return found;
}

bool
endpoint_host_is_loopback(const char *host)
{
	static const unsigned char loopback[16] = {[15] = 1};
	unsigned char address[16];

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, address) == 1)
		return address[0] == 127;
	return inet_pton(AF_INET6, host, address) == 1 && memcmp(address, loopback, sizeof(loopback)) == 0;
}

static bool
host_is_link_local(const char *host)
{
	static const unsigned char instance_prefix[4] = {0xfd, 0x00, 0x0e, 0xc2};
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1)
		return address[0] == 169 && address[1] == 254;
	if (inet_pton(AF_INET6, host, address) != 1)
		return false;
	return (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		|| memcmp(address, instance_prefix, sizeof(instance_prefix)) == 0;
}

bool
endpoint_is_near(const char *url)
{
	char		host[256];

	return endpoint_host(url, host, sizeof(host)) && (endpoint_host_is_loopback(host) || host_is_link_local(host));
}
