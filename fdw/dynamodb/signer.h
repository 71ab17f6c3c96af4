/*
 * signer: sends the requests of one identity to one endpoint, each signed with the credentials and the time of the
 * moment. Whether there are credentials, and what becomes of the request, is the caller's to see to.
 */
#ifndef DYNAMODB_ES_SIGNER_H
#define DYNAMODB_ES_SIGNER_H

#include <stdbool.h>

#include "aws/clock.h"
#include "aws/http.h"
#include "aws/provider.h"
#include "base/buffer.h"
#include "dynamodb/operation.h"

/* Views: what they point at must outlive the signer. */
typedef struct SignerSettings
{
	HttpClient *http;
	const CredentialsProvider *provider;
	const ServerClock *clock;
	const char *region;
	const char *endpoint;		/* scheme and host, without a path */
	bool		accept_gzip;	/* answers may come compressed */
} SignerSettings;

typedef struct Signer Signer;

/* NULL when memory ran out. */
extern Signer *signer_new(const SignerSettings *settings);

/* Wipes the signing key. Transfers under way do not need it. NULL is allowed. */
extern void signer_free(Signer *signer);

/*
 * Signs the request and starts its transfer, the caller's to http_transfer_free; *body must outlive that. The provider
 * must have credentials (provider_ask). NULL when memory ran out.
 */
extern HttpTransfer *signer_send(Signer *signer, Operation operation, const ByteBuffer *body);

#endif
