# A machine whose clock is wrong still reads and appends: the time of the endpoint is what counts for a signature.
use strict;
use warnings;

use FindBin;
use lib map { "$FindBin::RealBin/../test/$_" } qw(fault perl);

use Fault;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $minute = 60_000;
my $hour = 60 * $minute;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $session = Session->new($node);
$session->create_table('commits', $fault->endpoint, max_attempts => 4);
$session->create_table('once', $fault->endpoint, max_attempts => 1);
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

my $select = q{SELECT count(*) FROM commits WHERE aggregate_id = 'a'};
my $version = 0;

# A new session has yet to learn the time.
sub fresh { $session->close; $session = Session->new($node); return }

# The SQLSTATE or what is returned, and the requests that it took.
sub outcome
{
	my ($sql, @rules) = @_;
	$fault->rules(@rules);
	my $result = $session->try($sql);
	return join ' ', $result->{error} ? $result->{error}{sqlstate} : $result->{rows}[0][0], $fault->operations;
}
sub insert { return "INSERT INTO commits (aggregate_id, version, events) VALUES ('a', " . $version++ . ", '[]') RETURNING commit_id" }
sub date { my ($ahead) = @_; my @t = gmtime time + $ahead / 1000;
	return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', (qw(Sun Mon Tue Wed Thu Fri Sat))[ $t[6] ], $t[3], (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $t[4] ], $t[5] + 1900, @t[ 2, 1, 0 ] }
sub refusal { my ($code, $ahead) = @_;
	return { status => 400, headers => { 'content-type' => 'application/x-amz-json-1.0', date => date($ahead) }, body => { __type => "com.amazon.coral.service#$code", message => 'no' } } }

for my $clock ($hour, -$hour, 100 * 365 * 24 * $hour)
{
	my $what = 'endpoint ' . abs($clock) / $minute . ' min ' . ($clock > 0 ? 'ahead' : 'behind');
	fresh();
	is(outcome($select, { clock => $clock }), "$version Query Query", "$what: the first read is sent once more");
	is(outcome($select, { clock => $clock }), "$version Query", "$what: the time is known from then on");
	is(outcome(insert(), { clock => $clock }), "$version UpdateItem PutItem", "$what: an append, too");
	is(outcome($select, { clock => 0 }), "$version Query Query", "$what: and when the clocks agree again");
	fresh();
	is(outcome(insert(), { clock => $clock }), "$version UpdateItem UpdateItem PutItem", "$what: an append as the first request loses no id");
	fresh();
	is(outcome(q{SELECT dynamodb_es_head('commits')}, { clock => $clock }), "$version GetItem GetItem", "$what: a function");
	fresh();
	is(outcome($select =~ s/commits/once/r, { clock => $clock }), "$version Query Query", "$what: also with a single attempt");
}

# What is stored is the time of the endpoint, too: feeds judge by it how old a gap is, whichever machine has appended.
for my $ahead ($hour, -$hour)
{
	fresh();
	outcome($select, { clock => $ahead });
	outcome(insert() =~ s/RETURNING.*//r, { clock => $ahead });
	my $off = $session->query(q{SELECT extract(epoch FROM max(committed_at) - now()) FROM commits WHERE version = } . ($version - 1) . q{ AND aggregate_id = 'a'});
	cmp_ok(abs($off - $ahead / 1000), '<', 60, 'endpoint ' . $ahead / $minute . ' min ahead: so is committed_at');
}

# Learnt from successes as well: what drifts slowly is never refused.
fresh();
is(outcome($select, { clock => $_ * $minute }), "$version Query", "drifted by $_ minutes: not refused") for 4.5, 9, 13.5, 18, 22.5;

# A small difference is left alone: here the endpoint accepts 5 minutes, and a clock that is followed would be 6.5 off.
fresh();
outcome($select, { clock => 3.5 * $minute });
is(outcome($select, { clock => -3 * $minute }), "$version Query", 'a small difference is not corrected');

# Every code that may be a matter of time is tried again, once; and others are not.
for my $code (qw(InvalidSignatureException SignatureDoesNotMatch AuthFailure RequestTimeTooSkewed AccessDeniedException))
{
	fresh();
	is(outcome($select, { times => 1, answer => refusal($code, $hour) }), "$version Query Query", "$code with another time is tried again");
	fresh();
	my $sqlstate = $code eq 'AccessDeniedException' ? '42501' : '28000';
	is(outcome($select, map { { times => 1, answer => refusal($code, $_ * $hour) } } 1 .. 5), "$sqlstate Query Query", "$code: only once");
	fresh();
	is(outcome($select, { answer => refusal($code, 0) }), "$sqlstate Query", "$code with the same time is final");
}
fresh();
is(outcome($select, { answer => refusal('UnrecognizedClientException', $hour) }), '28000 Query', 'an unknown key is final, whatever the time');

# The time of a cache is that of long ago.
fresh();
is(outcome($select, { clock => $hour, headers => { age => 10 } }), '28000 Query', 'an answer of a cache does not count');

# It can be turned off.
$session->close;
{
	local $ENV{AWS_DISABLE_CLOCK_SKEW_CORRECTION} = 'true';
	$node->restart;
}
$session = Session->new($node);
is(outcome($select, { clock => $hour }), '28000 Query', 'AWS_DISABLE_CLOCK_SKEW_CORRECTION');
is(outcome($select, { clock => 0 }), "$version Query", 'and nothing was learnt');

$session->close;
$fault->stop;
$node->stop;
done_testing();
