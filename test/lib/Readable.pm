# Waits for bytes that somebody else writes.
package Readable;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(readable);

# Whether there is something to read (or its end), which is waited for until that moment of the monotonic clock. A signal, such as that of a worker that has
# ended, interrupts a wait: it goes on then.
sub readable
{
	my ($handle, $deadline) = @_;
	my $select = IO::Select->new($handle);
	for (;;)
	{
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);
		return 1 if $select->can_read($left > 0 ? $left : 0);
		return 0 if $left <= 0;
	}
}

1;
