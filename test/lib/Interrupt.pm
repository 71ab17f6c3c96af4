# How long does a statement that waits for DynamoDB go on after it was told to end?
package Interrupt;

use strict;
use warnings;

use Exporter 'import';
use Session;
use Test::More;

our @EXPORT = qw(ends_at_once);

my $promise_ms = 100;
my $timeout_ms = 200;           # statement_timeout: long enough for the statement to be in its wait by then
my %rounds = (cancel => 7, timeout => 5, terminate => 5);
my %sqlstate = (cancel => '57014', timeout => '57014', terminate => '57P01');

# ends_at_once($node, $observer, 'SELECT, silent endpoint',
#   sql => the statement that waits; before => SQL that comes before it in the session, after => SQL after it
#   prepare => sub: sets the endpoint up; reached => sub ($session): returns once the statement is in the wait that is meant
#   detail => what the DETAIL of a cancel must be like (none: there must be none)
#   works => a query that must succeed in the same session right after, with the value it must give)
# Three tests: pg_cancel_backend, statement_timeout, pg_terminate_backend. What counts is the median of some rounds. Where that is too long, they are run again, twice
# at most: somebody else may have had the machine.
sub ends_at_once
{
	my ($node, $observer, $name, %case) = @_;
	for my $how (qw(cancel timeout terminate))
	{
		my (@ms, $wrong, $summary);
		for my $try (1 .. 3)
		{
			@ms = map { _round($node, $observer, $how, \%case) } 1 .. $rounds{$how};
			($wrong) = grep { !/^-?[\d.]+$/ } @ms;
			@ms = sort { $a <=> $b } grep { /^-?[\d.]+$/ } @ms;
			$summary = @ms ? sprintf '%s: %s: median %.1f ms, maximum %.1f ms', $name, $how, $ms[ @ms / 2 ], $ms[-1] : "$name: $how";
			note $summary;
			last if defined $wrong || $ms[ @ms / 2 ] < $promise_ms;
		}
		ok(!defined $wrong && $ms[ @ms / 2 ] < $promise_ms, "$name: $how ends it within $promise_ms ms") or diag($wrong // $summary);
	}
	return;
}

# The milliseconds that one took, or what went wrong.
sub _round
{
	my ($node, $observer, $how, $case) = @_;
	my $session = Session->new($node);
	my ($told, $result);
	$case->{prepare}->() if $case->{prepare};
	$session->query($case->{before}) if $case->{before};
	$session->query("SET statement_timeout = $timeout_ms") if $how eq 'timeout';
	$told = $session->send($case->{sql});
	if ($how eq 'timeout')
	{
		$told += $timeout_ms / 1000;
	}
	else
	{
		$case->{reached}->($session);
		$told = $observer->send("SELECT pg_${how}_backend(" . $session->pid . ')');
	}
	$result = $session->result;
	$case->{reached}->() if $how eq 'timeout' && $case->{seen};
	$observer->result if $how ne 'timeout';
	return _complaint($session, $how, $case, $result) // 1000 * (($result->{ended_at} // $result->{error_at}) - $told);
}

sub _complaint
{
	my ($session, $how, $case, $result) = @_;
	my $error = $result->{error} or return "$how: no error";
	my $detail = $error->{detail} // '';
	my $works;
	return "$how: $error->{sqlstate} $error->{message} $detail" if $error->{sqlstate} ne $sqlstate{$how};
	return $result->{ended_at} ? undef : "$how: the session goes on" if $how eq 'terminate';
	return "$how: DETAIL: $detail" if $case->{detail} ? $detail !~ $case->{detail} : $detail ne '';
	$session->query('SET statement_timeout = 0') if !$case->{after};
	$session->query($case->{after} . '; SET statement_timeout = 0') if $case->{after};
	$works = $session->try($case->{works}[0]);
	return "$how: afterwards: " . $works->{error}{message} if $works->{error};
	return "$how: afterwards: $works->{rows}[0][0]" if $works->{rows}[0][0] ne $case->{works}[1];
	$session->close;
	return undef;
}

1;
