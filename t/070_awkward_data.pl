# Items that other writers have left, of every awkward kind: each shows what it holds, or is an error that names it; none of them
# hides another, whatever the path, and wherever a page ends.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use JSON::PP;
use PlainDynamoDB;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScriptedEndpoint;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
$session->query(q{ALTER FOREIGN TABLE commits ADD note text, ADD amount numeric, ADD total bigint, ADD paid boolean, ADD data bytea, ADD tree json, ADD branches jsonb});
$session->query(q{SELECT dynamodb_es_create_tables('commits')});

my $big = '[' . join(',', map { qq({"n":$_,"filler":") . 'x' x 3900 . '"}' } 1 .. 98) . ']';       # 390 KB, and the rest of the item
my $digits = '12345678901234567890123456789012345678';
# As deep as DynamoDB goes: 32 levels.
my ($deep, $deep_json) = ('{"N": "1"}', '1');
for (1 .. 31) { $deep = $_ % 2 ? qq({"L": [$deep]}) : qq({"M": {"a": $deep}}); $deep_json = $_ % 2 ? "[$deep_json]" : qq({"a":$deep_json}) }
my $deep_text = '[' x 100_000 . ']' x 100_000;

# [what it is, its attributes as JSON ('-events': without that one), the column asked for, what that shows (/…/: an error's SQLSTATE)].
my @awkward = (
	[ 'the character U+0000', '"note": {"S": "a\u0000b"}', note => '/22P05' ],
	[ 'U+0000 in events, as JSON writes it', '"events": {"S": "[\"\\\\u0000\"]"}', events => '/22P05' ],
	[ 'a text of every other kind', '"note": {"S": "\u0001\t\n\"\\\\\u007f\ud83d\ude00\uffff"}', note => "\x01\t\n\"\\\x7f\xf0\x9f\x98\x80\xef\xbf\xbf" ],
	[ 'events of nearly 400 KB', '"events": {"S": ' . encode_json_text($big) . '}', 'length(events::text)' => length($big) + 98 * 4 - 1 ],
	[ 'a number of 38 digits', qq("amount": {"N": "$digits"}), amount => $digits ],
	[ 'a negative one with a point', qq("amount": {"N": "-0.$digits"}), amount => "-0.$digits" ],
	[ 'the largest number', '"amount": {"N": "9.9999999999999999999999999999999999999E+125"}', amount => '9' x 38 . '0' x 88 ],
	[ 'the smallest number', '"amount": {"N": "1E-130"}', amount => '0.' . '0' x 129 . '1' ],
	[ 'a number too large for its column', qq("total": {"N": "$digits"}), total => '/22003' ],
	[ 'a fraction in a column of integers', '"total": {"N": "1.5"}', total => '/22P02' ],
	[ 'no events', '-events', events => undef ],
	[ 'NULL for events', '"events": {"NULL": true}', events => undef ],
	[ 'a number for events', '"events": {"N": "1"}', events => '/22P02' ],
	[ 'a list for events', '"events": {"L": [{"S": "a"}, {"N": "1"}]}', events => '["a", 1]' ],
	[ 'events that are no JSON', '"events": {"S": "[1"}', events => '/22P02' ],
	[ 'events nested deeper than PostgreSQL goes', qq("events": {"S": "$deep_text"}), events => '/22P02' ],
	[ 'no time', '-committedAt', committed_at => undef ],
	[ 'a text for the time', '"committedAt": {"S": "today"}', committed_at => '/22P02' ],
	[ 'a time that no timestamp reaches', qq("committedAt": {"N": "$digits"}), committed_at => '/22003' ],
	[ 'a boolean for a text', '"note": {"BOOL": true}', note => '/22P02' ],
	[ 'binary for a text', '"note": {"B": "AAEC"}', note => '/22P02' ],
	[ 'a set for a text', '"note": {"SS": ["a", "b"]}', note => '/22P02' ],
	[ 'a text for a boolean', '"paid": {"S": "true"}', paid => '/22P02' ],
	[ 'a text for a number', '"amount": {"S": "1"}', amount => '/22P02' ],
	[ 'a text for binary', '"data": {"S": "AAEC"}', data => '/22P02' ],
	[ 'binary', '"data": {"B": "AAECAP8="}', data => '\x00010200ff' ],
	[ 'nesting to the limit', qq("tree": $deep), tree => $deep_json ],
	[ 'nesting to the limit, in jsonb', qq("branches": $deep), q{replace(branches::text, ' ', '')} => $deep_json ],
	[ 'a number of 38 digits deep inside', qq("tree": {"M": {"n": {"N": "$digits"}}}), tree => qq({"n":$digits}) ],
	[ 'sets inside', '"branches": {"M": {"s": {"SS": ["b"]}, "n": {"NS": ["2.5"]}, "b": {"BS": ["AAE="]}}}', q{branches ->> 's' || (branches ->> 'n') || (branches ->> 'b')} => '["b"][2.5]["AAE="]' ],
	[ 'U+0000 deep inside', '"tree": {"L": [{"M": {"a": {"S": "\u0000"}}}]}', tree => '/22P05' ],
	[ 'U+0000 in a name', '"tree": {"M": {"a\u0000": {"S": ""}}}', tree => '/22P05' ],
	[ 'a number where a tree is expected', '"tree": {"N": "1"}', tree => '/22P02' ],
);
# Lone surrogates: dynalite keeps them, DynamoDB Local does not.
push @awkward, map { ([ "$_->[0]: a lone surrogate", $_->[1], $_->[2] => '/22P05' ]) } [ 'a text', '"note": {"S": "a\ud800b"}', 'note' ],
	[ 'a tree', '"tree": {"L": [{"S": "\udc00"}]}', 'tree' ] if $ENV{DYNAMODB_ENGINE} eq 'dynalite';

sub encode_json_text { return JSON::PP->new->utf8->allow_nonref->encode($_[0]) }

my $id = 0;
sub put_item
{
	my ($key, $attributes, $commit_id) = @_;
	my %usual = (events => '"events": {"S": "[]"}', committedAt => '"committedAt": {"N": "946684800000"}');
	delete $usual{$1} if $attributes =~ s/\A-(\w+)\z// || $attributes =~ /\A"(\w+)"/;
	$commit_id //= ++$id;
	my $indexed = $commit_id eq 'none' ? '' : qq(, "commitId": {"N": "$commit_id"}, "active": {"S": "t"});
	$dynamodb->raw(PutItem => qq({"TableName": "commits", "Item": {) . join(', ', $key . $indexed, values %usual, $attributes eq '' ? () : $attributes) . '}}');
	return;
}
sub key { my ($aggregate, $version) = @_; return qq("aggregateId": {"S": "$aggregate"}, "version": {"N": "$version"}) }

# A good commit before, between and behind them.
for my $n (0 .. $#awkward)
{
	put_item(key('awkward', 2 * $n), '"note": {"S": "good"}');
	put_item(key('awkward', 2 * $n + 1), $awkward[$n][1]);
}
put_item(key('awkward', 2 * @awkward), '"note": {"S": "good"}');
my $good = @awkward + 1;
my $all = 2 * @awkward + 1;

for my $n (0 .. $#awkward)
{
	my ($what, undef, $column, $expected) = @{ $awkward[$n] };
	my $version = 2 * $n + 1;
	my $result = $session->try("SELECT $column FROM commits WHERE aggregate_id = 'awkward' AND version = $version");
	if (($expected // '') =~ m{\A/(\w+)})
	{
		is($result->{error}{sqlstate} // 'success', $1, "$what: an error, $1");
		like($result->{error}{message} // '', qr/\Aattribute "\w+" of aggregate "awkward", version $version cannot be read as column "$column" of foreign table "commits"\z/, "$what: it is named");
	}
	else
	{
		is($result->{rows}[0] ? $result->{rows}[0][0] : $result->{error}{message} // 'no row', $expected, "$what is shown");
	}
	my @others = $session->query("SELECT commit_id FROM commits WHERE aggregate_id = 'awkward' AND version BETWEEN " . ($version - 1) . ' AND ' . ($version + 1) . ' ORDER BY version');
	is(join(' ', map { $_->[0] } @others), join(' ', map { $version + $_ } 0 .. 2), "$what: a query that does not ask for it reads it and its neighbours");
}

# Along every path all of them are there.
for ([ aggregate => q{aggregate_id = 'awkward'} ], [ index => 'commit_id > 0' ], [ table => 'version >= 0' ])
{
	my ($path, $where) = @$_;
	is($session->query("SELECT count(*) FROM commits WHERE $where"), $all, "$path: all are counted");
	is($session->query("SELECT count(version) FROM commits WHERE $where"), $all, "$path: all are read");
	# The first page, and so the first key to go on from, ends at each of the items in turn.
	my @lost = grep { $_ > 0 } map { my $limit = $_; my @rows = $session->query("SELECT version FROM commits WHERE $where AND note = 'good' LIMIT $limit"); ($limit < $good ? $limit : $good) - @rows } 1 .. $all;
	is("@lost", '', "$path: a page that ends at one of them is followed by the next");
}

# Keys.
my $long = "\xc3\xa9" x 1023 . 'ab';
my @keys = (
	[ 'an id with U+0000', 'a\u0000b', undef, 'a?b' ], [ 'an id that is nothing else', '\u0000', undef, '?' ], [ 'an id of 2 KB', $long, $long, substr $long, 0, 200 ],
	[ 'an id with quotes, a line feed and a backslash', '\"\'\n\\\\', "\"'\n\\", q("'\u000A\\) ], [ 'an id that looks like NULL', 'NULL', 'NULL', 'NULL' ],
	$ENV{DYNAMODB_ENGINE} eq 'dynalite' ? [ 'an id with a lone surrogate', 'a\udfffb', undef, 'a?b' ] : ());
for (@keys)
{
	my ($what, $json, $bytes, $named) = @$_;
	put_item(key($json, $_), '"total": {"S": "none"}') for 0 .. 2;
	my $last = $id;
	my $where = 'commit_id BETWEEN ' . ($last - 2) . " AND $last";
	my @rows = $session->query("SELECT version FROM commits WHERE $where");
	is(scalar @rows, 3, "$what: its commits are read");
	my $result = $session->try("SELECT aggregate_id FROM commits WHERE $where");
	if (defined $bytes)
	{
		is($result->{rows}[0][0], $bytes, "$what is shown");
		(my $quoted = $bytes) =~ s/'/''/g;
		is($session->query("SELECT count(events) FROM commits WHERE aggregate_id = '$quoted' AND version > 0"), 2, "$what: it can be asked for");
		is($session->query("INSERT INTO commits (aggregate_id, events) VALUES ('$quoted', '[]') RETURNING version"), 3, "$what: it can be appended to");
		$result = $session->try("INSERT INTO commits (aggregate_id, version, events) VALUES ('$quoted', 3, '[]')");
		is($result->{error}{sqlstate}, '23505', "$what: and its versions are unique");
	}
	else
	{
		is($result->{error}{sqlstate}, '22P05', "$what: an error where it is asked for");
	}
	$result = $session->try("SELECT total FROM commits WHERE $where");
	like($result->{error}{message}, qr/ of aggregate "\Q$named\E", version \d /, "$what: named in messages, as far as it can be shown");
}
my $scanned = $all + 3 * @keys + scalar(grep { defined $_->[2] } @keys);
is($session->query('SELECT count(version) FROM commits WHERE version >= 0'), $scanned, 'a scan goes past such keys');

# Three of these make a page, so that each page begins behind a key that cannot be shown.
my $first_large = $id + 1;
put_item(key("large\\u0000$_", 0), '"filler": {"S": "' . 'x' x 350_000 . '"}') for 1 .. 12;
is($session->query('SELECT count(version) FROM commits WHERE version >= 0'), $scanned + 12, 'a scan goes on behind a key with U+0000, and neither loses nor repeats a commit');
is($session->query("SELECT count(version) FROM commits WHERE commit_id >= $first_large"), 12, 'so does a read of the index');

# Versions and commit ids that are no integers, or larger than any, and items that are not in the index.
put_item(key('strange', $_), '') for 0, 0.5, 1, "1E37", $digits;
put_item(key('fraction', 0.5), '');
put_item(key('below', -5), '');
is($session->query(q{SELECT version FROM commits WHERE aggregate_id = 'strange' AND version = 1}), 1, 'a version beside one that is no integer is read');
is($session->query(q{SELECT version FROM commits WHERE aggregate_id = 'strange' AND version > 0 AND version < 5}), 1, 'bounds of a range are integers');
is($session->query(q{SELECT count(events) FROM commits WHERE aggregate_id = 'strange'}), 5, 'versions that are no integers hide nothing');
like($session->try(q{SELECT version FROM commits WHERE aggregate_id = 'strange'})->{error}{message}, qr/of aggregate "strange", version 0\.5 /, 'and are named');
is($session->query(q{SELECT version FROM commits WHERE aggregate_id = 'strange' AND version < 5 ORDER BY version LIMIT 1}), 0, 'rows before one can be had');
for ([ 'strange', '[1-9]\d{36,37}|1E\+?37' ], [ 'fraction', '0\.5' ])
{
	my ($aggregate, $last) = @$_;
	my $error = $session->try("INSERT INTO commits (aggregate_id, events) VALUES ('$aggregate', '[]')")->{error};
	is($error->{sqlstate}, '22P02', "$aggregate: there is no next version after one that is none");
	is($error->{message}, qq(the last version of aggregate "$aggregate" in foreign table "commits" cannot be read), 'the message says of what');
	like($error->{detail}, qr/\AIt is (?:$last), and no bigint\.\z/, 'and the detail which');
}
is($session->query(q{INSERT INTO commits (aggregate_id, events) VALUES ('below', '[]') RETURNING version}), 0, 'the version after one below 0 is the first');
is($session->query(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('strange', 2, '[]') RETURNING version}), 2, 'but any that is given');
put_item(key('ids', 0), '', 'none');
put_item(key('ids', 1), '', "$_") for '1000000.5';
put_item(key('ids', 2), '', '2000000');
is($session->query(q{SELECT count(*) FROM commits WHERE aggregate_id = 'ids'}), 3, 'an item without a commit id, or with one that is no integer, is there');
is($session->query(q{SELECT commit_id FROM commits WHERE aggregate_id = 'ids' AND version = 0}), undef, 'the first shows none');
is($session->try(q{SELECT commit_id FROM commits WHERE aggregate_id = 'ids' AND version = 1})->{error}{sqlstate}, '22P02', 'the second is an error');
is(join(' ', map { $_->[0] } $session->query('SELECT commit_id FROM commits WHERE commit_id > 1000000 AND commit_id <> 1000001 AND version = 2 ORDER BY commit_id')), '2000000', 'and hides none behind it');

# What no DynamoDB says, but something in its place may.
my $endpoint = ScriptedEndpoint->new;
$session->create_table('scripted', $endpoint->endpoint, max_attempts => 1);
$session->query(q{ALTER FOREIGN TABLE scripted ADD tree json OPTIONS (attribute 'tree')});
sub item { my ($version, $attributes) = @_; return qq({"aggregateId": {"S": "a"}, "version": {"N": "$version"}$attributes}) }
sub page { my @items = @_; return { body => '{"Items": [' . join(',', @items) . '], "Count": ' . @items . ', "ScannedCount": ' . @items . '}' } }
sub tree { my ($depth) = @_; return ', "tree": ' . '{"L":[' x $depth . '{"N":"1"}' . ']}' x $depth }
sub outcome { my ($sql, $page) = @_; $endpoint->answers(Query => $page, Scan => $page); return $session->try($sql) }
my @good = (item(0, ''), item(2, ''));
for ([ 'nesting beyond the limit', item(1, tree(400)), '[' x 400 . 1 . ']' x 400 ], [ 'a value of two types', item(1, ', "tree": {"S": "1", "N": "1"}'), '/22P02' ],
	[ 'a value of a type that is unknown', item(1, ', "tree": {"X": "1"}'), '/22P02' ], [ 'a value that is none', item(1, ', "tree": 7'), '/22P02' ],
	[ 'an object without a type', item(1, ', "tree": {}'), '/22P02' ], [ 'a map with a value that is none', item(1, ', "tree": {"M": {"a": {"N": 1}}}'), '/22P05' ],
	[ 'a number that is none', item(1, ', "tree": {"L": [{"N": "NaN"}]}'), '/22P05' ], [ 'one attribute twice', item(1, ', "tree": {"S": "1"}, "tree": {"S": "2"}'), 1 ])
{
	my ($what, $item, $expected) = @$_;
	my $page = page($good[0], $item, $good[1]);
	is(join(' ', map { $_->[0] } @{ outcome('SELECT version FROM scripted', $page)->{rows} }), '0 1 2', "$what hides no other item");
	my $result = outcome('SELECT tree FROM scripted WHERE version = 1', page($item));
	is($expected =~ m{\A/} ? '/' . ($result->{error}{sqlstate} // '') : $result->{rows}[0][0], $expected, "$what: " . ($expected =~ m{\A/} ? 'an error' : 'it is shown'));
}
for ([ 'bytes that are not UTF-8', page($good[0], item(1, qq(, "tree": {"S": "caf\xe9"}))) ], [ 'an overlong form', page(item(1, qq(, "tree": {"S": "\xc0\x80"}))) ],
	[ 'a surrogate in UTF-8', page(item(1, qq(, "tree": {"S": "\xed\xa0\x80"}))) ], [ 'nesting without end', page(item(1, tree(100_000))) ], [ 'items that are no objects', page(7) ],
	[ 'an item that is NULL', page($good[0], 'null') ], [ 'an item that is an array', page('[]') ], [ 'a byte 0', page(item(1, qq(, "tree": {"S": "\0"}))) ])
{
	my ($what, $page) = @$_;
	my $result = outcome('SELECT version FROM scripted', $page);
	is($result->{error}{sqlstate} // 'success', 'HV000', "$what: no answer of DynamoDB's");
	unlike(join(' ', values %{ $result->{error} // {} }), qr/caf|[^\x20-\x7e\n]/, "$what: and not repeated");
}
is(scalar @{ outcome('SELECT version FROM scripted', page(@good))->{rows} }, 2, 'the session goes on');

$session->close;
done_testing();
