/*
 * visibility.c: who is the one that reads what is reported?
 */
#include "postgres.h"

#include "miscadmin.h"

#include "postgres/core/visibility.h"

bool
identity_is_visible(void)
{
	return superuser() && superuser_arg(GetSessionUserId());
}
