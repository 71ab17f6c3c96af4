# In a database that is not UTF-8, texts are converted on the way to DynamoDB and back, or refused; none is changed, and no message
# holds bytes of another encoding.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Encode;
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
my $admin = Session->new($node);
my $dynamodb = PlainDynamoDB->new($ENV{DYNAMODB_ENDPOINT}, 'AKIDEXAMPLE');
my $scripted = ScriptedEndpoint->new;

# [a text that the encoding has, in its bytes; characters that it lacks, or would not give back; bytes that are no text of it, or would
# come back as others].
my %encodings = (
	LATIN1 => [ "caf\xe9 \xfc\xdf", "\x{20ac}", undef ],
	WIN1252 => [ "\x80 caf\xe9", "\x{65e5}", undef ],
	SQL_ASCII => [ "caf\xc3\xa9 \xe6\x97\xa5", undef, "caf\xe9" ],
	EUC_JP => [ "\xc6\xfc\xcb\xdc", "\x{20ac}", "\xad\xf0" ],
);
# U+00A6 and U+FFE4 are one character in EUC_JP.
my %alike = (EUC_JP => [ "\x{a6}", "\x{ffe4}" ]);

sub utf8_of { my ($encoding, $bytes) = @_; return decode({ LATIN1 => 'iso-8859-1', WIN1252 => 'cp1252', SQL_ASCII => 'utf-8', EUC_JP => 'euc-jp' }->{$encoding}, $bytes) }
sub state_of { my ($result) = @_; return $result->{error} ? $result->{error}{sqlstate} : 'success' }
sub words_of { my ($result) = @_; return join ' ', map { $result->{error}{$_} // '' } qw(message detail hint) }

for my $encoding (sort keys %encodings)
{
	my ($text, $lacking, $refused) = @{ $encodings{$encoding} };
	my $name = lc $encoding;
	my $unicode = utf8_of($encoding, $text);
	$admin->query("CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	my $session = Session->new($node, database => $name);
	is($session->query('SHOW client_encoding'), $encoding, "$encoding: what is compared below are the database's own bytes");
	$session->create_table('commits', $ENV{DYNAMODB_ENDPOINT});
	$session->query("ALTER FOREIGN TABLE commits OPTIONS (commit_table '$name.commits', counter_table '$name.counters')");
	$session->query(qq(ALTER FOREIGN TABLE commits ADD note text, ADD "$text" text, ADD plain json, ADD tree jsonb));
	$session->query("ALTER FOREIGN TABLE commits OPTIONS (ADD counter '$text')");
	$session->query(q{SELECT dynamodb_es_create_tables('commits')});

	# Out: what another program reads is the same text.
	my $json = qq(["$text"]);
	$session->query(qq(INSERT INTO commits (aggregate_id, version, events, note, "$text", plain) VALUES ('$text', 0, '$json', '$text', '$text', '$json')));
	my ($item) = $dynamodb->scan("$name.commits");
	is_deeply({ map { ($_, $item->{$_}{S}) } 'aggregateId', 'events', 'note', 'plain', $unicode },
		{ aggregateId => $unicode, events => qq(["$unicode"]), note => $unicode, plain => qq(["$unicode"]), $unicode => $unicode },
		"$encoding: key, events, texts, JSON and an attribute's name are stored in UTF-8");

	is_deeply([ map { $_->{name}{S} } $dynamodb->scan("$name.counters") ], [ $unicode ], "$encoding: so is a counter's name");
	is($session->query(q{SELECT dynamodb_es_head('commits')}), 1, "$encoding: and the counter is found by it");
	$session->query("CREATE SCHEMA imported; IMPORT FOREIGN SCHEMA dynamodb LIMIT TO (\"$name.commits\") FROM SERVER commits_server INTO imported OPTIONS (counter_table '$name.counters', counter '$text')");
	is($session->query(qq(SELECT dynamodb_es_head('imported."$name.commits"'))), 1, "$encoding: also by what IMPORT FOREIGN SCHEMA has written");
	my $noticed = join ' ', map { $_->{message} } @{ $session->try("IMPORT FOREIGN SCHEMA dynamodb EXCEPT (\"$name.commits\") FROM SERVER commits_server INTO public OPTIONS (counter '$text')")->{notices} };
	like($noticed, qr/\Q$text\E|no commits table/, "$encoding: whose NOTICE names it");

	# And back, along every path, and by every way to say which.
	for my $where ("aggregate_id = '$text'", "aggregate_id = ANY ('{\"$text\",other}')", "aggregate_id = (SELECT '$text'::text)", 'commit_id > 0', 'version >= 0',
		"note = '$text'", qq("$text" = '$text'), "note LIKE '$text%'", "aggregate_id >= '$text'", "events ->> 0 = '$text'")
	{
		my ($row) = $session->query(qq(SELECT aggregate_id, events, note, "$text", plain, events ->> 0 FROM commits WHERE $where));
		is_deeply($row, [ $text, $json, $text, $text, $json, $text ], "$encoding: read by " . encode('ascii', decode('latin1', $where), Encode::FB_PERLQQ));
	}
	is($session->query("PREPARE one(text) AS SELECT version FROM commits WHERE aggregate_id = \$1 AND note = \$1; EXECUTE one('$text')"), 0, "$encoding: by a parameter");
	is(join('|', map { "@$_" } $session->query(qq(SELECT aggregate_id, count(*) FROM commits WHERE aggregate_id = '$text' GROUP BY aggregate_id))), "$text 1", "$encoding: counted");
	is($session->query("SELECT count(*) FROM (VALUES ('$text'), ('x')) v (id) JOIN commits ON aggregate_id = id"), 1, "$encoding: joined");
	unlike(join("\n", map { $_->[0] } $session->query(qq(EXPLAIN (VERBOSE) SELECT * FROM commits WHERE "$text" IS NOT NULL AND aggregate_id = '$text'))),
		qr/\xc3\x83|\xc3\x82/, "$encoding: EXPLAIN does not convert twice");
	like(join("\n", map { $_->[0] } $session->query(qq(EXPLAIN (VERBOSE) SELECT "$text" FROM commits WHERE aggregate_id = '$text'))),
		qr/Projection: \Q$text\E, aggregateId, version\n/, "$encoding: EXPLAIN VERBOSE shows what is fetched");
	like(join("\n", map { $_->[0] } $session->query(qq(EXPLAIN SELECT * FROM commits WHERE "$text" IS NOT NULL AND aggregate_id = '$text'))),
		qr/Filter[^\n]*: \Q$text\E IS NOT NULL/, "$encoding: EXPLAIN shows an attribute's name");

	# Messages.
	my $result = $session->try("INSERT INTO commits (aggregate_id, version, events) VALUES ('$text', 0, '[]')");
	is(state_of($result), '23505', "$encoding: a version exists");
	like(words_of($result), qr/aggregate "\Q$text\E", version 0/, "$encoding: its aggregate is named in the database's encoding");
	$dynamodb->put("$name.commits", { aggregateId => { S => "$unicode!" }, version => { N => '7' }, $unicode => { N => '1' } });
	$result = $session->try(qq(SELECT "$text" FROM commits WHERE version = 7));
	is(state_of($result), '22P02', "$encoding: a value is not of its column's type");
	like(words_of($result), qr/attribute "\Q$text\E" of aggregate "\Q$text!\E", version 7 /, "$encoding: so are attribute and aggregate");
	$result = $session->try(qq(CREATE FOREIGN TABLE twice (version bigint, "$text" text, other text OPTIONS (attribute '$text')) SERVER commits_server; SELECT * FROM twice));
	like(words_of($result), qr/stand for the same attribute "\Q$text\E"/, "$encoding: and an attribute that has two columns");

	# A character that the encoding lacks hides nothing but itself.
	if (defined $lacking)
	{
		$dynamodb->put("$name.commits", { aggregateId => { S => "$unicode$lacking" }, version => { N => '8' }, note => { S => "$lacking$unicode" }, plain => { S => qq(["$lacking"]) },
			tree => { M => { $lacking => { S => 'a' } } }, events => { S => qq(["\\u00e9", "$lacking"]) } });
		$dynamodb->put("$name.commits", { aggregateId => { S => 'escaped' }, version => { N => '9' }, events => { S => sprintf '["\u%04x"]', ord $lacking } });
		for my $column (qw(note aggregate_id plain tree events))
		{
			$result = $session->try("SELECT $column FROM commits WHERE version = 8");
			is(state_of($result), '22P05', "$encoding: $column with a character that the encoding lacks is an error");
			like(words_of($result), qr/attribute "\w+" of aggregate "\Q$text\E\?", version 8 /, "$encoding: $column: it is named, as far as it can be");
			unlike(words_of($result), qr/\Q${\encode('UTF-8', $lacking)}\E/, "$encoding: $column: the character itself is not shown");
		}
		is(state_of($session->try('SELECT events FROM commits WHERE version = 9')), '22P05', "$encoding: so is its escape in jsonb");
		is($session->query('SELECT sum(version) FROM commits WHERE version >= 0'), 24, "$encoding: other columns of these commits are read");
		is($session->query("SELECT version FROM commits WHERE version >= 0 AND aggregate_id = '$text!'"), 7, "$encoding: so are other commits");
	}

	# What cannot be stored so that it comes back is refused before anything is sent.
	if (defined $refused)
	{
		my $head = $session->query(q{SELECT dynamodb_es_head('commits')});
		for ("INSERT INTO commits (aggregate_id, version, events) VALUES ('$refused', 0, '[]')", "INSERT INTO commits (aggregate_id, version, events, note) VALUES ('x', 0, '[]', '$refused')",
			qq(INSERT INTO commits (aggregate_id, version, events) VALUES ('x', 0, '["$refused"]')), "SELECT version FROM commits WHERE aggregate_id = '$refused'")
		{
			like(state_of($session->try($_)), qr/\A(22021|22P05)\z/, "$encoding: bytes that would not come back are refused: " . (/\A(\w+)/)[0]);
		}
		is($session->query(q{SELECT dynamodb_es_head('commits')}), $head, "$encoding: and no id is taken for them");
	}
	if ($alike{$encoding})
	{
		$dynamodb->put("$name.commits", { aggregateId => { S => $_ }, version => { N => '10' } }) for @{ $alike{$encoding} };
		is($session->query('SELECT count(*) FROM commits WHERE version = 10'), 2, "$encoding: two characters that the encoding has one code for");
		is(state_of($session->try('SELECT aggregate_id FROM commits WHERE version = 10')), '22P05', "$encoding: they do not read as one aggregate");
	}

	# Limits count DynamoDB's bytes.
	my ($character) = $encoding eq 'EUC_JP' ? "\xc6\xfc" : $encoding eq 'SQL_ASCII' ? "\xc3\xa9" : "\xe9";
	my $fits = int(2048 / length encode('UTF-8', utf8_of($encoding, $character)));
	is($session->query("INSERT INTO commits (aggregate_id, version, events) VALUES (repeat('$character', $fits), 0, '[]') RETURNING length(aggregate_id)"),
		$fits * ($encoding eq 'SQL_ASCII' ? 2 : 1), "$encoding: the longest id is stored");
	is(state_of($session->try("INSERT INTO commits (aggregate_id, version, events) VALUES (repeat('$character', $fits + 1), 0, '[]')")), '54000', "$encoding: one character more is too long");

	# A name is shown as a whole, however long it is in UTF-8.
	my $long = $character x int(255 / length $character);
	$session->query("CREATE FOREIGN TABLE long (version bigint, named text OPTIONS (attribute '$long')) SERVER commits_server");
	like(join("\n", map { $_->[0] } $session->query('EXPLAIN (VERBOSE) SELECT named FROM long WHERE named IS NULL')), qr/Filter[^\n]*: $long IS NULL\n.*Projection: $long, /s, "$encoding: the longest name of an attribute is shown as a whole");

	# What DynamoDB says.
	$session->create_table('scripted', $scripted->endpoint, max_attempts => 1);
	my $words = $unicode . ($lacking // '');
	$scripted->answers('*' => { status => 400, body => encode_json({ __type => 'x#ValidationException', message => "says $words." }) });
	$result = $session->try('SELECT * FROM scripted');
	is($result->{error}{detail}, "ValidationException: says $text" . (defined $lacking ? '?' : '') . '.', "$encoding: DynamoDB's words are shown in the database's encoding");
	$scripted->answers(DescribeTable => [ ScriptedEndpoint::store_tables("is $words") ], Query => { body => '{"Items":[],"Count":0}' },
		GetItem => { body => '{"Item":{"name":{"S":"commits"},"id":{"N":"1"}}}' });
	is($session->query(q{SELECT commit_table_status FROM dynamodb_es_status('scripted')}), "is $text" . (defined $lacking ? '?' : ''), "$encoding: so is a table's status");

	# What steers a terminal is escaped in words of PostgreSQL's own too, which are in its encoding: there 0x9B is what U+009B is, or part of a character.
	$session->query('ALTER FOREIGN TABLE scripted ADD u uuid');
	my $control = $encoding =~ /LATIN1|ASCII/ ? "\x{9b}" : '';
	my %item = (aggregateId => { S => "$unicode\e$control" }, version => { N => '5' }, u => { S => "$unicode\e$control" });
	$scripted->answers('*' => { body => encode_json({ Items => [ \%item ], Count => 1, ScannedCount => 1 }) });
	$result = $session->try('SELECT u FROM scripted');
	my $escaped = $text . '\u001B' . ($control && '\u009B');
	is(() = words_of($result) =~ /\Q$escaped\E"/g, 2, "$encoding: what steers is escaped, and nothing else") or diag words_of($result);
	$session->close;
}
$admin->close;
done_testing();
