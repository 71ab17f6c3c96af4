# Partitions that carry only so much (partitions.js) under a test's control.
package Partitions;

use strict;
use warnings;

use JSON::PP;
use List::Util qw(sum0);

use parent 'DrivenServer';

# Partitions->new($url): before that engine.
sub new { my ($class, $engine) = @_; return $class->start('partitions.js', $engine) }

sub name { return 'the server of partitions' }

# What they carry from now on (partitions.js says how that is written).
sub limits { my ($self, %limits) = @_; return $self->_command(limits => \%limits) }

# Since any of these was asked last: how many requests were throttled, and the most that were under way at once.
sub taken
{
	my ($self) = @_;
	my $taken = $self->_command(take => JSON::PP::true);
	return (sum0(map { $_->{throttled} } @{ $taken->{passed} }), $taken->{peak});
}
sub throttled { return ($_[0]->taken)[0] }
sub peak { return ($_[0]->taken)[1] }

1;
