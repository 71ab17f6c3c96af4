# A fault proxy (proxy.js) under a test's control.
package Fault;

use strict;
use warnings;

use Carp;
use FindBin;
use IO::Select;
use IPC::Open2;
use JSON::PP;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $json = JSON::PP->new->utf8->canonical;
my $patience = 60;

# Fault->new: answers by itself; Fault->new($url): stands before that engine.
sub new
{
	my ($class, @engine) = @_;
	my $self = bless { events => [], buffer => '' }, $class;
	my ($dir) = grep { -e "$_/proxy.js" } map { "$_/test/fault" } "$FindBin::RealBin/..", '.';
	$self->{pid} = open2($self->{out}, $self->{in}, 'node', "$dir/proxy.js", @engine);
	$self->{port} = $self->_next_event->{port};
	return $self;
}

sub port { return $_[0]{port} }
sub endpoint { return 'http://127.0.0.1:' . $_[0]{port} }

sub _next_event
{
	my ($self) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $patience;
	my $end;
	while (($end = index $self->{buffer}, "\n") < 0)
	{
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);
		return undef if $left <= 0 || !IO::Select->new($self->{out})->can_read($left);
		sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or croak 'the fault proxy has ended';
	}
	return $json->decode(substr $self->{buffer}, 0, $end + 1, '');
}

sub _command
{
	my ($self, %command) = @_;
	syswrite $self->{in}, $json->encode(\%command) . "\n";
	for (;;)
	{
		my $event = $self->_next_event or croak 'the fault proxy does not answer';
		return if $event->{event} eq 'done';
		push @{ $self->{events} }, $event;
	}
}

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
	while ((my $left = $deadline - clock_gettime(CLOCK_MONOTONIC)) > 0)
	{
		next if !IO::Select->new($self->{out})->can_read($left);
		sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or croak 'the fault proxy has ended';
	}
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
		my $event = shift @{ $self->{events} } // $self->_next_event;
		croak 'the fault proxy has not seen ' . $json->encode(\%members) if !$event;
		return $event if !grep { ($event->{$_} // '') ne $members{$_} } keys %members;
	}
}

# The events of this kind since the rules were set (and not taken by wait_for), in order.
sub events
{
	my ($self, $kind) = @_;
	$self->_command;
	return grep { $_->{event} eq $kind } @{ $self->{events} };
}

# The operations requested, likewise.
sub operations
{
	my ($self) = @_;
	return map { $_->{operation} } $self->events('request');
}

sub stop
{
	my ($self) = @_;
	return if !$self->{pid};
	close $self->{in};
	waitpid delete $self->{pid}, 0;
	return;
}

sub DESTROY
{
	local ($?, $@);
	$_[0]->stop;
}

1;
