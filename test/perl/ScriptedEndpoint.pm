# An HTTP server that gives the answers it is told to: what a real endpoint, or something in front of it, says when it refuses.
package ScriptedEndpoint;

use strict;
use warnings;

use Carp;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

my $json = JSON::PP->new->utf8->canonical;
my $patience = 60;

# It runs as a process of its own; the two talk over a pair of sockets, a line for each answers() and for its confirmation.
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
	return bless { pid => $pid, control => $ours, port => $listener->sockport }, $class;
}

sub endpoint { return "http://127.0.0.1:$_[0]{port}" }

# answers(Operation => answer, …), from now on; '*' stands for all others. An answer is {status, body, type, headers}, or one of
# {close: true} without an answer, {cut: n} where only n bytes of the body come. Returns the requests since the last call, as
# {operation, headers, body}.
sub answers
{
	my ($self, %answers) = @_;
	syswrite $self->{control}, $json->encode(\%answers) . "\n";
	my $line = '';
	while ($line !~ /\n\z/)
	{
		IO::Select->new($self->{control})->can_read($patience) && sysread($self->{control}, $line, 65536, length $line)
		  or croak 'the scripted endpoint does not answer';
	}
	return @{ $json->decode($line) };
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	close $self->{control};
	waitpid $self->{pid}, 0;
	return;
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
					%answers = %{ $json->decode($1) };
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
				my ($operation) = $head =~ /^x-amz-target: *\S+\.(\w+)/im;
				push @requests, { operation => $operation, headers => $head, body => substr $request, length $head };
				$open = _answer($socket, $answers{ $operation // '' } // $answers{'*'} // { status => 400, body => '{}' });
			}
			next if $open;
			delete $received{$socket};
			$select->remove($socket);
			close $socket;
		}
	}
}

# false: the connection is to be closed.
sub _answer
{
	my ($socket, $answer) = @_;
	return 0 if $answer->{close};
	my $body = $answer->{body} // '';
	my $status = $answer->{status} // 200;
	my $type = $answer->{type} // 'application/x-amz-json-1.0';
	my $headers = join '', map { "$_\r\n" } "HTTP/1.1 $status Scripted", "Content-Type: $type", 'Content-Length: ' . length $body,
	  @{ $answer->{headers} // [] };
	syswrite $socket, "$headers\r\n" . (defined $answer->{cut} ? substr $body, 0, $answer->{cut} : $body);
	return !defined $answer->{cut};
}

1;
