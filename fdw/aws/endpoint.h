/*
 * endpoint: whether a URL is one that requests can be sent to.
 */
#ifndef DYNAMODB_ES_ENDPOINT_H
#define DYNAMODB_ES_ENDPOINT_H

/*
 * What keeps `url` from being an endpoint (http or https, a host, perhaps a port, and nothing more), in a few words;
 * NULL when nothing does.
 */
extern const char *endpoint_complaint(const char *url);

#endif
