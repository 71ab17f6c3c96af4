# A counter that went back, as after a restore, gives out ids that commits have. An INSERT that meets such a commit in its version does not take it for
# its own: its own is only what is equal in all that it has put. That holds for every way in which it gets to see the item.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use LostAnswers;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $store = LostAnswers->new;
my ($node, $fault, $plain, $admin) = ($store->node, $store->fault, $store->plain, $store->admin);
my $dynalite = $ENV{DYNAMODB_ENGINE} eq 'dynalite';
$admin->query(q{SELECT dynamodb_es_create_tables('direct')});

sub counter { my ($id) = @_; $plain->put('counters', { name => { S => 'commits' }, id => { N => "$id" } }); return }

# Another's commit.
sub evil
{
	my ($aggregate, $version, $id, %other) = @_;
	$plain->put('commits', { aggregateId => { S => $aggregate }, version => { N => "$version" }, commitId => { N => "$id" }, committedAt => { N => '1' },
		events => { S => '["evil"]' }, active => { S => 't' }, %other });
	return;
}

sub stored { my ($aggregate) = @_; return map { "$_->{version}{N}:$_->{commitId}{N}:$_->{events}{S}" }
	sort { $a->{version}{N} <=> $b->{version}{N} } grep { $_->{aggregateId}{S} eq $aggregate } $plain->scan('commits') }

my $case = 0;

# An INSERT of version 0 under these rules, whose id another's commit has in that version.
sub refused
{
	my ($name, $more, @rules) = @_;
	my $aggregate = 'case ' . ++$case;
	my $id = 10 * $case;
	counter($id - 1);
	evil($aggregate, 0, $id);
	my $result = $store->insert("VALUES ('$aggregate', 0, '[\"mine\"]') $more", @rules);
	my $error = $result->{error} // {};
	is($error->{sqlstate}, 'XX001', "$name: it is an error of its own") or diag explain $result;
	like($error->{message} // '', qr/commit id was given out twice/, "$name: it says what happened");
	like($error->{detail} // '', qr/aggregate "$aggregate", version 0\b.* commit id $id\b/, "$name: and to which commit");
	like($error->{hint} // '', qr/dynamodb_es_check/, "$name: and what to do");
	is_deeply([ stored($aggregate) ], [ "0:$id:[\"evil\"]" ], "$name: the other commit stands");
	is_deeply([ $plain->burned ], [], "$name: its id is not noted as burned");
	return;
}
my @lost = ({ operation => 'PutItem', match => 'attribute_not_exists', before => 'reset' });
refused('a plain INSERT', '');
refused('one that passes over conflicts', 'ON CONFLICT DO NOTHING');
refused('one whose answers are all lost', '', @lost);
refused('one whose answers are all lost, and that passes over conflicts', 'ON CONFLICT DO NOTHING', @lost);
refused('one whose first answer is lost', '', { operation => 'PutItem', match => 'attribute_not_exists', times => 1, before => 'reset' });

# Of a batch no later row of the aggregate is sent; none of its ids is noted as burned, for these may be others' as well.
{
	counter(1000);
	evil('batch', 1, 1002);
	evil('elsewhere', 7, 1003);
	my $result = $admin->try(q{INSERT INTO direct (aggregate_id, version, events) SELECT 'batch', n, '["mine"]' FROM generate_series(0, 4) n});
	is($result->{error}{sqlstate}, 'XX001', 'a batch: the error');
	like($result->{error}{detail}, qr/that are stored: 1; not stored: 4; unknown: 0\./, 'a batch: it says what became of its rows');
	is_deeply([ stored('batch') ], [ '0:1001:["mine"]', '1:1002:["evil"]' ], 'a batch: no row is in behind the one that is not');
	is_deeply([ $plain->burned ], [], 'a batch: none of its ids is noted as burned');
	counter(2000);
}

# Rows that are known by their tokens still are.
{
	$admin->query(q{CREATE FOREIGN TABLE tokens (commit_id bigint, aggregate_id text, version bigint, events jsonb, token text)
		SERVER direct_server OPTIONS (append_token 'token')});
	evil('token', 0, 2001, token => { S => 'same' });
	is($admin->query(q{INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('token', 0, '["mine"]', 'same') RETURNING commit_id}), 2001,
		'a row with the token of the commit is that');
	is_deeply([ $plain->burned ], [], 'and its id, which that has, is not noted as burned');
	counter(2000);
	is($admin->try(q{INSERT INTO tokens (aggregate_id, version, events, token) VALUES ('token', 0, '["mine"]', 'other')})->{error}{sqlstate}, 'XX001',
		'one with another token is not');
	counter(3000);
}

# Whatever an item holds, a put that arrives twice knows its own.
{
	my @columns = ('t text', 'u uuid', 'i integer', 'n numeric', 'f double precision', 'r real', 'b boolean', 'x bytea', 'ts timestamptz', 'j jsonb');
	$admin->query('CREATE FOREIGN TABLE types (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events json, ' . join(', ', @columns) . ') SERVER faulty_server');
	my @rows = (
		[ 'text', q{'[ "spaced",  1.50 ]', 'é \" \\ 😀' || chr(1) || chr(127), NULL, 0, 1.50, 0.1, 0.1, true, '\x00ff', '1969-12-31 23:59:59.9999+00', '{"a": 1.0}'} ],
		[ 'nothing', q{'[]', '', NULL, NULL, NULL, NULL, NULL, NULL, '\x', NULL, 'null'} ],
		[ 'extremes', q{'[]', repeat('x', 1000), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', -2147483648, 99999999999999999999999999999999999999, -0.0, 1e-30, false, decode(repeat('00', 3000), 'hex'), '9999-12-31', '[]'} ],
		[ 'small numbers', q{'[]', 'x', NULL, 1, 1e-130, 1e-120, 3.4e38, false, '\x01', '2000-01-01', '1'} ],
		[ 'large numbers', q{'[]', 'x', NULL, 1, 9.9e125, 1.7e120, -3.4e38, false, '\x0102', '2000-01-01', '1'} ],
		[ 'many bytes', q{('["' || repeat('x', 380000) || '"]')::json, 'x', NULL, 1, 1, 1, 1, false, '\x0102', '2000-01-01', '1'} ],
	);
	for my $given ('', '1999-12-31 23:59:59.9999+00')
	{
		for my $fault_rule ({ again => 0 }, { times => 1, after => 'close' })
		{
			for (@rows)
			{
				my ($what, $values) = @$_;
				my $name = "$what, " . ($given ? 'at a given time' : 'now') . ", " . ($fault_rule->{after} // "doubled");
				$case++;
				my $columns = join ', ', map { (split / /)[0] } @columns;
				$fault->rules({ operation => 'PutItem', %$fault_rule });
				my $result = $admin->try('INSERT INTO types (aggregate_id, version, ' . ($given ? 'committed_at, ' : '') . "events, $columns) VALUES ('types $case', 0"
					. ($given ? ", '$given'" : '') . ", $values) RETURNING commit_id");
				is($result->{error}, undef, "$name: a commit does not conflict with itself") or diag explain $result->{error};
				$fault->finish;
			}
		}
	}
	$fault->rules;
}

# In dense mode, whose ids are predicted, a commit in the version is no proof; a counter that has not reached its id is.
# (dynalite has no transactions.)
if (!$dynalite)
{
	$admin->query(q{ALTER FOREIGN TABLE direct OPTIONS (ADD append_mode 'dense')});
	my $head = 5000;
	for (q{VALUES ('dense', 0, '["mine"]')}, q{VALUES ('dense', 0, '["mine"]'), ('dense', 1, '["mine"]')}, q{VALUES ('dense', 0, '["mine"]') ON CONFLICT DO NOTHING})
	{
		counter($head);
		evil('dense', 0, $head + 1);
		my $session = Session->new($node);
		my $error = $session->try("INSERT INTO direct (aggregate_id, version, events) $_")->{error} // {};
		is($error->{sqlstate}, 'XX001', "dense, $_: an error of its own");
		like($error->{hint} // '', qr/dynamodb_es_check/, "dense, $_: it says what to do");
		is($plain->head, $head, "dense, $_: the counter stays");
		is_deeply([ stored('dense') ], [ '0:' . ($head + 1) . ':["evil"]' ], "dense, $_: the other commit stands");
		$session->close;
		$head += 10;
	}
	counter($head);
	my $session = Session->new($node);
	is($session->try(q{INSERT INTO direct (aggregate_id, version, events) VALUES ('dense', 0, '["mine"]')})->{error}{sqlstate}, '23505',
		'dense: under an id that the counter has passed it is a version that exists');
	$session->close;
}

$node->stop;
done_testing();
