/*
 * configured: the endpoint of a service, and the CAs, that the environment and AWS's files name.
 *
 * Source: "Service-specific endpoints", and "Dual-stack and FIPS endpoints", AWS SDKs and Tools Reference Guide. The first
 * that there is counts: AWS_ENDPOINT_URL_<SERVICE>; AWS_ENDPOINT_URL; endpoint_url of the service in the profile's services
 * section; endpoint_url of the profile. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, or the profile, passes over all of them. Then
 * AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, or the profile, choose among those of the region.
 */
#ifndef DYNAMODB_ES_CONFIGURED_H
#define DYNAMODB_ES_CONFIGURED_H

#include "base/failure.h"

typedef enum ConfiguredService
{
	CONFIGURED_DYNAMODB,
	CONFIGURED_STS
} ConfiguredService;

/*
 * Without a path, malloc'ed, the caller's. NULL where nothing is configured, *failure being FAILURE_NONE then, or where
 * what is cannot be used, or memory runs out. The profile may be NULL: the one of the environment, or "default".
 */
extern char *configured_endpoint(ConfiguredService service, const char *profile, const char *region, Failure *failure);

/*
 * The file of CAs: AWS_CA_BUNDLE, or the profile's ca_bundle. Malloc'ed, the caller's; NULL as above. The path is taken
 * as it stands, as botocore does.
 */
extern char *configured_ca_file(const char *profile, Failure *failure);

#endif
