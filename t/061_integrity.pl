# An answer that was damaged, cut, swollen or garbled on its way is never taken for what DynamoDB said: it is asked for again, or the statement fails; rows
# are neither lost nor made up. That holds for compressed answers as well.
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
my %table = (identity => 'plain', gzip => 'packed');
$session->create_table('plain', $fault->endpoint, max_attempts => 2, max_response_mb => 1);
$session->create_table('packed', $fault->endpoint, max_attempts => 2, max_response_mb => 1, accept_encoding => 'gzip');
$session->query(q{SELECT dynamodb_es_create_tables('plain')});
$session->query(q{INSERT INTO plain (aggregate_id, version, events) SELECT 'a', n, '["some text that can be made shorter"]' FROM generate_series(0, 99) n});

my $version = 100;
my $rows = join '|', 0 .. 99;
my %packs = (match => 'Accept-Encoding: gzip', gzip => JSON::PP::true);

# A session of its own for each: a client's quota of retries is then full.
sub outcome
{
	my ($sql, @rules) = @_;
	$fault->rules(@rules);
	my $own = Session->new($node);
	my $result = $own->try($sql);
	$own->close;
	return $result->{error}{sqlstate} if $result->{error};
	return join '|', map { $_->[0] } @{ $result->{rows} };
}
sub answer_of { my ($sql, @rules) = @_; return join ' ', outcome($sql, @rules), $fault->operations }
sub read_sql { return "SELECT version FROM $_[0] WHERE aggregate_id = 'a' AND version < 100 ORDER BY version" }
sub insert_sql { return "INSERT INTO $_[0] (aggregate_id, version, events) VALUES ('a', " . $version++ . ", '[]') RETURNING version" }
sub is_stored { my ($v) = @_; return exists $plain->call(GetItem => { TableName => 'commits', Key => { aggregateId => { S => 'a' }, version => { N => "$v" } }, ConsistentRead => JSON::PP::true })->{Item} ? 1 : 0 }

# What is asked for is what comes.
sub what_is_asked_for_is_what_comes
{
	is(answer_of(read_sql('plain'), { %packs, answer => { body => 'never' } }), "$rows Query", 'identity: nothing compressed is asked for');
	is(answer_of(read_sql('packed'), { name => 'packed', %packs }), "$rows Query", 'gzip: a read');
	is(($fault->events('request'))[0]{rule}, 'packed', 'was compressed');
	is(answer_of(insert_sql('packed'), \%packs), $version - 1 . ' UpdateItem PutItem', 'gzip: an append');
	is(answer_of(read_sql('packed')), "$rows Query", 'gzip: an answer that comes as it is');
	is(outcome(q{INSERT INTO packed (aggregate_id, version, events) VALUES ('a', 0, '[]')}, \%packs), '23505', 'gzip: errors are read, too');
	{
		my %received;
		for my $name (qw(plain packed))
		{
			$fault->rules(\%packs);
			my $own = Session->new($node);
			$own->query("SELECT * FROM $name");
			$received{$name} = $own->query('SELECT bytes_received FROM dynamodb_es_stats()');
			$own->close;
		}
		cmp_ok($received{packed} * 3, '<', $received{plain}, 'gzip: far fewer bytes are received');
	}
	return;
}

# Damage of every kind, once and each time, on reading, at the counter and at the put.
sub damage_is_noticed_everywhere
{
	my @damages = (
		[ 'plain', 'a bit in the middle is flipped', { flip => 10 } ], [ 'plain', 'the last bit is flipped', { flip => -1 } ],
		[ 'plain', 'the end is cut off, and the length says nothing of it', { cut => -1 } ], [ 'plain', 'the body is cut to nothing', { cut => 0 } ],
		[ 'plain', 'the connection breaks in the body', { bytes => -1, then => 'close' }, 'HV00N' ],
		[ 'plain', 'an encoding that nobody asked for', { headers => { 'content-encoding' => 'br' } } ],
		[ 'packed', 'a bit in the middle is flipped', { %packs, flip => 12 } ], [ 'packed', 'the end is cut off', { %packs, cut => -1 } ], [ 'packed', 'the body is cut to nothing', { %packs, cut => 0 } ],
		[ 'packed', 'a bit is flipped, and there is no checksum', { %packs, flip => -6, headers => { 'x-amz-crc32' => '' } } ],
		[ 'packed', 'the end is cut off, and there is no checksum', { %packs, cut => -1, headers => { 'x-amz-crc32' => '' } } ],
		[ 'packed', 'it is said to be compressed and is not', { headers => { 'content-encoding' => 'gzip' } } ]);
	for (@damages)
	{
		my ($name, $what, $rule, $sqlstate) = @$_;
		$sqlstate //= 'HV000';
		is(answer_of(read_sql($name), { %$rule, times => 1 }), "$rows Query Query", "$name, $what, once: the read is right");
		is(answer_of(read_sql($name), $rule), "$sqlstate Query Query", "$name, $what, each time: the read fails");
		is(answer_of(insert_sql($name), { %$rule, operation => 'UpdateItem', times => 1 }), $version - 1 . ' UpdateItem UpdateItem PutItem', "$name, $what, at the counter once: the append succeeds");
		is(answer_of(insert_sql($name), { %$rule, operation => 'UpdateItem' }), "$sqlstate UpdateItem UpdateItem", "$name, $what, at the counter each time: nothing is put");
		like(answer_of(insert_sql($name), { %$rule, operation => 'PutItem', times => 1 }), qr/\A@{[ $version - 1 ]} UpdateItem PutItem PutItem/, "$name, $what, at the put once: the append succeeds");
		is(is_stored($version - 1), 1, 'and the commit is there');
	}
	return;
}

# A damaged refusal is no refusal (dynalite sends a checksum with it; DynamoDB Local does not).
sub a_damaged_refusal_is_no_refusal
{
	if ($ENV{DYNAMODB_ENGINE} eq 'dynalite')
	{
		is(outcome(q{INSERT INTO plain (aggregate_id, version, events) VALUES ('a', 0, '[]')}, { operation => 'PutItem', times => 1, flip => 12 }), '23505', 'a damaged refusal is asked for again');
		is(outcome(q{INSERT INTO plain (aggregate_id, version, events) VALUES ('a', 0, '[]')}, { operation => 'PutItem', match => 'attribute_not_exists', flip => 12 }, { operation => 'GetItem', flip => 12 }), '08007', 'and decides nothing');
	}
	return;
}

# What became of the rest of a batch follows the words as a sentence of its own.
sub the_detail_is_made_of_sentences
{
	$fault->rules({ operation => 'UpdateItem', headers => { 'x-amz-crc32' => 1 } });
	my ($first, $second) = ($version++, $version++);
	like($session->try("INSERT INTO plain (aggregate_id, version, events) VALUES ('a', $first, '[]'), ('a', $second, '[]')")->{error}{detail}, qr/\AThe answer does not match its checksum\. Given up after 2 attempts\. Rows of the batch/, 'the DETAIL is made of sentences');
	$fault->rules({ operation => 'PutItem', headers => { 'x-amz-crc32' => 1 } }, { operation => 'GetItem', headers => { 'x-amz-crc32' => 1 } });
	like($session->try("INSERT INTO plain (aggregate_id, version, events) VALUES ('a', $first, '[]'), ('a', $second, '[]')")->{error}{detail}, qr/was lost: The answer does not match its checksum\. Given up after 2 attempts\. Rows of the batch/, 'also where a fate is unknown');
	return;
}

# Answers beyond max_response_mb, as they come or when they are unpacked.
sub answers_have_a_limit
{
	for ([ 'plain', 'an enormous answer', { padding => 3_000_000 } ], [ 'packed', 'an enormous answer', { padding => 3_000_000 } ], [ 'packed', 'a small one that is enormous when unpacked', { %packs, padding => 200_000_000 } ])
	{
		my ($name, $what, $rule) = @$_;
		is(answer_of(read_sql($name), $rule), 'HV000 Query', "$name, $what: the read fails, and is not tried again");
		is(answer_of(insert_sql($name), { %$rule, operation => 'UpdateItem' }), 'HV000 UpdateItem', "$name, $what at the counter: nothing is put");
		is(outcome(insert_sql($name), { %$rule, operation => 'PutItem', match => 'attribute_not_exists' }, { %$rule, operation => 'GetItem' }), '08007', "$name, $what at the put: the commit's fate is not known");
	}
	is(answer_of(read_sql('packed'), { %packs, padding => 900_000 }), "$rows Query", 'what is within the limit is read');
	$fault->rules({ padding => 3_000_000 });
	like($session->try(read_sql('plain'))->{error}{hint}, qr/max_response_mb/, 'the error says what to raise');
	return;
}

# JSON in form, and no answer of DynamoDB's in content: pages.
sub pages_that_are_none_are_errors
{
	my $item = '{"aggregateId": {"S": "a"}, "version": {"N": "5"}}';
	for my $page ('{}', '{"Items": null}', '{"Items": {}}', '{"Items": "a"}', '{"Items": 5}', '{"Items": [5]}', '{"Items": [[]]}', '{"Items": [null]}', qq({"Items": [$item, "x"], "Count": 2}),
		qq({"Items": [$item], "Count": 2}), qq({"Items": [$item], "Count": 0}), qq({"Items": [$item], "Count": -1}), qq({"Items": [$item], "Count": "1"}), qq({"Items": [$item], "Count": 1e999}),
		(map { qq({"Items": [], "Count": 0, "LastEvaluatedKey": $_}) } '"a"', '5', '[]', 'true'), 'null', '5', '"a"', '[]', '{"Items": []} {"Items": []}', '{"Items": [', "\xEF\xBB\xBF{}", '[' x 100_000)
	{
		my $name = length $page > 60 ? substr($page, 0, 60) . '...' : $page;
		is(outcome('SELECT version FROM plain', { operation => 'Scan', answer => { body => $page } }), 'HV000', "a page $name is an error");
		is(outcome('INSERT INTO plain (aggregate_id, events) VALUES (\'b\', \'[]\')', { operation => 'Query', answer => { body => $page } }), 'HV000', "a last version $name is an error")
		  if $page !~ /LastEval|Count|^\{"Items": \[[{]/;
	}
	for my $count ('{}', '{"Count": null}', '{"Count": -1}', '{"Count": 1.5}', '{"Count": "5"}', '{"Count": 1e30}', '{"Count": 1e999}', '{"Count": []}', '{"Count": 5, "LastEvaluatedKey": "a"}')
	{
		is(outcome(q{SELECT count(*) FROM plain WHERE aggregate_id = 'a'}, { operation => 'Query', answer => { body => $count } }), 'HV000', "a count $count is an error");
	}
	# Some say that there is no more in words of their own.
	for my $end ('{}', 'null')
	{
		is(outcome('SELECT version FROM plain', { operation => 'Scan', answer => { body => qq({"Items": [$item], "Count": 1, "LastEvaluatedKey": $end}) } }), '5', "a page without a key ($end) is the last");
		is(outcome(q{SELECT count(*) FROM plain WHERE aggregate_id = 'a'}, { operation => 'Query', answer => { body => qq({"Count": 5, "LastEvaluatedKey": $end}) } }), '5', "likewise where only a count is asked for");
	}
	my $key = '"LastEvaluatedKey": {"aggregateId": {"S": "a"}, "version": {"N": "5"}}';
	is(outcome('SELECT version FROM plain', { answer => { body => qq({"Items": [], $key}) } }), 'HV000', 'pages that never move on are an error');
	is(outcome('SELECT version FROM plain', { times => 1, answer => { body => qq({"Items": [$item], "Count": 1, "ConsumedCapacity": {"CapacityUnits": 1e999}, "ScannedCount": "x"}) } }), '5', 'what a page cost may be anything');
	return;
}

# The counter, and the functions.
sub counters_and_tables_that_are_none_are_errors
{
	for my $attributes ('{}', '{"Attributes": null}', '{"Attributes": []}', '{"Attributes": {"id": 7}}', '{"Attributes": {"id": {"N": 7}}}', '{"Attributes": {"id": {"N": "7", "S": "7"}}}', '{"Attributes": {"id": {"N": "-7"}}}')
	{
		is(answer_of(insert_sql('plain'), { operation => 'UpdateItem', answer => { body => $attributes } }), 'HV000 UpdateItem', "a counter $attributes is an error, and nothing is put");
	}
	is(answer_of(insert_sql('plain'), { operation => 'UpdateItem', answer => { body => '{"Attributes": {"id": {"N": "1E40"}}}' } }), '2200H UpdateItem', 'one beyond all commit ids is at its end');
	is(outcome(q{SELECT dynamodb_es_head('plain')}, { answer => { body => $_ } }), 'HV000', "a counter $_ is not one that is not there") for '{"Item": []}', '{"Item": "x"}', '{"Item": 5}';
	is(outcome(q{SELECT dynamodb_es_status('plain')}, { operation => 'DescribeTable', answer => { body => $_ } }), 'HV000', "a table $_ is not one that is not there")
	  for '{}', '{"Table": []}', '{"Table": {}}', '{"Table": {"TableStatus": 5}}';
	is(outcome(q{SELECT dynamodb_es_create_tables('plain')}, { operation => 'DescribeTable', answer => { body => '{}' } }), 'HV000', 'nor is it made anew');
	is(outcome(q{SELECT dynamodb_es_drop_tables('plain')}, { operation => 'Scan', answer => { body => $_ } }), 'HV000', "a list of counters $_: no table is dropped")
	  for '{}', '{"Items": {}}', '{"Items": [], "LastEvaluatedKey": "x"}';
	is(outcome('IMPORT FOREIGN SCHEMA dynamodb FROM SERVER plain_server INTO public', { operation => 'ListTables', answer => { body => $_ } }), 'HV000', "a list of tables $_ is an error, not an empty one")
	  for '{}', '{"TableNames": {}}', '{"TableNames": [5]}', '{"TableNames": ["commits"], "LastEvaluatedTableName": 5}';
	is(outcome('IMPORT FOREIGN SCHEMA dynamodb FROM SERVER plain_server INTO public', { operation => 'DescribeTable', answer => { body => '{}' } }), 'HV000', 'and a table without a description is one');
	return;
}

# A request that an error has left behind may be told of late.
sub all_commits_are_still_there
{
	$fault->finish;
	is(answer_of(read_sql('plain')), "$rows Query", 'all commits are still there');
	return;
}

what_is_asked_for_is_what_comes();
damage_is_noticed_everywhere();
a_damaged_refusal_is_no_refusal();
the_detail_is_made_of_sentences();
answers_have_a_limit();
pages_that_are_none_are_errors();
counters_and_tables_that_are_none_are_errors();
all_commits_are_still_there();

$session->close;
$fault->stop;
$node->stop;
done_testing();
