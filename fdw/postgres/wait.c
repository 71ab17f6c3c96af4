/*
 * wait.c: how does a backend wait for the network and still obey?
 *
 * Everything below is behind one descriptor, so one wait on it and on the latch is enough. Interrupts are served here,
 * and between two rows (scan.c): the error they raise passes through no foreign code, and what was under way is freed
 * with its memory context.
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

/*
 * What is waited for, kept from one wait to the next, since making it takes longer than most waits: the latch, the
 * descriptor of one client, and the postmaster's end. One for all clients, so that it takes one descriptor.
 */
static WaitEventSet *wait_set = NULL;
static const Client *wait_set_client = NULL;	/* whose descriptor is in it */
static int	wait_set_latch;		/* the latch's position in it */

/* PostgreSQL would call it an internal error that no descriptor is left. */
static void
descriptor_ensure(const Client *client)
{
	int			descriptor = -1;

	do
	{
		if (!AcquireExternalFD())
			continue;
		descriptor = fcntl(client_fd(client), F_DUPFD_CLOEXEC, 0);
		ReleaseExternalFD();
	} while (descriptor < 0 && connections_close_longest_unused());
	if (descriptor < 0)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("could not wait for DynamoDB: %m")));
	close(descriptor);
}

static WaitEventSet *
wait_set_new(const Client *client)
{
	WaitEventSet *set;

	descriptor_ensure(client);
	set = compat_wait_event_set(3);
	PG_TRY();
	{
		wait_set_latch = AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		AddWaitEventToSet(set, WL_SOCKET_READABLE, client_fd(client), NULL, NULL);
		if (IsUnderPostmaster)
			AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	}
	PG_CATCH();
	{
		FreeWaitEventSet(set);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return set;
}

void
wait_forget_client(const Client *client)
{
	if (wait_set_client != client || wait_set == NULL)
		return;
	FreeWaitEventSet(wait_set);
	wait_set = NULL;
	wait_set_client = NULL;
}

void
wait_for_client(Client *client)
{
	WaitEvent	event = {0};

	CHECK_FOR_INTERRUPTS();
	if (wait_set_client != client)
	{
		wait_forget_client(wait_set_client);
		wait_set = wait_set_new(client);
		wait_set_client = client;
	}
	client_await(client);
	ModifyWaitEvent(wait_set, wait_set_latch, WL_LATCH_SET, MyLatch);
	WaitEventSetWait(wait_set, -1, &event, 1, compat_wait_event());
	client_pump(client);
	if (event.events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
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
		connections_release_descriptor();
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

bool
tenure_make_descriptor(Tenure *tenure)
{
	if (tenure->descriptor >= 0)
		return true;
	if (!connections_acquire_descriptor())
		return false;
	tenure->descriptor = fcntl(client_fd(tenure_client(tenure)), F_DUPFD_CLOEXEC, 0);
	if (tenure->descriptor < 0)
		connections_release_descriptor();
	return tenure->descriptor >= 0;
}
