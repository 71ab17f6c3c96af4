# A server in a process of its own that a test drives: each command to it is a line of JSON, and so is each thing that it tells. It ends when there are no
# more commands to come. What its class adds is its name(), for errors, and its commands.
package DrivenServer;

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP;
use Readable qw(readable);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $json = JSON::PP->new->utf8->canonical;
my $patience = 60;

# Starts a script of test/, with commands on its stdin. What it tells on its stdout are events, the port first, and {"event":"done"} for each command.
sub start
{
	my ($class, $script, @arguments) = @_;
	my $self = bless { events => [], buffer => '' }, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, 'node', dirname(__FILE__) . "/$script", @arguments);
	$self->{port} = $self->_next->{port};
	return $self;
}

sub port { return $_[0]{port} }
sub endpoint { return 'http://127.0.0.1:' . $_[0]{port} }

# Takes in more of what is told; false when nothing has come by then.
sub _receive
{
	my ($self, $deadline) = @_;
	return 0 if !readable($self->{out}, $deadline);
	sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or croak $self->name . ' has ended';
	return 1;
}

# The next thing that it tells, waited for; dies when nothing comes, and says what was waited for.
sub _next
{
	my ($self, @awaited) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $patience;
	my $end;
	while (($end = index $self->{buffer}, "\n") < 0)
	{
		$self->_receive($deadline) or croak join ' of ', $self->name . ' says nothing', @awaited;
	}
	return $json->decode(substr $self->{buffer}, 0, $end + 1, '');
}

sub _send
{
	my ($self, $command) = @_;
	syswrite $self->{in}, $json->encode($command) . "\n";
	return;
}

# Sends a command and returns its "done"; the events that come before that are kept.
sub _command
{
	my ($self, %command) = @_;
	$self->_send(\%command);
	for (;;)
	{
		my $event = $self->_next;
		return $event if $event->{event} eq 'done';
		push @{ $self->{events} }, $event;
	}
}

# The events of this kind so far, in order.
sub events
{
	my ($self, $kind) = @_;
	$self->_command;
	return grep { !defined $kind || $_->{event} eq $kind } @{ $self->{events} };
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
	local ($?, $!, $@);
	$_[0]->stop;
}

1;
