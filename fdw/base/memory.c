/*
 * memory.c: what does malloc keep of a large answer? See memory.h.
 *
 * glibc's malloc gets large pieces from the system one by one, but takes those of up to 32 MB from its heap once it has
 * seen one freed, and then keeps them.
 */
#include "base/memory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LARGE_BYTES ((size_t) 8 * 1024 * 1024)

void
memory_give_back(size_t bytes)
{
#ifdef __GLIBC__
	if (bytes >= LARGE_BYTES)
		malloc_trim(0);
#endif
}
