# A fault proxy (proxy.js) under a test's control.
package Fault;

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use parent 'DrivenServer';

my $json = JSON::PP->new->canonical;

# Fault->new: answers by itself; Fault->new($url): stands before that engine.
sub new { my ($class, @engine) = @_; return $class->start('proxy.js', @engine) }

sub name { return 'the fault proxy' }

# Replaces the rules (proxy.js says what they are) and forgets the events so far.
sub rules
{
	my ($self, @rules) = @_;
	$self->_command(rules => \@rules);
	$self->{events} = [];
	return;
}

sub release { return $_[0]->_command(release => 1) }
sub seed { return $_[0]->_command(seed => $_[1]) }
sub dialect { return $_[0]->_command(dialect => $_[1]) }
sub lag { my ($self, $lag) = @_; return $self->_command(lag => $lag) }
sub limit { return $_[0]->_command(limit => $_[1]) }
sub refuse { my ($self, $refuse) = @_; return $self->_command(refuse => $refuse ? JSON::PP::true : JSON::PP::false) }
sub close_idle { return $_[0]->_command(close => 1) }
sub reset_idle { return $_[0]->_command(reset => 1) }
sub down { return $_[0]->_command(down => 1) }
sub up { return $_[0]->_command(up => 1) }

# Takes in what is told, for so many seconds: a proxy to which nobody listens stops in the end.
sub listen
{
	my ($self, $seconds) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $seconds;
	1 while clock_gettime(CLOCK_MONOTONIC) < $deadline && $self->_receive($deadline);
	return;
}

# Waits until no request is under way any more, late ones included.
sub finish { return $_[0]->_command(finish => 1) }

# The next event that has these members, waited for; earlier ones are dropped. Dies when it does not come.
sub wait_for
{
	my ($self, %members) = @_;
	for (;;)
	{
		my $event = shift @{ $self->{events} } // $self->_next($json->encode(\%members));
		return $event if !grep { ($event->{$_} // '') ne $members{$_} } keys %members;
	}
}

# The operations requested since the rules were set (and not taken by wait_for), in order.
sub operations
{
	my ($self) = @_;
	return map { $_->{operation} } $self->events('request');
}

1;
