# A session with PostgreSQL that does not wait: a statement is sent, and its end comes with the time at which it came. Simple
# queries over the Unix socket, no password.
package Session;

use strict;
use warnings;

use Carp;
use IO::Socket::UNIX;
use JSON::PP;
use Readable qw(readable);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $patience = 90;
my %error_field = (S => 'severity', C => 'sqlstate', M => 'message', D => 'detail', H => 'hint');

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# Waits until something holds; false when it never does.
sub comes
{
	my ($holds) = @_;
	my $deadline = now() + $patience;
	until ($holds->())
	{
		return 0 if now() > $deadline;
		select undef, undef, undef, 0.001;
	}
	return 1;
}

# Session->new($node): to the database postgres of a PostgreSQL::Test::Cluster, as its superuser.
sub new
{
	my ($class, $node, %options) = @_;
	my $self = bless { buffer => '' }, $class;
	my $parameters = join '', map { "$_\0" } user => scalar getpwuid($<), database => 'postgres', %options, '';
	$self->{socket} = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or croak "no connection: $!";
	$self->_write(pack('NN', 8 + length $parameters, 196608) . $parameters);
	my $result = $self->result;
	croak $result->{error}{message} if $result->{error};
	return $self;
}

sub pid { return $_[0]{pid} }

sub _write
{
	my ($self, $bytes) = @_;
	while (length $bytes)
	{
		my $written = syswrite($self->{socket}, $bytes) // croak "the server has gone: $!";
		substr($bytes, 0, $written) = '';
	}
	return;
}

# Sends a statement, or several, and returns when.
sub send
{
	my ($self, $sql) = @_;
	my $now = now();
	$self->_write('Q' . pack('N', 5 + length $sql) . "$sql\0");
	return $now;
}

# false: nothing has come in that time.
sub _read
{
	my ($self, $deadline) = @_;
	return 0 if !readable($self->{socket}, $deadline);
	$self->{ended} = 1 if !sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
	return 1;
}

# The end of what was sent: {rows, tag, notices, error, at, error_at, ended_at}, where ended_at says that the server has hung up.
sub result
{
	my ($self, $timeout) = @_;
	my $deadline = now() + ($timeout // $patience);
	my %result = (rows => [], notices => []);
	for (;;)
	{
		my ($type, $length) = unpack 'aN', $self->{buffer};
		if (defined $length && length $self->{buffer} > $length)
		{
			my $message = substr $self->{buffer}, 5, $length - 4;
			substr($self->{buffer}, 0, $length + 1) = '';
			if ($type eq 'Z')
			{
				$result{at} = now();
				return \%result;
			}
			$self->{pid} = unpack 'N', $message if $type eq 'K';
			push @{ $result{rows} }, _row($message) if $type eq 'D';
			$result{tag} = unpack 'Z*', $message if $type eq 'C';
			push @{ $result{notices} }, _error($message) if $type eq 'N';
			@result{ 'error', 'error_at' } = (_error($message), now()) if $type eq 'E';
			next;
		}
		if ($self->{ended})
		{
			$result{ended_at} = now();
			return \%result;
		}
		croak 'the statement does not end' if !$self->_read($deadline);
	}
}

sub _row
{
	my ($message) = @_;
	my ($count, $at, @row) = (unpack('n', $message), 2);
	for (1 .. $count)
	{
		my $length = unpack 'l>', substr $message, $at, 4;
		push @row, $length < 0 ? undef : substr $message, $at + 4, $length;
		$at += 4 + ($length < 0 ? 0 : $length);
	}
	return \@row;
}

sub _error
{
	my ($message) = @_;
	my %field = map { (substr($_, 0, 1), substr $_, 1) } split /\0/, $message;
	return { map { ($error_field{$_}, $field{$_}) } grep { defined $field{$_} } keys %error_field };
}

# What this backend has open, as the kernel calls it, and the ids of its threads; or how many these are.
sub descriptors { my ($self) = @_; return map { readlink // '' } glob "/proc/$self->{pid}/fd/*" }
sub threads { my ($self) = @_; return map { m{/(\d+)$} } glob "/proc/$self->{pid}/task/*" }

# The states of this backend's TCP connections to a port of this machine, as the kernel calls them.
sub tcp_states
{
	my ($self, $port) = @_;
	my @names = qw(- ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING);
	my %own = map { (/^socket:\[(\d+)\]$/ ? ($1, 1) : ()) } $self->descriptors;
	open my $tcp, '<', '/proc/net/tcp' or croak "/proc/net/tcp: $!";
	my @sockets = map { [ split ] } grep { !/local_address/ } <$tcp>;
	# A table that changes while it is read may show a socket twice.
	my %seen;
	return map { $names[ hex $_->[3] ] } grep { $own{ $_->[9] } && !$seen{ $_->[9] }++ && hex((split /:/, $_->[2])[1]) == $port } @sockets;
}

# Runs a statement that may fail.
sub try { my ($self, $sql) = @_; $self->send($sql); return $self->result }

# Runs one that may not, and returns its rows, or its only value.
sub query
{
	my ($self, $sql) = @_;
	my $result = $self->try($sql);
	croak "$sql: " . ($result->{error}{message} // 'the server has hung up') . ' ' . ($result->{error}{detail} // '')
	  if $result->{error} || $result->{ended_at};
	my @rows = @{ $result->{rows} };
	return wantarray ? @rows : @rows ? $rows[0][0] : undef;
}

# How many requests a statement takes, by its own account.
sub requests_of
{
	my ($self, $sql) = @_;
	my $plan = decode_json(scalar $self->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) $sql"))->[0]{Plan};
	my ($sum, @nodes) = (0, $plan);
	while (my $node = shift @nodes)
	{
		$sum += $node->{Requests} // 0;
		push @nodes, @{ $node->{Plans} // [] };
	}
	return $sum;
}

# Waits until this session's backend waits for DynamoDB, as `observer` sees it.
sub wait_until_waiting
{
	my ($self, $observer) = @_;
	my $waits = sub {
		my ($row) = $observer->query("SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE pid = $self->{pid} AND state = 'active'");
		return $row && ($row->[0] // '') eq 'Extension' && $row->[1] =~ /\A(Extension|Dynamodb\w+)\z/;
	};
	comes($waits) or croak 'the backend does not wait';
	return;
}

# A server, a user mapping and a foreign table of that name, for an endpoint.
sub create_table
{
	my ($self, $name, $endpoint, %options) = @_;
	my $options = join '', map { ", $_ '$options{$_}'" } sort keys %options;
	$self->query(<<SQL);
CREATE EXTENSION IF NOT EXISTS dynamodb_es;
CREATE SERVER ${name}_server FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint '$endpoint'$options);
CREATE USER MAPPING FOR CURRENT_USER SERVER ${name}_server OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'hush-secret');
CREATE FOREIGN TABLE $name (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)
  SERVER ${name}_server;
SQL
	return;
}

sub close { my ($self) = @_; $self->_write("X\0\0\0\4"); CORE::close($self->{socket}); return }

1;
