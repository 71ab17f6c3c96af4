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

# How many requests were throttled since this was asked last.
sub throttled { my ($self) = @_; return sum0 map { $_->{throttled} } @{ $self->_command(take => JSON::PP::true)->{passed} } }

1;
