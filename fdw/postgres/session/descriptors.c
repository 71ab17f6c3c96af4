/*
 * descriptors.c: how many of PostgreSQL's file descriptors are ours?
 */
#include "postgres.h"

#include "storage/fd.h"

#include "postgres/session/descriptors.h"

static int	acquired = 0;
static bool (*close_unused) (void) = NULL;

/*
 * Of a backend's descriptors PostgreSQL lends a third to others than its own files. Connections leave a bit of that to
 * what else needs some: sets of events to wait for, other wrappers.
 */
int
descriptors_allowed(void)
{
	return max_safe_fds * 3 / 10;
}

int
descriptors_acquired(void)
{
	return acquired;
}

void
descriptors_free_by(bool (*function) (void))
{
	close_unused = function;
}

bool
descriptors_free_some(void)
{
	return close_unused != NULL && close_unused();
}

bool
descriptor_acquire(void)
{
	while (acquired >= descriptors_allowed() || !AcquireExternalFD())
		if (!descriptors_free_some())
			return false;
	acquired++;
	return true;
}

void
descriptor_release(void)
{
	ReleaseExternalFD();
	acquired--;
}
