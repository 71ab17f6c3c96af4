# contiguous_versions where a counter gives the ids, and in an import: no version is stored without the one before, for one look at the store for each aggregate
# of a statement, before an id is taken.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
$session->create_table('free', $fault->endpoint, max_attempts => 2, batch_size => 5);
my $columns = '(commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb)';
$session->query("CREATE FOREIGN TABLE contiguous $columns SERVER free_server OPTIONS (contiguous_versions 'true')");
$session->query("CREATE FOREIGN TABLE history $columns SERVER free_server OPTIONS (contiguous_versions 'true', append_mode 'import')");
$session->query(q{SELECT dynamodb_es_create_tables('contiguous')});

# Rows as "a0 b1 a?", where ? is the next version.
sub rows { return join ', ', map { my ($aggregate, $version) = /\A(\D)(\d+|\?)\z/; "('$aggregate', " . ($version eq '?' ? 'NULL' : $version) . ", '[]')" } split / /, $_[0] }
sub insert { my ($rows, $more, @rules) = @_; $fault->rules(@rules); return $session->try('INSERT INTO contiguous (aggregate_id, version, events) VALUES ' . rows($rows) . " $more") }
# What a statement asked for, puts aside: "GetItem a0 b1, 2 ids"; and whether every look came before the first id.
sub looks { return [ sort map { my $key = decode_json($_->{body})->{Key}; "$key->{aggregateId}{S}$key->{version}{N}" } grep { $_->{operation} eq 'GetItem' } $fault->events('request') ] }
sub ids { return scalar grep { $_->{operation} eq 'UpdateItem' } $fault->events('request') }
sub versions { my ($aggregate) = @_; return join ' ', sort { $a <=> $b } map { $_->{version}{N} } grep { $_->{aggregateId}{S} eq $aggregate } $plain->scan('commits') }

for my $case (
	[ 'first versions need no look', 'a0 b0', [] ],
	[ 'later ones need one for each aggregate', 'a1 a2 b1 a3', [qw(a0 b0)] ],
	[ 'in whatever order they are given', 'a6 a5 a4', [qw(a3)] ],
	[ 'the next version needs none', 'a? a? b?', [] ],
	[ 'a row behind the next version needs none', 'a? a10', [] ],
	[ 'a new aggregate in one statement', 'c1 c0 c2', [] ])
{
	my ($what, $rows, $looks) = @$case;
	my $result = insert($rows, '');
	is($result->{error}, undef, "$what: stored") or diag($result->{error}{detail});
	is_deeply(looks(), $looks, "$what: the looks");
	my @operations = $fault->operations;
	unlike("@operations", qr/UpdateItem.*(?:GetItem|Query)/, "$what: before an id is taken");
}
is(versions('a'), '0 1 2 3 4 5 6 7 8 9 10', 'all is there');

for my $case ([ 'a gap behind what is there', 'a12', 'a', 11 ], [ 'a gap in the statement', 'd0 d1 d3', 'd', 2 ], [ 'a new aggregate that does not begin at 0', 'd1', 'd', 0 ],
	[ 'a gap behind the next version', 'a? a13', 'a', 12 ], [ 'a gap in one of several aggregates', 'b? d0 a12', 'a', 11 ])
{
	my ($what, $rows, $aggregate, $before) = @$case;
	my ($head, $stored) = ($plain->head, scalar $plain->scan('commits'));
	for my $more ('', 'ON CONFLICT DO NOTHING', 'RETURNING commit_id')
	{
		next if $more =~ /RETURNING/ && $rows =~ / /;
		my $result = insert($rows, $more);
		is($result->{error}{sqlstate}, '23514', "$what $more: refused");
		like($result->{error}{detail}, qr/\AThere is no version $before before aggregate "$aggregate", version \d+\./, "$what $more: the detail names it");
		is($plain->head, $head, "$what $more: no id is taken");
	}
	is(scalar $plain->scan('commits'), $stored, "$what: nothing is stored");
}

# A version that exists is what it was.
is(insert('a10', '')->{error}{sqlstate}, '23505', 'a version that exists');
is(insert('a10 a11', 'ON CONFLICT DO NOTHING')->{tag}, 'INSERT 0 1', 'a version that exists, passed over');
is_deeply(looks(), [ $ENV{DYNAMODB_ENGINE} eq 'dynalite' ? 'a10' : (), 'a9' ], 'what follows it needs no look of its own');    # one asks whose the item is

# What the statement has stored it need not look for, however many batches there are; another statement has to.
$fault->rules;
is($session->try(q{INSERT INTO contiguous (aggregate_id, version, events) SELECT 'm' || n % 3, n / 3, '[]' FROM generate_series(0, 99) n})->{tag}, 'INSERT 0 100', 'many batches');
is_deeply(looks(), [], 'many batches: no look at all');
$fault->rules;
is($session->try(q{INSERT INTO contiguous (aggregate_id, version, events) SELECT 'm' || n % 3, n / 3, '[]' FROM generate_series(100, 159) n RETURNING version})->{error}, undef, 'one by one');
is_deeply(looks(), [qw(m033 m132 m232)], 'one by one: a look for each aggregate');
$fault->rules;
is($session->try(q{INSERT INTO contiguous (aggregate_id, version, events) SELECT 'wide' || n % 1100, n / 1100, '[]' FROM generate_series(0, 1149) n})->{tag}, 'INSERT 0 1150', 'more aggregates than are remembered');
cmp_ok(scalar @{ looks() }, '<=', 50, 'more aggregates than are remembered: what is forgotten is looked for');

# The look itself fails, and passes.
my $throttle = { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message => 'no' } };
is(insert('b3', '', { operation => 'GetItem', times => 1, answer => $throttle })->{error}, undef, 'a look that is throttled is sent again');
my $head = $plain->head;
my $result = insert('b4', '', { operation => 'GetItem', answer => { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#AccessDeniedException', message => 'no' } } });
is($result->{error}{sqlstate}, '42501', 'a look that is denied is an error');
is($plain->head, $head, 'and no id is taken');
$fault->rules({ name => 'held', operation => 'GetItem', before => 'stall' });
$session->send('INSERT INTO contiguous (aggregate_id, version, events) VALUES ' . rows('b4'));
$fault->wait_for(event => 'request', rule => 'held');
my $observer = Session->new($node);
$observer->query("SELECT pg_cancel_backend(@{[ $session->pid ]})");
is($session->result->{error}{sqlstate}, '57014', 'a look can be cancelled');
$fault->rules;

# Without the option nothing is looked at, and gaps are nobody's business.
$fault->rules;
is($session->try(q{INSERT INTO free (aggregate_id, version, events) VALUES ('free', 7, '[]')})->{error}, undef, 'without the option');
is_deeply(looks(), [], 'without the option: no look');

# An import.
$fault->rules;
is($session->try(q{INSERT INTO history SELECT 10000 + n, now(), 'h', n, '[]' FROM generate_series(0, 20) n})->{tag}, 'INSERT 0 21', 'an import');
is_deeply(looks(), [], 'an import: what it brings itself it need not look for');
is($session->try(q{INSERT INTO history VALUES (10100, now(), 'h', 22, '[]')})->{error}{sqlstate}, '23514', 'an import that leaves a version out');
$session->close;
$observer->close;
done_testing();
