# An identity that is configured signs, or the statement fails: no other one takes its place, though an instance's role is at hand.
use strict;
use warnings;

use FindBin;
use lib map { "$FindBin::RealBin/../test/$_" } qw(fault perl);

use AwsIdentity;
use Test::More;

plan skip_all => 'no engine is asked, so once is enough' if $ENV{DYNAMODB_ENGINE} ne 'dynalite';

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

$aws->session->close;
$aws->node->stop;
done_testing();
