/*
 * versions.c: what do the libraries say that they are? See versions.h.
 */
#include "dynamodb/versions.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <zlib.h>

void
versions_write(ByteBuffer *out)
{
	buffer_printf(out, "libcurl %s, OpenSSL %s, cJSON %s, zlib %s", curl_version_info(CURLVERSION_NOW)->version,
				  OpenSSL_version(OPENSSL_VERSION_STRING), cJSON_Version(), zlibVersion());
}
