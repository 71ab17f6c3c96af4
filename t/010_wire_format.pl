# A store is shared with other programs: what an INSERT writes is exactly the format of dynamodb-event-store 1.x, and what others
# have written in that format is read in full, whatever else stands beside it.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
my $session = Session->new($node);
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');

$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
sub table_options { return "SERVER commits_server OPTIONS (commit_table '$_[0]', counter_table '$_[1]')" }

# The session speaks bytes, the test characters.
sub run { my ($sql) = @_; utf8::encode($sql); return $session->query($sql) }
sub rows
{
	my $text = join "\n", map { join '|', map { $_ // 'NULL' } @$_ } run(@_);
	utf8::decode($text);
	return $text;
}
sub error { my ($sql) = @_; utf8::encode($sql); return $session->try($sql)->{error} // {} }

# The item of a commit, whose time is checked apart where the clock gave it.
sub item { my ($table, $id, $version) = @_;
	return $dynamodb->call(GetItem => { TableName => $table, Key => { aggregateId => { S => $id }, version => { N => "$version" } } })->{Item} }
sub by_id { return [ sort { $a->{commitId}{N} <=> $b->{commitId}{N} } @_ ] }
sub take_time
{
	my ($item, $attribute) = @_;
	my $time = delete $item->{$attribute};
	return $time && join(' ', keys %$time) eq 'N' && $time->{N} =~ /\A[0-9]{13}\z/ && abs($time->{N} / 1000 - time) < 60;
}

sub schema { my ($of) = @_; return join ' ', map { "$_->{AttributeName} $_->{KeyType}" } @{ $of->{KeySchema} } }
sub written { my ($commit_id, $id, $version, $events) = @_; return { aggregateId => { S => $id }, version => { N => "$version" },
	commitId => { N => "$commit_id" }, committedAt => { N => 946684799999 + $commit_id . '' }, events => { S => $events }, active => { S => 't' } } }

# The tables that are made are those of 1.x, billed on demand.
sub the_tables_are_those_of_1_x
{
	$session->query(q{SELECT dynamodb_es_create_tables('commits')});
	my $commits = $dynamodb->call(DescribeTable => { TableName => 'commits' })->{Table};
	my $counters = $dynamodb->call(DescribeTable => { TableName => 'counters' })->{Table};
	my @indexes = @{ $commits->{GlobalSecondaryIndexes} };
	is(schema($commits), 'aggregateId HASH version RANGE', 'the commits table has the keys that other programs expect');
	is(schema($counters), 'name HASH', 'so has the counters table');
	is(join(' ', map { "$_->{IndexName}: " . schema($_) . " $_->{Projection}{ProjectionType}" } @indexes),
		'byId: active HASH commitId RANGE ALL', 'and the index');
	is(join(' ', sort map { "$_->{AttributeName} $_->{AttributeType}" } @{ $commits->{AttributeDefinitions} }),
		'active S aggregateId S commitId N version N', 'key attributes have the types that other programs expect');
	is($_->{BillingModeSummary}{BillingMode}, 'PAY_PER_REQUEST', "$_->{TableName} costs nothing while it is not used") for $commits, $counters;
	return;
}

# Plain appends write those items, no more and no less.
sub plain_appends_write_items_of_1_x
{
	run(<<'SQL');
INSERT INTO commits (aggregate_id, version, events) VALUES ('john', 0, '[ {"type": "opened", "n": 1.50, "deep": [[], {}, null, true, "é\u0041\"\\\n"]} ]')
SQL
	$session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('jane', 9223372036854775807, '[]')});
	$session->query(q{INSERT INTO commits (aggregate_id, version, events, committed_at) VALUES ('john', 1, '[1]', '1999-12-31 23:59:59.9999+00')});
	my @items = @{ by_id($dynamodb->scan('commits')) };
	ok(take_time($items[$_], 'committedAt'), "committedAt is the clock's, in ms: $_") for 0, 1;
	ok(take_time($items[2], 'appendedAt'), 'a commit whose time is given keeps when it was appended');
	is_deeply(\@items, [
		{ aggregateId => { S => 'john' }, version => { N => '0' }, commitId => { N => '1' }, active => { S => 't' },
			events => { S => '[{"n":1.50,"deep":[[],{},null,true,"éA\\"\\\\\\n"],"type":"opened"}]' } },
		{ aggregateId => { S => 'jane' }, version => { N => '9223372036854775807' }, commitId => { N => '2' }, active => { S => 't' }, events => { S => '[]' } },
		{ aggregateId => { S => 'john' }, version => { N => '1' }, commitId => { N => '3' }, active => { S => 't' }, events => { S => '[1]' },
			committedAt => { N => '946684799999' } },
	], 'the items of plain appends are those of 1.x');
	is_deeply([ $dynamodb->scan('counters') ], [ { name => { S => 'commits' }, id => { N => '3' } } ], 'so is the counter');
	return;
}

# json and text are stored byte for byte; extra columns in their types, and none where they are NULL.
sub documents_are_kept_and_columns_are_attributes
{
	$session->query('CREATE FOREIGN TABLE as_json (aggregate_id uuid, version int, events json) ' . table_options('commits', 'counters'));
	$session->query('CREATE FOREIGN TABLE as_text (aggregate_id varchar, version bigint, events text, committed_at bigint) ' . table_options('commits', 'counters'));
	my $odd = qq( [ {"b" : 1.0,\t"b":2, "a":"\\u00e9\\/\\ud83d\\ude00é"} ]\n );
	run("INSERT INTO as_json VALUES ('ABCDEF00-0000-0000-0000-000000000000', 0, '$odd'); INSERT INTO as_text VALUES ('text', 0, '$odd', -1)");
	is(item('commits', 'abcdef00-0000-0000-0000-000000000000', 0)->{events}{S}, $odd, 'json is stored byte for byte, a uuid in lower case');
	is(item('commits', 'text', 0)->{events}{S}, $odd, 'text is stored byte for byte');
	is_deeply(item('commits', 'text', 0)->{committedAt}, { N => '-1' }, 'a time before 1970 is a negative number');
	$session->query(<<'SQL' . table_options('commits', 'counters'));
CREATE FOREIGN TABLE extras (aggregate_id text, version bigint, events jsonb, t text, u uuid, i smallint, n numeric, f real, d double precision,
	b boolean, ts timestamptz, by bytea, j json, jb jsonb, "Odd Name" text, r text OPTIONS (attribute 'size'), none text)
SQL
	$session->query(<<'SQL');
INSERT INTO extras VALUES ('extra', 0, '[]', '', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', -7, 1e20, 0.1, 1e-7, false, '1969-12-31 23:59:59.9999+00',
	'\x00ff', ' {"a" : 1}', '{"a" : 1}', 'odd', 'reserved', NULL)
SQL
	my $extra = item('commits', 'extra', 0);
	delete @{$extra}{qw(committedAt commitId)};
	is_deeply($extra, {
		aggregateId => { S => 'extra' }, version => { N => '0' }, events => { S => '[]' }, active => { S => 't' },
		t => { S => '' }, u => { S => 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }, i => { N => '-7' }, n => { N => '100000000000000000000' },
		f => { N => '0.1' }, d => { N => '0.0000001' }, b => { BOOL => JSON::PP::false }, ts => { N => '-1' }, by => { B => 'AP8=' },
		j => { S => ' {"a" : 1}' }, jb => { S => '{"a":1}' }, 'Odd Name' => { S => 'odd' }, size => { S => 'reserved' },
	}, 'extra columns are attributes of the types that other programs expect');
	return;
}

# The example of dynamodb-event-store, written by a plain client, is read in full along every path.
sub a_store_of_others_is_read_and_appended_to
{
	my ($john, $jane) = map { $_ x 8 . '-' . join('-', ($_ x 4) x 3) . '-' . $_ x 12 } 0, 1;
	my @events = (
		'[{"type":"accountCreated","username":"john","email":"john@doe.com"},{"type":"profileEdited","name":"John Doe","company":"Doe, Inc."}]',
		'[{"type":"accountCreated","username":"jane","email":"jane@doe.com"},{"type":"profileEdited","name":"Jane Doe","company":"Doe, Inc."}]',
		'[{"type":"accountDeleted"}]');
	$dynamodb->create_store('theirs', 'theirCounters');
	$dynamodb->put('theirs', $_) for written(1, $john, 0, $events[0]), written(2, $jane, 0, $events[1]), written(3, $john, 1, $events[2]);
	$dynamodb->put('theirCounters', { name => { S => 'commits' }, id => { N => '3' } });
	$session->query('CREATE FOREIGN TABLE theirs (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events text) '
		. table_options('theirs', 'theirCounters'));
	my @rows = ("1|2000-01-01 00:00:00+00|$john|0|$events[0]", "2|2000-01-01 00:00:00.001+00|$jane|0|$events[1]", "3|2000-01-01 00:00:00.002+00|$john|1|$events[2]");
	$session->query(q{SET timezone = 'UTC'});
	is(rows("SELECT * FROM theirs WHERE commit_id >= 1 ORDER BY commit_id"), join("\n", @rows), 'a store written by others is read in full by commit id');
	is(rows("SELECT * FROM theirs WHERE aggregate_id = '$john' AND version >= 0 ORDER BY version"), "$rows[0]\n$rows[2]", 'and by aggregate');
	is(join("\n", sort split /\n/, rows('SELECT * FROM theirs')), join("\n", @rows), 'and by a scan');
	is(rows(q{SELECT dynamodb_es_head('theirs')}), 3, 'its counter is found');
	is(rows("INSERT INTO theirs (aggregate_id, version, events) VALUES ('$jane', 1, '[]') RETURNING commit_id"), 4, 'an append goes on from it');
	is(error("INSERT INTO theirs (aggregate_id, version, events) VALUES ('$john', 1, '[]')")->{sqlstate}, '23505', 'a version written by others is taken');
	return;
}

# What is odd in an item is an error where it is asked for, and hides nothing else.
sub what_is_odd_is_an_error_where_it_is_asked_for
{
	$dynamodb->create_store('mixed', 'mixedCounters');
	$dynamodb->put('mixed', $_) for
		written(1, 'm', 0, '["fine"]'),
		{ aggregateId => { S => 'm' }, version => { N => '1' } },
		{ %{ written(2, 'm', 2, '["untimed"]') }, committedAt => { S => 'yesterday' } },
		{ %{ written(3, 'm', 3, '[') } },
		{ %{ written(4, 'm', 4, '[]') }, events => { L => [ { M => { type => { S => "é\n" }, n => { N => '15' }, none => { NULL => JSON::PP::true } } }, { BOOL => JSON::PP::true } ] } },
		{ %{ written(5, 'm', 5, '[]') }, events => { SS => [ 'set' ] }, committedAt => { NULL => JSON::PP::true } },
		{ %{ written(6, 'm', 6, '[]') }, events => { B => 'AP8=' }, committedAt => { N => '1.5' } },
		{ %{ written(7, 'm', '7.5', '["half"]') } },
		{ %{ written(8, 'm', '99999999999999999999', '["beyond"]') } },
		{ %{ written(9, 'm', -1, '["negative"]') } };
	$session->query('CREATE FOREIGN TABLE mixed (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) '
		. table_options('mixed', 'mixedCounters'));
	is(rows(q{SELECT count(*) FROM mixed}), 10, 'all are counted');
	is(rows(q{SELECT count(*) FROM mixed WHERE commit_id > 0}), 9, 'all that are in the index are counted there');
	is(rows(q{SELECT version, events FROM mixed WHERE aggregate_id = 'm' AND version BETWEEN -5 AND 2 ORDER BY version}),
		qq(-1|["negative"]\n0|["fine"]\n1|NULL\n2|["untimed"]), 'what an item lacks is NULL');
	is(rows(q{SELECT events FROM mixed WHERE aggregate_id = 'm' AND version = 4}), '[{"n": 15, "none": null, "type": "é\n"}, true]',
		'events as a list of maps are read as JSON');
	is(rows(q{SELECT commit_id, events FROM mixed WHERE commit_id IN (7, 8) AND commit_id > 6 ORDER BY 1}), qq(7|["half"]\n8|["beyond"]),
		'a commit with a version that is no bigint is read without its version');
	for ([ 'committed_at', 'version = 2', '22P02', 'committedAt', 2 ], [ 'events', 'version = 3', '22P02', 'events', 3 ],
		[ 'events', 'version = 5', '22P02', 'events', 5 ], [ 'events', 'version = 6', '22P02', 'events', 6 ],
		[ 'committed_at', 'version = 6', '22P02', 'committedAt', 6 ], [ 'version', 'commit_id = 7', '22P02', 'version', '7.5' ],
		[ 'version', 'commit_id = 8', '22003', 'version', '99999999999999999999' ])
	{
		my ($column, $where, $sqlstate, $attribute, $version) = @$_;
		my $error = error("SELECT $column FROM mixed WHERE $where" . ($where =~ /version/ ? q{ AND aggregate_id = 'm'} : ''));
		is($error->{sqlstate}, $sqlstate, "$column where $where is an error");
		is($error->{message}, qq(attribute "$attribute" of aggregate "m", version $version cannot be read as column "$column" of foreign table "mixed"),
			'it says where it stands');
	}
	return;
}

# U+0000 and halves of surrogate pairs: DynamoDB stores them, PostgreSQL cannot. DynamoDB Local stores no such halves.
sub text_that_postgresql_cannot_hold_hides_nothing_else
{
	my @unreadable = (['\u0000', 'U+0000'], ['\ud800', 'half of a surrogate pair'], ['\udc00\ud800', 'halves in the wrong order']);
	$#unreadable = 0 if $ENV{DYNAMODB_ENGINE} eq 'local';
	for (@unreadable)
	{
		my ($escape, $name) = @$_;
		my $key = '"aggregateId": {"S": "odd"}, "version": {"N": "0"}';
		$dynamodb->raw(PutItem => qq({"TableName": "mixed", "Item": {$key, "commitId": {"N": "20"}, "active": {"S": "t"}, "committedAt": {"N": "0"},
			"events": {"S": "[\\"a${escape}b\\"]"}}}));
		my $kept = $dynamodb->raw(GetItem => qq({"TableName": "mixed", "Key": {$key}}));
		like($kept, qr/a(\\u0000|\\ud800|\\udc00\\ud800|\0|\xed)/, "the engine keeps $name");
		my $error = error(q{SELECT events FROM mixed WHERE aggregate_id = 'odd'});
		is("$error->{sqlstate} $error->{message}", '22P05 attribute "events" of aggregate "odd", version 0 cannot be read as column "events" of foreign table "mixed"',
			"$name is an error that says where it stands");
		is(rows(q{SELECT version, commit_id, committed_at FROM mixed WHERE aggregate_id = 'odd'}), '0|20|1970-01-01 00:00:00+00', 'the rest of the commit is read');
		is(rows(q{SELECT events FROM mixed WHERE aggregate_id = 'm' AND version = 0}), '["fine"]', 'so are the others');
	}
	$dynamodb->raw(PutItem => '{"TableName": "mixed", "Item": {"aggregateId": {"S": "id\u0000"}, "version": {"N": "0"}, "commitId": {"N": "21"},
		"active": {"S": "t"}, "committedAt": {"N": "0"}, "events": {"S": "[]"}}}');
	is(rows(q{SELECT version, events FROM mixed WHERE commit_id = 21}), '0|[]', 'an aggregate id that cannot be shown does not hide its commit');
	is(error(q{SELECT aggregate_id FROM mixed WHERE commit_id = 21})->{sqlstate}, '22P05', 'it is an error where it is asked for');
	return;
}

the_tables_are_those_of_1_x();
plain_appends_write_items_of_1_x();
documents_are_kept_and_columns_are_attributes();
a_store_of_others_is_read_and_appended_to();
what_is_odd_is_an_error_where_it_is_asked_for();
text_that_postgresql_cannot_hold_hides_nothing_else();

$session->close;
done_testing();
