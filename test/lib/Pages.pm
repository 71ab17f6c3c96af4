# The server of made-up pages (pages.js) under a test's control.
package Pages;

use strict;
use warnings;

use JSON::PP;

use parent 'DrivenServer';

sub new { return $_[0]->start('pages.js') }
sub name { return 'the page server' }

# What it holds from now on (pages.js says how that is written); the events so far are forgotten.
sub store { my ($self, %store) = @_; $self->_command(store => \%store); $self->{events} = []; return }

# These return {in_flight, peak, seen, units}.
sub hold { return $_[0]->_command(hold => JSON::PP::true) }
sub let_go { return $_[0]->_command(hold => JSON::PP::false) }
sub release { my ($self, $n) = @_; return $self->_command(release => $n) }
sub counts { return $_[0]->_command }

# Returns when so many requests have been seen since the store was set, or are in flight: dies when that takes too long.
sub wait_for { my ($self, %wanted) = @_; return $self->_command(wait => { map { ($_, 0 + $wanted{$_}) } keys %wanted }) }

# The requests since the store was set, as "stream/page", in the order of their coming; and those that were given up.
sub requests { return map { "$_->{stream}/$_->{page}" } $_[0]->events('request') }
sub gone { return map { "$_->{stream}/$_->{page}" } $_[0]->events('gone') }

1;
