/*
 * configured.c: which of the places says where a service is, and whom to trust? See configured.h.
 */
#include "aws/configured.h"

#include <string.h>
#include <strings.h>

#include "aws/endpoint.h"
#include "aws/environment.h"
#include "aws/profile.h"
#include "base/buffer.h"

typedef struct ServiceNames
{
	const char *host;			/* also in the services section */
	const char *variable;
} ServiceNames;

static const ServiceNames services[] = {
	[CONFIGURED_DYNAMODB] = {"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"},
	[CONFIGURED_STS] = {"sts", "AWS_ENDPOINT_URL_STS"},
};

static bool
is_on(const ProfileFiles *files, const char *profile, const char *name, const char *setting)
{
	const char *value = environment_variable(name);

	if (value == NULL)
		value = profile_setting(files, profile, setting);
	return value != NULL && strcasecmp(value, "true") == 0;
}

/* The URL that is named, and by what; NULL: none is. */
static const char *
named_url(const ServiceNames *names, const ProfileFiles *files, const char *profile, const char **by)
{
	const char *section = profile_setting(files, profile, "services");
	const char *url;

	*by = names->variable;
	url = environment_variable(*by);
	if (url == NULL)
		url = environment_variable(*by = "AWS_ENDPOINT_URL");
	*by = url == NULL ? "endpoint_url" : *by;
	if (url == NULL && section != NULL)
		url = services_setting(files, section, names->host, *by);
	return url != NULL ? url : profile_setting(files, profile, *by);
}

static void
write_url(ByteBuffer *out, const char *url, const char *by, Failure *failure)
{
	const char *complaint = endpoint_complaint(url);

	if (complaint != NULL)
		failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "%s is no endpoint: %s.", by, complaint);
	else
		buffer_append(out, url, strlen(url) - (url[strlen(url) - 1] == '/'));
}

static void
write_of_region(ByteBuffer *out, const ServiceNames *names, const char *region, bool fips, bool dual)
{
	bool		china = strncmp(region, "cn-", 3) == 0;
	const char *domain = dual ? (china ? "api.amazonwebservices.com.cn" : "api.aws") : china ? "amazonaws.com.cn" : "amazonaws.com";

	if (fips || dual)
		buffer_printf(out, "https://%s%s.%s.%s", names->host, fips ? "-fips" : "", region, domain);
}

char *
configured_endpoint(ConfiguredService service, const char *profile, const char *region, Failure *failure)
{
	const ServiceNames *names = &services[service];
	ProfileFiles files = {0};
	ByteBuffer	out = {0};
	const char *by;
	const char *url = NULL;
	char	   *text;

	failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (profile_files_read(&files, failure))
	{
		profile = profile != NULL ? profile : profile_default_name();
		if (!is_on(&files, profile, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
			url = named_url(names, &files, profile, &by);
		if (url != NULL)
			write_url(&out, url, by, failure);
		else
			write_of_region(&out, names, region, is_on(&files, profile, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
							is_on(&files, profile, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
	}
	profile_files_free(&files);
	if (out.length == 0 && !out.failed)
	{
		buffer_free(&out);
		return NULL;
	}
	text = buffer_detach(&out);
	if (text == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	return text;
}

char *
configured_ca_file(const char *profile, Failure *failure)
{
	ProfileFiles files = {0};
	const char *path = environment_variable("AWS_CA_BUNDLE");
	char	   *copy = NULL;

	failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (path == NULL && profile_files_read(&files, failure))
		path = profile_setting(&files, profile != NULL ? profile : profile_default_name(), "ca_bundle");
	if (path != NULL && (copy = strdup(path)) == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	profile_files_free(&files);
	return copy;
}
