# An HTTP server that gives the answers it is told to: what a real endpoint, or something in front of it, says when it refuses.
package ScriptedEndpoint;

use strict;
use warnings;

use Carp;
use Compress::Raw::Zlib;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use parent 'DrivenServer';

my $json = JSON::PP->new->utf8->canonical;

# No script, but a child of the test: the two talk over a pair of sockets, a line for each answers() and for its confirmation.
sub new
{
	my ($class) = @_;
	my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) or croak "no socket: $!";
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or croak "no pair of sockets: $!";
	my $pid = fork // croak "no process: $!";
	if (!$pid)
	{
		close $ours;
		_serve($listener, $theirs);
		require POSIX;
		POSIX::_exit(0);
	}
	close $theirs;
	return bless { pid => $pid, in => $ours, out => $ours, buffer => '', port => $listener->sockport }, $class;
}

sub name { return 'the scripted endpoint' }

# answers(Operation => answer, …), from now on; '*' stands for all others. An answer is {status, body, type, headers}, or one of
# {parts: [[text, count], …]} instead of a body, which is each text so many times, {gzip: true} for a body that goes out compressed, asked for or not,
# {early: "…"} with lines of a provisional one before it, {close: true} without an answer, {stall: true} without an end, {cut: n} where only n bytes of the body come; or a list of them, for one
# request after the other, the last for all further ones. A request that is not DynamoDB's goes by its "Action" (STS), else by method and
# path ("GET /keys"). Without arguments all stays as it is. Returns the requests since the last call, as
# {operation, headers, body}.
sub answers
{
	my ($self, %answers) = @_;
	$self->_send(\%answers);
	return @{ $self->_next };
}

# One loop for everything; it ends when the test does.
sub _serve
{
	my ($listener, $control) = @_;
	my $select = IO::Select->new($listener, $control);
	my (%received, %answers, @requests);
	my $command = '';
	for (;;)
	{
		for my $socket ($select->can_read)
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept or next;
				$received{$client} = '';
				$select->add($client);
				next;
			}
			if ($socket == $control)
			{
				sysread($control, $command, 65536, length $command) or return;
				if ($command =~ s/\A(.*)\n//)
				{
					my $new = $json->decode($1);
					%answers = %$new if %$new;
					syswrite $control, $json->encode([ splice @requests ]) . "\n";
				}
				next;
			}
			my $open = sysread $socket, $received{$socket}, 65536, length $received{$socket};
			while ($open && $received{$socket} =~ /\A(.*?\r\n\r\n)/s)
			{
				my $head = $1;
				my ($length) = $head =~ /^content-length: *([0-9]+)/im;
				last if length $received{$socket} < length($head) + ($length // 0);
				my $request = substr $received{$socket}, 0, length($head) + ($length // 0), '';
				my $operation = _operation($head, substr $request, length $head);
				push @requests, { operation => $operation, headers => $head, body => substr $request, length $head };
				$open = _answer($socket, _next_of($answers{$operation}) // $answers{'*'} // { status => 400, body => '{}' });
			}
			next if $open;
			delete $received{$socket};
			$select->remove($socket);
			close $socket;
		}
	}
}

sub _operation
{
	my ($head, $body) = @_;
	return $1 if $head =~ /^x-amz-target: *\S+\.(\w+)/im || $body =~ /(?:^|&)Action=(\w+)/;
	return $head =~ /\A(\S+ \S+)/ ? $1 : '';
}

sub _next_of
{
	my ($answer) = @_;
	return $answer if ref $answer ne 'ARRAY';
	return @$answer > 1 ? shift @$answer : $answer->[0];
}

sub _parts { my ($answer) = @_; return $answer->{parts} ? @{ $answer->{parts} } : [ $answer->{body} // '', 1 ] }

# What is packed may be much more than there is memory for.
sub _packed
{
	my ($answer) = @_;
	my $deflate = Compress::Raw::Zlib::Deflate->new(WindowBits => WANT_GZIP, Level => 1, AppendOutput => 1);
	my $packed = '';
	for (_parts($answer))
	{
		my ($text, $count) = @$_;
		my $at_once = 1 + int 1_000_000 / (1 + length $text);
		for (my $left = $count; $left > 0; $left -= $at_once)
		{
			$deflate->deflate($text x ($left < $at_once ? $left : $at_once), $packed);
		}
	}
	$deflate->flush($packed);
	return $packed;
}

# false: the connection is to be closed.
sub _answer
{
	my ($socket, $answer) = @_;
	return 0 if $answer->{close};
	return 1 if $answer->{stall};
	my $body = $answer->{gzip} ? $answer->{packed} //= _packed($answer) : join '', map { $_->[0] x $_->[1] } _parts($answer);
	my $status = $answer->{status} // 200;
	my $type = $answer->{type} // 'application/x-amz-json-1.0';
	my $headers = join '', map { "$_\r\n" } "HTTP/1.1 $status Scripted", "Content-Type: $type", 'Content-Length: ' . length $body,
	  $answer->{gzip} ? 'Content-Encoding: gzip' : (), @{ $answer->{headers} // [] };
	syswrite $socket, ($answer->{early} // '') . "$headers\r\n" . (defined $answer->{cut} ? substr $body, 0, $answer->{cut} : $body);
	return !defined $answer->{cut};
}

# The answers to DescribeTable for a store's two tables, which are in that state.
sub store_tables
{
	my ($status) = @_;
	return map { { body => JSON::PP->new->utf8->encode({ Table => { TableStatus => $status, %$_ } }) } }
	  { AttributeDefinitions => [ _types(aggregateId => 'S', version => 'N', active => 'S', commitId => 'N') ], KeySchema => [ _key('aggregateId', 'version') ],
		GlobalSecondaryIndexes => [ { IndexName => 'byId', IndexStatus => 'ACTIVE', KeySchema => [ _key('active', 'commitId') ], Projection => { ProjectionType => 'ALL' } } ] },
	  { AttributeDefinitions => [ _types(name => 'S') ], KeySchema => [ _key('name') ] };
}
sub _types { my %types = @_; return map { { AttributeName => $_, AttributeType => $types{$_} } } sort keys %types }
sub _key { my ($hash, $range) = @_; return ({ AttributeName => $hash, KeyType => 'HASH' }, $range ? { AttributeName => $range, KeyType => 'RANGE' } : ()) }

1;
