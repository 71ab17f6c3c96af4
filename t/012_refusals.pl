# When DynamoDB, or something in front of it, refuses a request, the error says what it is, an append is never said to be refused
# where it may have been stored, and no credential shows in a message or in the server's log.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use Encode qw(decode_utf8);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScriptedEndpoint;
use Session;
use Test::More;

my ($secret, $token) = ('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'IQoJb3JpZ2luX2VjEXAMPLE' . '0123456789abcdefABCDEF/+' x 20 . '==');
my $endpoint = ScriptedEndpoint->new;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $session = Session->new($node);
# One attempt: what is said of an answer is the same after the first and after the last, and t/040_lost_answers.pl has the retries.
$session->create_table('commits', $endpoint->endpoint, max_attempts => 1);
$session->query("ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (SET secret_access_key '$secret', ADD session_token '$token')");
$session->close;

# The log from here on shows everything, and no statement that sets an option.
my $log_start = -s $node->logfile;
$node->append_conf('postgresql.conf', "log_min_messages = debug5\nlog_error_verbosity = verbose");
$node->restart;
$log_start = -s $node->logfile;
$session = Session->new($node);
$session->query('SET client_min_messages = debug5');
my @shown;                       # all that the client was told

# Runs a statement; its error, or what it returned.
sub outcome
{
	my ($sql, %answers) = @_;
	$endpoint->answers(%answers);
	my $result = $session->try($sql);
	push @shown, map { values %$_ } @{ $result->{notices} }, $result->{error} // {};
	return $result;
}
my %insert = (counter => { body => '{"Attributes": {"id": {"N": "7"}}}' });
sub insert { my (%answers) = @_; return outcome(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 5, '[]') RETURNING commit_id},
	UpdateItem => $insert{counter}, %answers) }
sub aws_error { my ($type, $message, $status) = @_; return { status => $status // 400, body => encode_json({ __type => $type, message => $message }) } }

# The requests carry the token, signed, so that the test of what shows is one.
outcome('SELECT * FROM commits', Scan => { body => '{"Items": [], "Count": 0, "ScannedCount": 0}' });
my ($request) = $endpoint->answers;
my ($signature) = $request->{headers} =~ /Signature=([0-9a-f]{64})/;
like($request->{headers}, qr/^X-Amz-Security-Token: \Q$token\E\r$/m, 'a session token goes with the request');
like($request->{headers}, qr/SignedHeaders=[^,]*\bx-amz-security-token\b/, 'it is signed');
unlike($request->{headers}, qr/\Q$secret\E/, 'the secret key does not go with it');

# DynamoDB's own words for each refusal; a real endpoint repeats to the caller what it was sent.
my $canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:127.0.0.1\nx-amz-security-token:$token\n\nhost\n$signature";
my @refusals = (
	[ 'an unknown key', '28000', aws_error('com.amazonaws.dynamodb.v20120810#UnrecognizedClientException', 'The security token included in the request is invalid.') ],
	[ 'a wrong secret', '28000', aws_error('com.amazon.coral.service#InvalidSignatureException', 'The request signature we calculated does not match the signature '
		. "you provided. Check your AWS Secret Access Key and signing method.\n\nThe Canonical String for this request should have been\n'$canonical'\n\n"
		. "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20000101T000000Z\n$signature'") ],
	[ 'a mangled header', '28000', aws_error('com.amazon.coral.service#IncompleteSignatureException', "'$token' not a valid key=value pair (missing equal-sign) "
		. "in Authorization header: 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20000101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=$signature'.") ],
	[ 'a header that is repeated', '28000', aws_error('com.amazon.coral.service#IncompleteSignatureException', "Authorization header requires "
		. "existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Signature=$signature") ],
	[ 'an expired token', '28000', aws_error('com.amazon.coral.service#ExpiredTokenException', "The security token included in the request is expired: $token") ],
	[ 'a clock that is wrong', '28000', aws_error('com.amazon.coral.service#InvalidSignatureException', 'Signature expired: 20000101T000000Z is now earlier than 20000101T001000Z') ],
	[ 'no credentials', '28000', aws_error('com.amazon.coral.service#MissingAuthenticationTokenException', 'Request is missing Authentication Token') ],
	[ 'a right that is missing', '42501', aws_error('com.amazon.coral.service#AccessDeniedException',
		'User: arn:aws:iam::123456789012:user/app is not authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:us-east-1:123456789012:table/commits') ],
	[ 'a table at its limit', '53400', aws_error('com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', 'The level of configured provisioned throughput for the table was exceeded.') ],
	[ 'an account at its limit', '53400', aws_error('com.amazonaws.dynamodb.v20120810#RequestLimitExceeded', 'Throughput exceeds the current throughput limit for your account.') ],
	[ 'throttling', '53400', aws_error('com.amazon.coral.availability#ThrottlingException', 'Rate of requests exceeds the allowed throughput.') ],
	[ 'a missing table', 'HV00R', aws_error('com.amazonaws.dynamodb.v20120810#ResourceNotFoundException', 'Requested resource not found') ],
	[ 'an invalid request', 'HV000', aws_error('com.amazon.coral.validate#ValidationException', 'One or more parameter values were invalid') ],
	[ 'an operation that is unknown', 'HV000', aws_error('com.amazon.coral.service#UnknownOperationException', undef) ],
	[ 'a code that is new', 'HV000', aws_error('com.amazonaws.dynamodb.v20120810#BrandNewException', "words \x{1F600} of any kind") ],
);
my @nonsense = (
	[ 'an internal error', aws_error('com.amazonaws.dynamodb.v20120810#InternalServerError', 'The request processing has failed', 500) ],
	[ 'an unavailable service', aws_error('com.amazonaws.dynamodb.v20120810#ServiceUnavailable', 'Service is unavailable', 503) ],
	[ 'an HTML page of a proxy', { status => 502, type => 'text/html', body => "<html>Bad Gateway $token $signature</html>" } ],
	[ 'an HTML page that looks like success', { status => 200, type => 'text/html', body => "<html>Log in, $token</html>" } ],
	[ 'an empty answer', { status => 200, body => '' } ],
	[ 'JSON that is no answer', { status => 200, body => '[1]' } ],
	[ 'JSON that is cut', { status => 200, body => '{"Items": [' } ],
	[ 'a checksum that does not match', { status => 200, body => '{"Items": []}', headers => [ 'x-amz-crc32: 1' ] } ],
	[ 'a redirect', { status => 302, body => '', headers => [ 'Location: http://127.0.0.1:1/' ] } ],
);
my @lost = (
	[ 'a connection that closes without an answer', { close => JSON::PP::true } ],
	[ 'an answer that ends too soon', { status => 200, body => '{"Items": [], "Count": 0, "Filler": "' . 'x' x 1000 . '"}', cut => 500 } ],
);

sub sqlstate { my ($result) = @_; return $result->{error} ? $result->{error}{sqlstate} : 'success' }
sub operations { return join ' ', map { $_->{operation} } $endpoint->answers }

for (@refusals)
{
	my ($name, $sqlstate, $answer) = @$_;
	is(sqlstate(outcome(q{SELECT * FROM commits WHERE aggregate_id = 'a'}, Query => $answer)), $sqlstate, "$name: $sqlstate on reading");
	is(sqlstate(insert(UpdateItem => $answer)), $sqlstate, "$name: $sqlstate at the counter");
	is(operations(), 'UpdateItem', "$name: nothing is put then");
	is(sqlstate(insert(PutItem => $answer)), $sqlstate, "$name: $sqlstate at the put");
	is(sqlstate(outcome(q{SELECT dynamodb_es_head('commits')}, GetItem => $answer)), $sqlstate, "$name: $sqlstate from a function");
}
my $taken = aws_error('com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', 'The conditional request failed');
my %item_of = map { ($_ => { body => qq({"Item": {"aggregateId": {"S": "a"}, "version": {"N": "5"}, "commitId": {"N": "$_"}}}) }) } 3, 7;
is(sqlstate(insert(PutItem => $taken, GetItem => $item_of{3})), '23505', 'only a failed condition is a taken version');
is(operations(), 'UpdateItem PutItem GetItem PutItem', 'after a look at whose it is; its id is noted as burned');
is(sqlstate(insert(PutItem => $taken, GetItem => $item_of{7})), 'XX001', "with the commit's own id, and not what was put: the id was given out twice");
is(operations(), 'UpdateItem PutItem GetItem', 'and then it is not noted as burned');
is(sqlstate(insert(PutItem => $taken, GetItem => { body => '{}' })), '08007', 'nothing is known where the item is not there');
is(sqlstate(insert(PutItem => $taken, GetItem => aws_error('com.amazon.coral.service#AccessDeniedException', 'not authorized'))), '08007', 'nor where it cannot be looked at');
for (@nonsense, @lost)
{
	my ($name, $answer) = @$_;
	my $expected = (grep { $_->[0] eq $name } @lost) ? 'HV00N' : 'HV000';
	is(sqlstate(outcome(q{SELECT * FROM commits}, Scan => $answer)), $expected, "$name: $expected on reading");
	is(sqlstate(insert(UpdateItem => $answer)), $expected, "$name: $expected at the counter");
	is(operations(), 'UpdateItem', "$name: nothing is put then");
	my $result = insert(PutItem => $answer);
	is(sqlstate($result), '08007', "$name: at the put the commit's fate is unknown");
	like($result->{error}{detail} // '', qr/aggregate "a", version 5, commit id 7\b/, "$name: it says which commit's");
	is(sqlstate(outcome(q{INSERT INTO commits (aggregate_id, version, events) VALUES ('a', 5, '[]') ON CONFLICT DO NOTHING},
		UpdateItem => $insert{counter}, PutItem => $answer)), '08007', "$name: ON CONFLICT DO NOTHING does not pass over it");
}

# Answers that are DynamoDB's in form, and not in content.
for ([ 'no id', '{"Attributes": {}}' ], [ 'an id that is no number', '{"Attributes": {"id": {"S": "7"}}}' ], [ 'an id that is no integer', '{"Attributes": {"id": {"N": "7.5"}}}' ],
	[ 'an id below 1', '{"Attributes": {"id": {"N": "0"}}}' ], [ 'an empty object', '{}' ])
{
	is(sqlstate(insert(UpdateItem => { body => $_->[1] })), 'HV000', "$_->[0] from the counter: an error");
	is(operations(), 'UpdateItem', "$_->[0] from the counter: nothing is put");
}
# A counter at its end.
for my $value ('9223372036854775808', '1E38')
{
	my $beyond = qq({"id": {"N": "$value"}});
	my $result = insert(UpdateItem => { body => qq({"Attributes": $beyond}) });
	is(sqlstate($result), '2200H', "a counter at $value: there is no commit id left");
	like("$result->{error}{message} $result->{error}{detail}", qr/no more commit ids .*beyond 9223372036854775807/, "a counter at $value: and the error says so");
	is(operations(), 'UpdateItem', "a counter at $value: nothing is put");
	is(sqlstate(outcome(q{SELECT dynamodb_es_head('commits')}, GetItem => { body => qq({"Item": $beyond}) })), '2200H', "a counter at $value: a function says so, too");
}
for ([ 'no items', '{}' ], [ 'items that are none', '{"Items": {}}' ], [ 'a last key that is none', '{"Items": [], "LastEvaluatedKey": "a"}' ])
{
	is(sqlstate(outcome('SELECT * FROM commits', Scan => { body => $_->[1] })), 'HV000', "a page with $_->[0]: an error, not an end");
}

# Everything is well again as soon as the endpoint is.
my $item = '{"aggregateId": {"S": "a"}, "version": {"N": "5"}, "commitId": {"N": "7"}, "committedAt": {"N": "0"}, "events": {"S": "[]"}, "active": {"S": "t"}}';
is(outcome('SELECT version FROM commits', Scan => { body => qq({"Items": [$item], "Count": 1, "ScannedCount": 1}) })->{rows}[0][0], 5, 'the session still reads');
is(insert(PutItem => { body => '{}' })->{rows}[0][0], 7, 'and appends');

# What DynamoDB says is worth reading, as far as it holds no credential.
my %answer_of = map { ($_->[0], $_->[2]) } @refusals;
my $detail = sub { return outcome('SELECT * FROM commits', Scan => $_[0])->{error}{detail} };
like($detail->($answer_of{'a right that is missing'}), qr/\AAccessDeniedException: User: arn:aws:iam::123456789012:user\/app is not authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:us-east-1:123456789012:table\/commits/,
	'the DETAIL is what DynamoDB says');
like($detail->($answer_of{'a wrong secret'}), qr/\AInvalidSignatureException: The request signature we calculated does not match/, 'also of a wrong signature');
like($detail->(aws_error('x#ValidationException', 'long ' x 10_000)), qr/\AValidationException: .{100,2000}\z/s, 'but not without end');

# Nobody's text writes lines into a message or the log, steers a terminal, or turns other text around.
{
	my @steering = ("\n", "\r", "\t", "\e[2J", "\x7f", "\x{85}", "\x{9b}", "\x{61c}", "\x{200e}", "\x{2028}", "\x{202e}", "\x{2066}");
	my $evil = join 'x', 'a', @steering, "\x{e9}\x{65e5}\x{200d}z";
	my $seen = join 'x', 'a', '\u000A', '\u000D', '\u0009', '\u001B[2J', '\u007F', '\u0085', '\u009B', '\u061C', '\u200E', '\u2028', '\u202E', '\u2066',
		"\x{e9}\x{65e5}\x{200d}z";
	utf8::encode($seen);
	$session->query('ALTER FOREIGN TABLE commits ADD u uuid, ADD j jsonb, ADD i bigint');
	my $texts = sub { my ($result) = @_; return join ' ', map { $_ // '' } @{ $result->{error} }{qw(sqlstate message detail hint)}, map { values %$_ } @{ $result->{notices} } };
	my $escapes = sub
	{
		my ($what, $result, $count) = @_;
		my $text = $texts->($result);
		is(() = $text =~ /\Q$seen\E/g, $count, "$what is shown with what steers escaped") or diag $text;
		unlike(decode_utf8($text), qr/[\x00-\x1f\x7f-\x9f\x{61c}\x{200e}\x{2028}\x{202e}\x{2066}]/, "$what: and nothing that steers is left");
	};
	my $line = $evil =~ s/[\n\r]x//gr;
	my $shown = outcome('SELECT * FROM commits', Scan => aws_error('ValidationException', "$line\nand more"))->{error}{detail};
	is($shown, 'ValidationException: ' . $seen =~ s/\\u000[AD]x//gr, 'what DynamoDB says is shown up to its first line\'s end, with what steers escaped');
	my $item_with = sub { my ($name, $value) = @_; return { body => encode_json({ Items => [ { aggregateId => { S => $evil }, version => { N => '5' }, $name => $value } ], Count => 1, ScannedCount => 1 }) } };
	$escapes->('a text that is no UUID, and its aggregate id', outcome('SELECT u FROM commits', Scan => $item_with->(u => { S => $evil })), 2);
	$escapes->('a value of another type: its aggregate id', outcome('SELECT i FROM commits', Scan => $item_with->(i => { S => $evil })), 1);
	unlike($texts->(outcome('SELECT j FROM commits', Scan => $item_with->(j => { S => qq(["\e]") }))), qr/[\x00-\x1f]/, 'JSON that is none steers nothing');
	my $literal = "E'" . join('', map { ord($_) > 126 || ord($_) < 32 ? sprintf '\\u%04X', ord($_) : $_ } split //, $evil) . "'";
	my $append = sub { return outcome("INSERT INTO commits (aggregate_id, version, events) VALUES ($literal, 5, '$_[0]')", UpdateItem => $insert{counter}, PutItem => $_[1] // $taken,
		GetItem => { body => encode_json({ Item => { aggregateId => { S => $evil }, version => { N => '5' }, commitId => { N => '3' } } }) }) };
	$escapes->('the aggregate id of a taken version', $append->('[]'), 1);
	$escapes->('the aggregate id of a lost answer', $append->('[]', { close => JSON::PP::true }), 1);
	$escapes->('a last version that is none', outcome("INSERT INTO commits (aggregate_id, events) VALUES ($literal, '[]')",
		Query => { body => '{"Items": [{"version": {"N": "99999999999999999999"}}]}' }), 1);
	my $context = $append->('{}');
	is($context->{error}{sqlstate}, '22023', 'a row that is refused has its aggregate id in the CONTEXT');
	unlike(slurp_file($node->logfile, $log_start), qr/[\x00-\x08\x0b-\x1f\x7f]/, 'nothing of it steers a terminal that shows the log');
}

my $log = slurp_file($node->logfile, $log_start);
cmp_ok(length $log, '>', 10_000, 'the log was written at DEBUG5');
like($log, qr/AccessDeniedException/, 'and holds the errors');
my %credential = ('secret access key' => substr($secret, 0, 20), 'session token' => substr($token, 0, 40), 'end of the session token' => substr($token, -40), signature => $signature,
	'part of the signature' => substr($signature, 0, 20));
for my $what (sort keys %credential)
{
	is(scalar(grep { index($_ // '', $credential{$what}) >= 0 } @shown), 0, "no message shows the $what");
	is(index($log, $credential{$what}), -1, "the log does not show the $what");
}
$session->close;
done_testing();
