/*
 * wait.c: how does a backend wait for the network and still obey?
 *
 * Everything below is behind one descriptor, so one wait on it and on the latch is enough. Interrupts are served here
 * and nowhere else: the error they raise passes through no foreign code, and what was under way is freed with its
 * memory context.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"

#include "postgres/compat.h"
#include "postgres/errors.h"
#include "postgres/wait.h"

void
wait_for_client(Client *client)
{
	int			events;

	CHECK_FOR_INTERRUPTS();
	client_await(client);
	events = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH,
							   client_fd(client), -1, compat_wait_event());
	if (events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	client_pump(client);
}

void
tenure_drop(Tenure *tenure)
{
	if (tenure->operation != NULL)
		tenure->operation_free(tenure->operation);
	tenure->operation = NULL;
}

static void
tenure_end(void *arg)
{
	Tenure	   *tenure = arg;

	tenure_drop(tenure);
	if (tenure->descriptor >= 0)
	{
		close(tenure->descriptor);
		ReleaseExternalFD();
	}
	connection_release(tenure->connection);
}

Tenure *
tenure_new(MemoryContext context, Connection *connection)
{
	Tenure	   *tenure = MemoryContextAllocExtended(context, sizeof(Tenure), MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);

	if (tenure == NULL)
	{
		connection_release(connection);
		report_out_of_memory();
	}
	tenure->connection = connection;
	tenure->descriptor = -1;
	tenure->callback.func = tenure_end;
	tenure->callback.arg = tenure;
	MemoryContextRegisterResetCallback(context, &tenure->callback);
	return tenure;
}

void
tenure_hold(Tenure *tenure, void *operation, void (*operation_free) (void *operation))
{
	tenure_drop(tenure);
	if (operation == NULL)
		report_out_of_memory();
	tenure->operation = operation;
	tenure->operation_free = operation_free;
}

Client *
tenure_client(const Tenure *tenure)
{
	return connection_client(tenure->connection);
}

int
tenure_descriptor(Tenure *tenure)
{
	if (tenure->descriptor >= 0)
		return tenure->descriptor;
	ReserveExternalFD();
	tenure->descriptor = fcntl(client_fd(tenure_client(tenure)), F_DUPFD_CLOEXEC, 0);
	if (tenure->descriptor < 0)
	{
		ReleaseExternalFD();
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not duplicate a descriptor: %m")));
	}
	return tenure->descriptor;
}
