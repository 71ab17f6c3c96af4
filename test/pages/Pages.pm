# The server of made-up pages (server.js) under a test's control.
package Pages;

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

sub new
{
	my ($class) = @_;
	my $self = bless { events => [], buffer => '' }, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, 'node', "$FindBin::RealBin/../test/pages/server.js");
	$self->{port} = $self->_next_event->{port};
	return $self;
}

sub endpoint { return 'http://127.0.0.1:' . $_[0]{port} }

sub _next_event
{
	my ($self) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $patience;
	my $end;
	while (($end = index $self->{buffer}, "\n") < 0)
	{
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);
		croak 'the page server says nothing' if $left <= 0 || !IO::Select->new($self->{out})->can_read($left);
		sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or croak 'the page server has ended';
	}
	return $json->decode(substr $self->{buffer}, 0, $end + 1, '');
}

# Sends a command and returns {in_flight, peak, seen}; what is told meanwhile is kept.
sub _command
{
	my ($self, %command) = @_;
	syswrite $self->{in}, $json->encode(\%command) . "\n";
	for (;;)
	{
		my $event = $self->_next_event;
		return $event if $event->{event} eq 'done';
		push @{ $self->{events} }, $event;
	}
}

# What it holds from now on (server.js says how that is written); the events so far are forgotten.
sub store { my ($self, %store) = @_; $self->_command(store => \%store); $self->{events} = []; return }

sub hold { return $_[0]->_command(hold => JSON::PP::true) }
sub let_go { return $_[0]->_command(hold => JSON::PP::false) }
sub release { my ($self, $n) = @_; return $self->_command(release => $n) }
sub counts { return $_[0]->_command }

# Returns when so many requests have been seen since the store was set, or are in flight: dies when that takes too long.
sub wait_for { my ($self, %wanted) = @_; return $self->_command(wait => { map { ($_, 0 + $wanted{$_}) } keys %wanted }) }

# The requests since the store was set, as "stream/page", in the order of their coming; and those that were given up.
sub requests { my ($self) = @_; $self->_command; return map { "$_->{stream}/$_->{page}" } grep { $_->{event} eq 'request' } @{ $self->{events} } }
sub gone { my ($self) = @_; $self->_command; return map { "$_->{stream}/$_->{page}" } grep { $_->{event} eq 'gone' } @{ $self->{events} } }

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
