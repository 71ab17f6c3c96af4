# What runs beside a test, each worker in a process of its own, and what they return in the end.
package Workers;

use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Utils;
use Storable qw(nstore retrieve);
use Test::More;

# Those that have not ended, of all: none outlives a test that fails.
my %running;
END
{
	local $?;
	kill KILL => keys %running;
	waitpid $_, 0 for keys %running;
}

# Workers->new($fault): with the proxy that they use, which must be listened to meanwhile.
sub new
{
	my ($class, $fault) = @_;
	return bless { fault => $fault, dir => PostgreSQL::Test::Utils::tempdir(), pid => {} }, $class;
}

# Its work is a sub that returns a reference.
sub start
{
	my ($self, $name, $work) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		my $done = eval { nstore($work->(), "$self->{dir}/$name"); 1 };
		print STDERR "$name: $@" if !$done;
		POSIX::_exit($done ? 0 : 1);
	}
	$self->{pid}{$name} = $pid;
	$running{$pid} = 1;
	return;
}

# Waits until all have ended; (name => what it returned), for each that ran to its end, as all should.
sub finish
{
	my ($self) = @_;
	my $pid = $self->{pid};
	my (%status, @failed);
	while (%$pid)
	{
		$self->{fault}->listen(0.05);
		for my $name (keys %$pid)
		{
			next if !waitpid $pid->{$name}, POSIX::WNOHANG;
			$status{$name} = $?;
			delete $running{ delete $pid->{$name} };
		}
	}
	@failed = grep { $status{$_} } sort keys %status;
	is("@failed", '', 'every worker ran to its end');
	return map { $status{$_} ? () : ($_, retrieve("$self->{dir}/$_")) } keys %status;
}

1;
