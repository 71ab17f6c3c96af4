# An identity that is configured signs, or the statement fails: no other one takes its place, though an instance's role is at hand.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use Interrupt;
use JSON::PP;
use Session;
use Test::More;
use Time::HiRes qw(usleep);

my $aws = AwsIdentity->new;
my ($credentials, $config) = map { "$aws->{home}/.aws/$_" } qw(credentials config);
my $secret = 'hush-file-0123456789';
my $role = 'arn:aws:iam::123456789012:role/reader';
sub keys_of { return map { ("aws_access_key_id = $_", "aws_secret_access_key = $secret") } @_ }
sub indented { return map { (" " x 2) . $_ } @_ }

$aws->answers(
	AssumeRole => AwsIdentity::sts_keys('AssumeRole', 'ASIAROLE', $secret, 'token'),
	'PUT /latest/api/token' => { body => 'imds' },
	'GET /latest/meta-data/iam/security-credentials/' => { body => "reader_role\n" },
	'GET /latest/meta-data/iam/security-credentials/reader_role' => AwsIdentity::json_keys('ASIAINSTANCE', $secret, 'token'));

# Reads with what two files say, in lines, and a profile of the environment.
sub outcome
{
	my ($files, %environment) = @_;
	$aws->file(".aws/$_", join '', map { "$_\n" } @{ $files->{$_} // [] }) for qw(credentials config);
	$aws->environment(AWS_EC2_METADATA_SERVICE_ENDPOINT => $aws->url, AWS_EC2_METADATA_DISABLED => undef, AWS_REGION => 'us-east-1', %environment);
	return $aws->read;
}

is(outcome({})->{key}, 'ASIAINSTANCE', 'nothing is configured: the instance signs');
is(outcome({ config => [ '[profile prod]', 'region = us-east-1' ] }, AWS_PROFILE => 'prod')->{key}, 'ASIAINSTANCE', 'also where the profile has no more than a region');

my @prod = (AWS_PROFILE => 'prod');
for (
	[ 'indented keys', { credentials => [ '[prod]', indented(keys_of('AKIDPROD')) ] }, 'AKIDPROD' ],
	[ 'an indented role', { config => [ '[profile prod]', indented("role_arn = $role", 'source_profile = base') ], credentials => [ '[base]', keys_of('AKIDBASE') ] }, 'ASIAROLE' ],
	[ 'an indented header', { config => [ ' [profile prod]', keys_of('AKIDPROD') ] }, 'AKIDPROD' ])
{
	my ($name, $files, $key) = @$_;
	is(outcome($files, @prod)->{key}, $key, "$name: read");
}

my $indented = outcome({ credentials => [ '[prod]', ' [dev]', keys_of('AKIDDEV') ] }, @prod);
isnt($indented->{key} // '', 'AKIDDEV', "an indented header of another profile: its keys are not this one's");
for (
	[ 'a header that a value swallows', { credentials => [ '[prod]', 'region = us-east-1', ' [dev]', keys_of('AKIDDEV') ] }, 'prod', 2, $credentials ],
	[ 'keys that a value swallows', { credentials => [ '[prod]', 'region = us-east-1', indented(keys_of('AKIDPROD')) ] }, 'prod', 2, $credentials ],
	[ 'SSO', { config => [ '[profile prod]', 'sso_session = ours', 'sso_account_id = 123456789012', 'sso_role_name = reader' ] }, 'prod', 3, $config,
		qr/aws configure export-credentials --format process/ ],
	[ 'a role without a source', { config => [ '', '[profile prod]', "role_arn = $role" ] }, 'prod', 3, $config ],
	[ 'half of the keys', { config => [ '[profile prod]', 'aws_access_key_id = AKIDPROD' ] }, 'prod', 2, $config ],
	[ 'an inline comment', { credentials => [ '[prod]', keys_of('AKIDPROD # ours') ] }, 'prod', 2, $credentials ])
{
	my ($name, $files, $profile, $line, $path, $words) = @$_;
	my $read = outcome($files, @prod);
	is($read->{error} ? $read->{error}{sqlstate} : 'success', '28000', "$name: an error");
	like($read->{error}{detail}, qr/\AThe AWS profile "$profile" .* \(line $line of the file "\Q$path\E"\)\.\z/, "$name: which names profile, line and file");
	like($read->{error}{detail}, $words, "$name: and the way out") if $words;
	unlike($read->{error}{detail}, qr/hush|AKID|arn:/, "$name: and no value");
	is($read->{operations}, '', "$name: nobody is asked");
}

for (qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY))
{
	my $read = outcome({}, $_ => $secret);
	like($read->{error}{detail}, qr/\AAWS_\w+ is not set in the environment of PostgreSQL\.\z/, "$_ alone: an error");
	is($read->{operations}, '', "$_ alone: nobody is asked");
}
my $read = outcome({ credentials => [ '[default]', keys_of('AKIDONE'), '[default]', keys_of('AKIDTWO') ] });
is($read->{error}{detail}, qq{Line 4 of the file "$credentials" repeats a section.}, 'a section that stands twice: an error');
is($read->{operations}, '', 'nobody is asked');

# credential_process: the profile's program.
my %keys = (Version => 1, AccessKeyId => 'AKIDPROCESS', SecretAccessKey => $secret, SessionToken => 'token-process', Expiration => AwsIdentity::expiry(3600));
sub program
{
	my ($script) = @_;
	my $path = $aws->file('helper', "#!/bin/sh\necho x >>$aws->{home}/runs\n$script\n");
	chmod 0755, $path;
	unlink "$aws->{home}/runs";
	return { config => [ '[profile prod]', 'region = us-east-1', "credential_process = $path --for 'a b' \$HOME" ] };
}
sub prints { return "printf '%s' '" . encode_json({ %keys, @_ }) . "'" }
sub runs { my $path = "$aws->{home}/runs"; return -e $path ? (-s $path) / 2 : 0 }

$read = outcome(program('echo hush-stderr-0123456789 >&2; test "$1$2$3" = "--fora b\$HOME" && test "$OURS" = kept || exit 9; ' . prints()), @prod, OURS => 'kept');
is($read->{key}, 'AKIDPROCESS', 'the program of a profile gives the keys');
is($read->{token}, 'token-process', 'and their token');
is($read->{operations}, 'Scan', 'nobody else is asked');
$aws->read for 1 .. 3;
is(runs(), 1, 'it runs once, as long as they last');
is(outcome({ %{ program(prints()) }, credentials => [ '[prod]', keys_of('AKIDPROD') ] }, @prod)->{key}, 'AKIDPROD', 'keys in credentials go before it');
$read = outcome(program(prints(Expiration => AwsIdentity::expiry(-60))), @prod);
$aws->answers(Scan => { status => 400, body => '{"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "The security token included in the request is expired"}' });
$read = $aws->read;
is($read->{error}{sqlstate}, '28000', 'keys that have expired and that DynamoDB does not take: an error');
$aws->answers;
$aws->answers(AssumeRole => AwsIdentity::sts_keys('AssumeRole', 'ASIAROLE', $secret, 'token'));
{
	my $files = program(prints());
	push @{ $files->{config} }, '[profile over]', "role_arn = $role", 'source_profile = prod';
	$read = outcome($files, AWS_PROFILE => 'over');
	is($read->{key}, 'ASIAROLE', 'a role has it for a source');
	like($read->{requests}[0]{headers}, qr{Credential=AKIDPROCESS/}, 'whose keys ask STS');
}
for (
	[ 'that fails', prints() . '; exit 3', qr/ ended with exit status 3\.\z/ ],
	[ 'that is killed', 'kill -9 $$', qr/ was ended by signal 9\.\z/ ],
	[ 'that prints too much', 'while echo hush-too-much-0123456789; do :; done', qr/ prints more than 64 KB\.\z/ ],
	[ 'that prints something else', 'echo hush-garbage-0123456789', qr/ does not print credentials of version 1\.\z/ ],
	[ 'of another version', prints(Version => 2), qr/ does not print credentials of version 1\.\z/ ],
	[ 'that prints half', prints(SecretAccessKey => undef), qr/ does not print credentials of version 1\.\z/ ])
{
	my ($name, $script, $words) = @$_;
	$read = outcome(program($script), @prod);
	is($read->{error} ? $read->{error}{sqlstate} : 'success', '28000', "a program $name: an error");
	like($read->{error}{detail}, qr/\AThe credential_process of the AWS profile "prod" \(line 3 of the file "\Q$config\E"\)/, "a program $name: which is named");
	like($read->{error}{detail}, $words, "a program $name: why");
	unlike($read->{error}{detail}, qr/hush/, "a program $name: nothing that it printed");
	is($read->{operations}, '', "a program $name: nobody is asked instead");
}
$read = outcome({ config => [ '[profile prod]', 'credential_process = /nonexistent' ] }, @prod);
like($read->{error}{detail}, qr/ cannot be started: No such file or directory\.\z/, 'a program that is not there: an error');

# It ends with the wait for it.
my $pids = "$aws->{home}/pids";
outcome(program("sleep 1000 & echo \$\$ \$! >$pids.new; mv $pids.new $pids; wait"), @prod);
sub pids { open my $file, '<', $pids or die "$pids: $!"; return split ' ', <$file> }
sub runs_still { return scalar grep { -e "/proc/$_" && PostgreSQL::Test::Utils::slurp_file("/proc/$_/stat") !~ /\) [ZX] / } @_ }
my $observer = Session->new($aws->node);
my @begun;
ends_at_once(
	$aws->node, $observer, 'a program that does not end',
	sql => 'SELECT * FROM commits',
	prepare => sub { unlink $pids },
	reached => sub { usleep(1000) until -e $pids; push @begun, pids() },
	works => [ 'SELECT 1', 1 ]);
$observer->close;
cmp_ok(scalar @begun, '>', 10, 'programs were running when the statements ended');
my $until = time + 60;
usleep(1000) while runs_still(@begun) && time < $until;
is(runs_still(@begun), 0, 'none of them, nor what they had started, is left');

# Nothing of what programs print shows.
my $log = PostgreSQL::Test::Utils::slurp_file($aws->node->logfile) =~ s/(?:^|DEBUG:  )\t[A-Za-z_]+=.*//gmr;
unlike($log, qr/hush-/, 'the log shows nothing of what they print');

$aws->session->close;
$aws->node->stop;
done_testing();
