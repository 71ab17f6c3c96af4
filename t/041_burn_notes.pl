# A reader that follows the commit ids must not wait for one that never comes: every id up to the counter is stored, or noted as burned in the counter
# table, one item for each run, unless a fault has swallowed the answer that would tell.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Fault;
use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $fault = Fault->new($ENV{DYNAMODB_ENDPOINT});
my $plain = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $session = Session->new($node);
my $other = Session->new($node);
$other->create_table('direct', $ENV{DYNAMODB_ENDPOINT});
$other->create_table('faulty', $fault->endpoint, max_attempts => 2, max_connections => 1);
$other->query(<<SQL);
CREATE FOREIGN TABLE hasty (aggregate_id text, version bigint, events jsonb) SERVER faulty_server OPTIONS (append_deadline_ms '1000');
CREATE FOREIGN TABLE silent (aggregate_id text, version bigint, events jsonb) SERVER faulty_server OPTIONS (burn_notes 'false');
SQL
$other->create_table('batches', $fault->endpoint, max_attempts => 2, batch_size => 3, request_timeout_ms => 3_600_000);
$other->query(q{SELECT dynamodb_es_create_tables('direct')});

my %lost;           # ids that are neither stored nor noted, and why

sub counters { return map { ($_->{name}{S}, $_) } $plain->scan('counters') }
sub version_id { my ($aggregate, $version) = @_;
	return $plain->call(GetItem => { TableName => 'commits', Key => { aggregateId => { S => $aggregate }, version => { N => "$version" } } })->{Item}{commitId}{N} }

# Runs a statement; the SQLSTATE or command tag, the ids that it has taken, and the notes that it has left, as [ its first id less the head before, how many ].
sub notes_of
{
	my ($sql, @rules) = @_;
	my %before = counters();
	my $head = $plain->head;
	$fault->rules(@rules);
	my $result = $session->try($sql);
	$fault->release;
	$fault->finish;
	my %after = counters();
	my @notes;
	for my $name (keys %after)
	{
		next if $before{$name} || $name eq 'commits';
		my ($first) = $name =~ /\Acommits#burned#([1-9]\d*)\z/ or die "a strange item \"$name\" in the counter table";
		is_deeply($after{$name}, { name => { S => $name }, n => { N => $after{$name}{n}{N} } }, "the note \"$name\" says no more than it should");
		push @notes, [ $first - $head, $after{$name}{n}{N} ];
	}
	return { said => $result->{error} ? $result->{error}{sqlstate} : $result->{tag}, ids => $plain->head - $head, head => $head,
		notes => join ' ', map { "$_->[0]+$_->[1]" } sort { $a->[0] <=> $b->[0] } @notes };
}

sub is_noted
{
	my ($name, $said, $ids, $notes, $got) = @_;
	is("$got->{said}, $got->{ids} ids, burned: $got->{notes}", "$said, $ids ids, burned: $notes", $name);
	return;
}

sub insert { my ($rows, $more, $table) = @_; return 'INSERT INTO ' . ($table // 'faulty') . " (aggregate_id, version, events) SELECT a, v, '[]' FROM (VALUES $rows) r (a, v) " . ($more // '') }

is_noted('nothing is noted of what is stored', 'INSERT 0 3', 3, '', notes_of(insert(q{('a', 0), ('a', 1), ('b', 0)})));
is_noted('a refused commit', '23505', 1, '1+1', notes_of(insert(q{('a', 0)})));
is_noted('one that is passed over', 'INSERT 0 0', 1, '1+1', notes_of(insert(q{('a', 0)}, 'ON CONFLICT DO NOTHING')));
is_noted('two runs of one batch', 'INSERT 0 2', 5, '1+2 4+1', notes_of(insert(q{('a', 0), ('a', 1), ('c', 0), ('b', 0), ('d', 0)}, 'ON CONFLICT DO NOTHING')));
is_noted('a refused commit, and those of its batch that were not sent', '23505', 5, '3+3', notes_of(insert(q{('e', 0), ('e', 1), ('a', 0), ('f', 0), ('f', 1)})));
is_noted('rows that are never sent take no id', 'INSERT 0 1', 1, '', notes_of(insert(q{('g', 0), ('g', 0)}, 'ON CONFLICT DO NOTHING')));
is_noted('a row that can be no commit', '22023', 0, '', notes_of(insert(q{('a', 0), ('a', -1)})));
is_noted('one row after the other', '23505', 2, '2+1', notes_of(insert(q{('h', 0), ('a', 0)}, 'RETURNING version')));
is_noted('no note, where there shall be none', '23505', 1, '', notes_of(insert(q{('a', 0)}, '', 'silent')));
$lost{ $plain->head } = 'silent';

# What DynamoDB refuses for another reason is refused for certain too.
my $refusal = { status => 400, body => { __type => 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message => 'no' } };
is_noted('a put that is throttled to the end', '53400', 2, '1+2', notes_of(insert(q{('i', 0), ('i', 1)}), { operation => 'PutItem', match => 'attribute_not_exists', answer => $refusal }));

# What may be stored all the same is no such thing, also where it is not.
is_noted('a put of unknown fate, and those after it', '08007', 3, '2+2', notes_of(insert(q{('j', 0), ('j', 1), ('k', 0)}), { operation => 'PutItem', match => 'attribute_not_exists', before => 'close' }));
$lost{ $plain->head - 2 } = 'unknown';
is_noted('one that was stored', '08007', 3, '2+2', notes_of(insert(q{('l', 0), ('l', 1), ('m', 0)}), { operation => 'PutItem', match => 'attribute_not_exists', after => 'close' }, { operation => 'GetItem', before => 'close' }));
is(version_id('l', 0), $plain->head - 2, 'and is there');

# A note is a courtesy: the statement ends as it would, and does not say otherwise, where it cannot be written.
is_noted('a note that cannot be written', '23505', 1, '', notes_of(insert(q{('a', 0)}), { operation => 'PutItem', match => '#burned#', before => 'close' }));
$lost{ $plain->head } = 'unwritten';
is_noted('one whose answer is lost', '23505', 1, '1+1', notes_of(insert(q{('a', 0)}), { operation => 'PutItem', match => '#burned#', times => 1, after => 'close' }));

# Next versions that others take meanwhile: the ids of before are burned, and the fresh ones rise with the versions.
{
	my ($head, @ids, %counter);
	$other->query(insert(q{('n', 0)}, '', 'direct'));
	$head = $plain->head;
	$fault->rules({ operation => 'PutItem', times => 1, before => 'stall' });
	$session->send(insert(q{('n', NULL::bigint), ('n', NULL), ('n', 7), ('n', NULL)}));
	$fault->wait_for(operation => 'PutItem');
	$other->query(insert(q{('n', 1), ('n', 2)}, '', 'direct'));
	$fault->release;
	is($session->result->{tag}, 'INSERT 0 4', 'next versions that others have taken: all rows are stored');
	@ids = map { version_id('n', $_) } 0 .. 4, 7, 8;
	is("@ids", join(' ', map { $head + $_ } 0, 5, 6, 7, 8, 9, 10), 'behind those of the others, and the ids rise with the versions');
	%counter = counters();
	is($counter{'commits#burned#' . ($head + 1)}{n}{N}, 4, 'the ids that were taken first are noted in one item');
}

# Ids that have grown too old are not used any more.
{
	my ($head, %counter, @ids);
	$head = $plain->head;
	$fault->rules({ operation => 'PutItem', times => 1, before => 1500 });
	is($session->try(insert(q{('o', 0), ('o', 1), ('o', 2)}, '', 'hasty'))->{tag}, 'INSERT 0 3', 'ids that grow too old in the middle of a batch: all rows are stored');
	@ids = map { version_id('o', $_) } 0 .. 2;
	is("@ids", join(' ', map { $head + $_ } 1, 4, 5), 'the later ones under fresh ids');
	%counter = counters();
	is($counter{'commits#burned#' . ($head + 2)}{n}{N}, 2, 'the old ids are noted');
}

# So it is where a put is throttled and may be sent again only when its id has grown too old: not before that, and no more often than otherwise.
{
	my %slow_down = (operation => 'PutItem', match => 'attribute_not_exists', answer => { %$refusal, headers => { 'x-amz-retry-after' => 1500 } });
	for ([ 'one aggregate', q{('r', 0), ('r', 1)}, 'INSERT 0 2', 4 ], [ 'two aggregates', q{('s', 0), ('s', 1), ('t', 0)}, 'INSERT 0 3', 5 ])
	{
		my ($name, $rows, $said, $ids) = @$_;
		is_noted("throttled near the deadline, $name", $said, $ids, '1+2', notes_of(insert($rows, '', 'hasty'), { %slow_down, times => 1 }));
	}
	is_noted('throttled near the deadline, each time', '53400', 2, '1+2', notes_of(insert(q{('u', 0)}, '', 'hasty'), \%slow_down));
	my @requests = $fault->events('request');
	my @puts = map { $_->{at} } grep { $_->{operation} eq 'PutItem' } @requests;
	is(join(' ', map { $_->{operation} } @requests), 'UpdateItem PutItem UpdateItem PutItem PutItem', 'it is put as often as max_attempts says, and its ids are noted');
	cmp_ok($puts[1] - $puts[0], '>=', 1495, 'after the pause that was asked for');
	$fault->rules;
}

# The ids of the next batch are on their way when a row of this one is refused.
{
	my $rows = join ', ', map { "('z', $_)" } 0 .. 8;
	$session->query(insert(q{('z', 5)}));
	is_noted('a refused commit, and a batch that was to follow', '23505', 9, '6+4',
		notes_of(insert($rows, '', 'batches'), { operation => 'UpdateItem', skip => 2, times => 1, late => 300 }));
	$session->query(insert(q{('zz', 5)}));
	is_noted('the same where they have come before', '23505', 9, '6+4',
		notes_of(insert($rows =~ s/'z'/'zz'/gr, '', 'batches'), { operation => 'PutItem', skip => 5, times => 1, after => 300 }));
	is(join(' ', map { version_id('z', $_) - version_id('z', 0) } 1 .. 4), '1 2 3 4', 'the commits before it are stored');
}

# They may never come; the error does not wait for them.
{
	my $head = $plain->head;
	$session->query(insert(q{('never', 1)}));
	$fault->rules({ operation => 'UpdateItem', skip => 1, times => 1, before => 'stall' });
	my $result = $session->try(insert(join(', ', map { "('never', $_)" } 0 .. 2) . q{, ('ever', 0)}, '', 'batches'));
	is($result->{error}{sqlstate}, '23505', 'the ids of the next batch never come: the error does');
	$fault->release;
	$fault->finish;
	$lost{$_} = 'given up' for $head + 5 .. $plain->head;
}

# Nor does it wait for a version that nobody needs any more; and nothing waits for notes that are not answered.
{
	$session->query(q{SET statement_timeout = '10s'});
	my $empty = { body => '{"Items":[],"Count":0,"ScannedCount":0}' };
	is_noted('a next version that another row makes needless: the error comes', '23505', 2, '1+2', notes_of(insert(q{('n', NULL::bigint), ('a', 0)}, '', 'batches'),
		{ operation => 'Query', times => 1, answer => $empty }, { operation => 'Query', before => 'stall' }, { operation => 'PutItem', match => '"a"', times => 1, before => 500 }));
	for ([ '23505', '' ], [ 'INSERT 0 0', 'ON CONFLICT DO NOTHING' ])
	{
		my ($said, $more) = @$_;
		is_noted("a note that is not answered, after $said", $said, 1, '', notes_of(insert(q{('a', 0)}, $more, 'batches'), { operation => 'PutItem', match => '#burned#', before => 'stall' }));
		$lost{ $plain->head } = 'given up';
	}
	$session->query('RESET statement_timeout');
}

# COPY, too, takes the ids of a batch at once.
{
	$fault->rules;
	my $file = PostgreSQL::Test::Utils::tempdir . '/lines';
	append_to_file($file, join '', map { "p\t$_\t[]\n" } 0 .. 4);
	is($session->try("COPY faulty (aggregate_id, version, events) FROM '$file'")->{tag}, 'COPY 5', 'COPY');
	is(join(' ', $fault->operations), 'UpdateItem' . ' PutItem' x 5, 'takes one request for the ids, and one for each row');
	is_noted('a COPY that is refused', '23505', 5, '1+5', notes_of("COPY faulty (aggregate_id, version, events) FROM '$file'"));
}

# A cancel leaves what was on its way in doubt.
{
	my $head = $plain->head;
	$fault->rules({ operation => 'PutItem', skip => 1, times => 1, before => 'stall' });
	$session->send(insert(q{('q', 0), ('q', 1), ('q', 2)}));
	$fault->wait_for(operation => 'PutItem') for 1 .. 2;
	$other->query('SELECT pg_cancel_backend(' . $session->pid . ')');
	my $error = $session->result->{error};
	is($error->{sqlstate}, '57014', 'a cancelled batch');
	is($error->{detail}, 'Rows of the batch that are stored: 1; not stored: 1; unknown: 1. The first one not known to be stored: aggregate "q", version 1.', 'says what became of its rows');
	$fault->release;
	$fault->finish;
	@lost{ $head + 2, $head + 3 } = ('cancelled') x 2;
}

# The last ids that there can be.
{
	$plain->create_store('last_commits', 'last_counters');
	$plain->put('last_counters', { name => { S => 'commits' }, id => { N => '9223372036854775805' } });
	$other->query(q{CREATE FOREIGN TABLE last (aggregate_id text, version bigint, events jsonb) SERVER direct_server OPTIONS (commit_table 'last_commits', counter_table 'last_counters')});
	is($other->try(insert(q{('a', 0), ('b', 0)}, '', 'last'))->{tag}, 'INSERT 0 2', 'ids up to the last one');
	isnt($other->try(insert(q{('c', 0)}, '', 'last'))->{error}, undef, 'there is none behind it');
	is(join(' ', sort map { $_->{commitId}{N} } $plain->scan('last_commits')), '9223372036854775806 9223372036854775807', 'they are stored');
}

# All in all.
{
	my %use;
	push @{ $use{ $_->{commitId}{N} } }, 'stored' for $plain->scan('commits');
	push @{ $use{$_} }, 'burned' for $plain->burned;
	push @{ $use{$_} }, $lost{$_} for keys %lost;
	is_deeply([ grep { @{ $use{$_} // [] } != 1 } 1 .. $plain->head ], [], 'each id is stored, noted, or accounted for, and only one of these');
	is_deeply([ grep { $_ > $plain->head } keys %use ], [], 'and there are no others');
}

$fault->stop;
$node->stop;
done_testing();
