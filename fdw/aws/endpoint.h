/*
 * endpoint: whether a URL is one that requests can be sent to, and whether it is near.
 */
#ifndef DYNAMODB_ES_ENDPOINT_H
#define DYNAMODB_ES_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What keeps `url` from being an endpoint (http or https, a host, perhaps a port, and nothing more), in a few words;
 * NULL when nothing does.
 */
extern const char *endpoint_complaint(const char *url);

/* The Host header of an endpoint's URL, as libcurl writes it; malloc'ed, the caller's; NULL when memory runs out. */
extern char *endpoint_host_header(const char *url);

/*
 * The host of a URL (an IPv6 address without its brackets), as libcurl would connect to it; false where there is none,
 * or it does not fit.
 */
extern bool endpoint_host(const char *url, char *host, size_t room);

/* true for "localhost" and loopback addresses. */
extern bool endpoint_host_is_loopback(const char *host);

/* true for a URL whose host is this machine or a link-local address (169.254/16, fe80::/10, fd00:ec2::/32). */
extern bool endpoint_is_near(const char *url);

#endif
