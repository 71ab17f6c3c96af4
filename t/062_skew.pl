# A machine whose clock is wrong still reads and appends: the time of the endpoint is what counts for a signature.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

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
	return { status => 400, headers => { 'content-type' => 'application/x-amz-json-1.0', 'x-amzn-requestid' => 1, date => date($ahead) }, body => { __type => "com.amazon.coral.service#$code", message => 'no' } } }

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

# What was refused for its time is stamped anew, whichever request it is that meets the wrong clock.
sub lag { my ($versions) = @_; return scalar $session->query("SELECT max(abs(extract(epoch FROM committed_at - now()) - " . 2 * $hour / 1000 . ")) FROM commits WHERE aggregate_id = 'a' AND version IN ($versions)") }
sub bodies { my ($operation) = @_; return map { $_->{body} } grep { $_->{operation} eq $operation } $fault->events('request') }
my %ahead = (clock => 2 * $hour);
fresh();
is(outcome(insert(), { operation => 'PutItem', %ahead }), "$version UpdateItem PutItem PutItem", 'a put that is refused for its time is sent once more');
cmp_ok(lag($version - 1), '<', 60, 'with the right one');
fresh();
outcome(insert(), { operation => 'PutItem', times => 1, before => 'close' }, { operation => 'PutItem', %ahead });
my @puts = bodies('PutItem');
is(scalar @puts, 3, 'a put whose answer was lost, and that is then refused for its time');
is(scalar(keys %{ { map { ($_ => 1) } @puts } }), 1, 'is sent as it was: there are no two versions of it');
# (dynalite has no transactions.)
if ($ENV{DYNAMODB_ENGINE} ne 'dynalite')
{
	my $options = q{OPTIONS (append_mode 'dense'};
	$session->query("CREATE FOREIGN TABLE $_ (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) SERVER commits_server $options"
		. ($_ eq 'at_commit' ? q{, append_at 'commit')} : ')')) for qw(dense at_commit);
	for my $table (qw(dense at_commit))
	{
		fresh();
		outcome($select);
		my $result = outcome(insert() =~ s/commits/$table/r =~ s/RETURNING.*//r, { operation => 'TransactWriteItems', %ahead });
		my %token = map { /"ClientRequestToken":"(\w+)"/ ? ($1 => 1) : () } bodies('TransactWriteItems');
		is(scalar keys %token, 2, "$table: refused for its time, it is another transaction, with another token");
		cmp_ok(lag($version - 1), '<', 60, "$table: and the right time");
	}
	fresh();
	outcome(insert() =~ s/commits/dense/r, { operation => 'TransactWriteItems', times => 1, before => 'close' }, { operation => 'TransactWriteItems', %ahead });
	is(scalar(keys %{ { map { ($_ => 1) } bodies('TransactWriteItems') } }), 1, 'a transaction whose answer was lost stays what it is');
}

# Only DynamoDB's own answers tell the time.
my %gateway = (status => 503, headers => { 'content-type' => 'text/html', date => 'Wed, 01 Jan 2020 00:00:00 GMT' }, body => '<html>no</html>');
my %foreign = (
	'a gateway' => \%gateway,
	'a gateway that speaks JSON' => { %gateway, body => { __type => 'x#InternalServerError', message => 'no' } },
	'a page with a request id' => { %gateway, headers => { %{ $gateway{headers} }, 'x-amzn-requestid' => 1 } },
	'a page that passes for a success' => { %gateway, status => 200 });
for my $who (sort keys %foreign)
{
	fresh();
	is(outcome(insert(), { times => 1, answer => $foreign{$who} }, { headers => { date => '' } }), "$version UpdateItem UpdateItem PutItem", "$who is in trouble");
	cmp_ok(abs($session->query("SELECT extract(epoch FROM committed_at - now()) FROM commits WHERE aggregate_id = 'a' AND version = $version - 1")), '<', 60, "$who: its time is in no commit");
}

# A correction does not make a later commit an earlier one.
fresh();
outcome(insert(), { clock => 4.5 * $minute }) for 1 .. 2;
outcome(insert(), { clock => 0 }) for 1 .. 2;
is($session->query(q{SELECT count(*) FROM (SELECT committed_at, lag(committed_at) OVER (ORDER BY version) AS before FROM commits WHERE aggregate_id = 'a' AND version > } . ($version - 5) . q{) c WHERE committed_at < before}),
	0, 'no commit is older than the one before');
cmp_ok($session->query("SELECT extract(epoch FROM committed_at - now()) FROM commits WHERE aggregate_id = 'a' AND version = $version - 3"), '>', 200, 'after one that was minutes ahead');

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
