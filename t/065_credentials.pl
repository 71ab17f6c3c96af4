# A statement without explicit keys signs with the server's own AWS identity: found in the SDKs' order, renewed before it expires, and
# where it is not to be had, the error says what is missing and shows nothing of what was found.
# Engine: none
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/lib";

use AwsIdentity;
use Interrupt;
use POSIX qw(strftime);
use Session;
use Test::More;
use Time::Local qw(timegm);


my $aws = AwsIdentity->new;
my %secret = map { ($_ => "hush-$_-0123456789") } qw(environment base static role web container instance line token jwt);

$aws->file('.aws/credentials', <<INI);
# keys
[base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = $secret{base}

[static]
aws_access_key_id=AKIDSTATIC
aws_secret_access_key=$secret{static}
aws_session_token=$secret{token}-static
[half]
aws_access_key_id = AKIDHALF
INI
my $role = 'arn:aws:iam::123456789012:role/reader';
$aws->file('.aws/config', <<INI);
[default]
output = json
[profile reporting]
role_arn = $role
source_profile = base
external_id = an id/with+signs
region = eu-west-1
s3 =
  addressing_style = path
[profile over]
role_arn = $role-over
source_profile = reporting
[profile by_environment]
role_arn = $role
credential_source = Environment
[profile by_container]
role_arn = $role
credential_source = EcsContainer
[profile by_instance]
role_arn = $role
credential_source = Ec2InstanceMetadata
[profile by_web]
role_arn = $role
web_identity_token_file = ${\ $aws->file('jwt', "$secret{jwt}\n")}
[profile itself]
role_arn = $role
source_profile = itself
aws_access_key_id = AKIDITSELF
aws_secret_access_key = $secret{base}
[profile loop]
role_arn = $role
source_profile = pool
[profile pool]
role_arn = $role
source_profile = loop
[profile second_factor]
role_arn = $role
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile process]
credential_process = /bin/false
[sso-session ours]
sso_region = us-east-1
INI

my %standins = (
	AssumeRole => AwsIdentity::sts_keys('AssumeRole', 'ASIAROLE', $secret{role}, "$secret{token}-role"),
	AssumeRoleWithWebIdentity => AwsIdentity::sts_keys('AssumeRoleWithWebIdentity', 'ASIAWEB', $secret{web}, "$secret{token}-web"),
	'GET /container' => AwsIdentity::json_keys('ASIACONTAINER', $secret{container}, "$secret{token}-container"),
	'PUT /latest/api/token' => { body => "$secret{token}-imds" },
	'GET /latest/meta-data/iam/security-credentials/' => { body => "reader_role\n" },
	'GET /latest/meta-data/iam/security-credentials/reader_role' => AwsIdentity::json_keys('ASIAINSTANCE', $secret{instance}, "$secret{token}-instance"),
);
my $imds = 'PUT:/latest/api/token GET:/latest/meta-data/iam/security-credentials/ GET:/latest/meta-data/iam/security-credentials/reader_role';
my %all = (
	AWS_ACCESS_KEY_ID => 'AKIDENVIRONMENT', AWS_SECRET_ACCESS_KEY => $secret{environment}, AWS_SESSION_TOKEN => "$secret{token}-environment",
	AWS_PROFILE => 'reporting', AWS_WEB_IDENTITY_TOKEN_FILE => "$aws->{home}/jwt", AWS_ROLE_ARN => $role, AWS_ROLE_SESSION_NAME => 'ours',
	AWS_CONTAINER_CREDENTIALS_FULL_URI => $aws->url('/container'), AWS_CONTAINER_AUTHORIZATION_TOKEN => "$secret{token}-authorization",
	AWS_EC2_METADATA_SERVICE_ENDPOINT => $aws->url, AWS_EC2_METADATA_DISABLED => undef,
);
my $session;
my @shown;

sub outcome
{
	my $read = $aws->read(@_);
	push @shown, map { $_ // '' } values %{ $read->{error} // {} };
	return $read;
}
sub sqlstate { return $_[0]{error} ? $_[0]{error}{sqlstate} : 'success' }
sub request { my ($read, $operation) = @_; return (grep { $_->{operation} eq $operation } @{ $read->{requests} })[0] // { headers => '', body => '' } }
sub environment { $aws->environment(@_); $session = $aws->session; return }
sub mapping { $session->query('ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (' . $_[0] . ')'); return }

# The order: everything is there, and what comes first is taken away, step by step.
$aws->answers(%standins);
environment(%all);
my $read = outcome();
is($read->{key}, 'AKIDENVIRONMENT', 'the environment comes first');
is($read->{token}, "$secret{token}-environment", 'with its session token');
is($read->{operations}, 'Scan', 'and nobody else is asked');

delete @all{qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN)};
environment(%all);
$read = outcome();
is($read->{key}, 'ASIAROLE', 'then a profile with a role');
is($read->{operations}, 'AssumeRole Scan', 'which STS gives');
my $request = request($read, 'AssumeRole');
like($request->{headers}, qr{^Authorization: AWS4-HMAC-SHA256 Credential=AKIDBASE/\d+/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}\r$}m,
	'asked with the keys of its source_profile');
like($request->{body}, qr/&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader&/, 'for the role');
like($request->{body}, qr/&ExternalId=an%20id%2Fwith%2Bsigns\z/, 'with the external id');
is(outcome()->{operations}, 'Scan', 'once: the next statement has them still');

$all{AWS_PROFILE} = 'static';
environment(%all);
$read = outcome();
is($read->{key}, 'ASIAWEB', 'then the web identity');
$request = request($read, 'AssumeRoleWithWebIdentity');
unlike($request->{headers}, qr/^Authorization:/m, 'whose request is not signed');
like($request->{body}, qr/&RoleSessionName=ours&WebIdentityToken=\Q$secret{jwt}\E\z/, 'and carries the token of the file');

delete @all{qw(AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME)};
environment(%all);
$read = outcome();
is($read->{key}, 'AKIDSTATIC', 'then keys of a profile');
is($read->{token}, "$secret{token}-static", 'with their session token');

delete $all{AWS_PROFILE};
environment(%all);
$read = outcome();
is($read->{operations}, 'GET:/container Scan', 'then the container');
is($read->{key}, 'ASIACONTAINER', 'whose keys sign');
like(request($read, 'GET /container')->{headers}, qr/^Authorization: \Q$secret{token}\E-authorization\r$/m, 'with the authorization token of the environment');

environment(%all, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $aws->file('authorization', 'Basic of-the-file'));
like(request(outcome(), 'GET /container')->{headers}, qr/^Authorization: Basic of-the-file\r$/m, 'or that of the file, which goes first');

delete @all{qw(AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN)};
environment(%all, http_proxy => 'http://127.0.0.1:1', all_proxy => 'http://127.0.0.1:1');
$read = outcome();
is($read->{operations}, "$imds Scan", 'then the instance, which no proxy comes between');
is($read->{key}, 'ASIAINSTANCE', 'whose keys sign');
like(request($read, 'PUT /latest/api/token')->{headers}, qr/^X-aws-ec2-metadata-token-ttl-seconds: 21600\r$/im, 'version 2: first a token is asked for');
like(request($read, 'GET /latest/meta-data/iam/security-credentials/reader_role')->{headers}, qr/^X-aws-ec2-metadata-token: \Q$secret{token}\E-imds\r$/im,
	'and shown');

environment(%all, AWS_EC2_METADATA_DISABLED => 'true');
$read = outcome();
is(sqlstate($read), '28000', 'and then there are none: 28000');
is($read->{operations}, '', 'without a request');
is($read->{error}{message}, 'could not get AWS credentials for foreign table "commits"', 'which says what is missing');

# Profiles. The mapping's goes before everything else, and only it counts.
my %environment = (AWS_ACCESS_KEY_ID => 'AKIDENVIRONMENT', AWS_SECRET_ACCESS_KEY => $secret{environment}, AWS_EC2_METADATA_SERVICE_ENDPOINT => $aws->url,
	AWS_EC2_METADATA_DISABLED => undef, AWS_CONTAINER_CREDENTIALS_FULL_URI => $aws->url('/container'));
environment(%environment);
mapping(q{ADD profile 'static'});
for (
	[ 'static', 'Scan', 'AKIDSTATIC', undef ],
	[ 'reporting', 'AssumeRole Scan', 'ASIAROLE', 'AKIDBASE' ],
	[ 'over', 'AssumeRole AssumeRole Scan', 'ASIAROLE', 'AKIDBASE' ],
	[ 'itself', 'AssumeRole Scan', 'ASIAROLE', 'AKIDITSELF' ],
	[ 'by_environment', 'AssumeRole Scan', 'ASIAROLE', 'AKIDENVIRONMENT' ],
	[ 'by_container', 'GET:/container AssumeRole Scan', 'ASIAROLE', 'ASIACONTAINER' ],
	[ 'by_instance', "$imds AssumeRole Scan", 'ASIAROLE', 'ASIAINSTANCE' ],
	[ 'by_web', 'AssumeRoleWithWebIdentity Scan', 'ASIAWEB', undef ])
{
	my ($profile, $operations, $key, $source) = @$_;
	mapping("SET profile '$profile'");
	$read = outcome();
	is($read->{operations}, $operations, "profile $profile: what is requested");
	is($read->{key}, $key, "profile $profile: who signs");
	like(request($read, 'AssumeRole')->{headers}, qr{Credential=$source/}, "profile $profile: who asks STS") if $source;
}
mapping(q{SET profile 'over'});
my @assumed = map { $_->{body} =~ /RoleArn=([^&]+)/ } @{ outcome()->{requests} };
like($assumed[0], qr/reader\z/, 'roles are assumed from the source on');
like($assumed[1], qr/reader-over\z/, 'up to the one that is named');

for (
	[ 'absent', qr{\AThe AWS profile "absent" does not exist: the file "\Q$aws->{home}\E/.aws/credentials" has none of that name, nor has "\Q$aws->{home}\E/.aws/config"\.\z} ],
	[ 'half', qr{\AThe AWS profile "half" has no aws_secret_access_key \(line 11 of the file "\Q$aws->{home}\E/.aws/credentials"\)\.\z} ],
	[ 'loop', qr/too long a chain of roles, or of a loop/ ],
	[ 'second_factor', qr/asks for a second factor/ ],
	[ 'process', qr/The credential_process of the AWS profile "process" .* ended with exit status 1\./ ])
{
	my ($profile, $words) = @$_;
	mapping("SET profile '$profile'");
	$read = outcome();
	is(sqlstate($read), '28000', "profile $profile: 28000");
	like($read->{error}{detail}, $words, "profile $profile: the DETAIL says why");
	is($read->{operations}, '', "profile $profile: nobody is asked instead");
}

# The region: the server's option, the environment, the profile.
mapping(q{SET profile 'reporting'});
$session->query('ALTER SERVER commits_server OPTIONS (DROP region)');
$read = outcome();
is($read->{region}, 'eu-west-1', 'the region is that of the profile');
like(request($read, 'AssumeRole')->{headers}, qr{/eu-west-1/sts/aws4_request}, 'for STS too');
environment(%environment, AWS_DEFAULT_REGION => 'eu-west-2');
is(outcome()->{region}, 'eu-west-2', 'or that of AWS_DEFAULT_REGION, before it');
environment(%environment, AWS_DEFAULT_REGION => 'eu-west-2', AWS_REGION => 'eu-west-3');
is(outcome()->{region}, 'eu-west-3', 'or that of AWS_REGION, before that');
environment(%environment, AWS_REGION => 'evil.example/');
is(sqlstate(outcome()), 'HV024', 'what is no region is made part of no host name');
environment(%environment);
mapping(q{SET profile 'static'});
$read = outcome();
is(sqlstate($read), 'HV00J', 'without any it is missing');
like($read->{error}{detail}, qr{The profile "static" has none in the file "\Q$aws->{home}\E/\.aws/config" nor in "[^"]+/credentials"}, 'the DETAIL says which files were looked into');
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD region 'us-east-1')});
mapping('DROP profile');

# Files and tokens that are not as they should be are named, and not shown.
my %container = (AWS_CONTAINER_CREDENTIALS_FULL_URI => $aws->url('/container'));
my $broken = $aws->file('broken', "[default]\naws_access_key_id = AKIDBROKEN\n$secret{line}\n");
for (
	[ 'a file that is not there', { AWS_SHARED_CREDENTIALS_FILE => '/nonexistent' }, qr{file "/nonexistent" cannot be read} ],
	[ 'a folder', { AWS_SHARED_CREDENTIALS_FILE => '/tmp' }, qr{file "/tmp" cannot be read: it is not a regular file} ],
	[ 'an endless file', { AWS_CONFIG_FILE => '/dev/zero' }, qr{file "/dev/zero" cannot be read: it is not a regular file} ],
	[ 'a file of another kind', { AWS_CONFIG_FILE => $broken }, qr{Line 3 of the file "\Q$broken\E" is not understood} ],
	[ 'half of the keys', { AWS_ACCESS_KEY_ID => 'AKIDHALF' }, qr/AWS_SECRET_ACCESS_KEY is not set/ ],
	[ 'keys with a line break', { AWS_ACCESS_KEY_ID => "AKID\r\nX-Evil: 1", AWS_SECRET_ACCESS_KEY => $secret{line} }, qr/printable ASCII/ ],
	[ 'a token with a line break', { %container, AWS_CONTAINER_AUTHORIZATION_TOKEN => "$secret{line}\r\nX-Evil: 1" }, qr/line breaks/ ],
	[ 'a token file with a line break', { %container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $aws->file('two', "$secret{line}\nb") }, qr/line breaks/ ],
	[ 'a token file that is not there', { %container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => '/nonexistent' }, qr{file "/nonexistent"} ],
	[ 'a container far away', { AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://192.0.2.1/' }, qr/not https/ ],
	[ 'a web identity without a role', { AWS_WEB_IDENTITY_TOKEN_FILE => "$aws->{home}/jwt" }, qr/AWS_ROLE_ARN is not/ ],
	[ 'a web identity without a token', { AWS_WEB_IDENTITY_TOKEN_FILE => $aws->file('empty', "\n"), AWS_ROLE_ARN => $role }, qr{empty" has no web identity token} ],
	[ 'STS nowhere', { AWS_PROFILE => 'reporting', AWS_ENDPOINT_URL_STS => 'ftp://sts/' }, qr/AWS_ENDPOINT_URL_STS is no endpoint/ ])
{
	my ($name, $variables, $words) = @$_;
	environment(%$variables);
	$read = outcome();
	is(sqlstate($read), '28000', "$name: 28000");
	like($read->{error}{detail}, $words, "$name: the DETAIL says so");
	is($read->{operations}, '', "$name: nothing is sent");
}

# Those who should have them refuse, or do not make sense.
sub aws_error { return { status => $_[1], type => 'text/xml', body => "<ErrorResponse><Error><Code>$_[0]</Code><Message>$secret{line}</Message></Error></ErrorResponse>" } }
for (
	[ 'STS refuses', 'reporting', AssumeRole => aws_error('AccessDenied', 403), 1, qr/\AAccessDenied: STS does not give credentials for the role \(HTTP status 403\)\.\z/ ],
	[ 'STS is in trouble', 'reporting', AssumeRole => aws_error('InternalFailure', 500), 3, qr/\AInternalFailure: / ],
	[ 'STS answers something else', 'reporting', AssumeRole => { body => "<html>$secret{line}</html>" }, 1, qr/has no credentials/ ],
	[ 'STS answers half of it', 'reporting', AssumeRole => { body => "<Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>$secret{line}</SecretAccessKey></Credentials>" },
		1, qr/has no credentials/ ],
	[ 'STS redirects', 'reporting', AssumeRole => { status => 302, headers => [ 'Location: ' . $aws->url('/container') ] }, 1, qr/HTTP status 302/ ],
	[ 'the container is in trouble', 'by_container', 'GET /container' => { status => 500, body => $secret{line} }, 3, qr/container's endpoint .*HTTP status 500/ ],
	[ 'the container hangs up', 'by_container', 'GET /container' => { close => JSON::PP::true }, 3, qr/\AThe container's endpoint does not answer: [^.]+\z/ ],
	[ 'STS hangs up', 'reporting', AssumeRole => { close => JSON::PP::true }, 3, qr/\ASTS does not answer: / ],
	[ 'the instance hangs up', 'by_instance', 'PUT /latest/api/token' => { close => JSON::PP::true }, 1,
		qr/\AThe instance's metadata service does not answer: [^.]+\. If PostgreSQL runs in a container, the instance's metadata options need a hop limit of 2\.\z/ ],
	[ 'the container has a line break', 'by_container', 'GET /container' => AwsIdentity::json_keys("AKID\r\nX-Evil: 1", $secret{line}, 't'), 1, qr/\AThe container's endpoint answers without credentials\.\z/ ],
	[ 'the container answers something else', 'by_container', 'GET /container' => { body => "[\"$secret{line}\"]" }, 1, qr/answers without credentials/ ],
	[ 'the instance has no role', 'by_instance', 'GET /latest/meta-data/iam/security-credentials/' => { status => 404 }, 1, qr/The instance has no role/ ],
	[ 'the role has another name', 'by_instance', 'GET /latest/meta-data/iam/security-credentials/' => { body => '../../x' }, 1, qr/instance's metadata service/ ],
	[ 'the instance is in trouble', 'by_instance', 'PUT /latest/api/token' => { status => 500 }, 1, qr/instance's metadata service .*HTTP status 500/ ])
{
	my ($name, $profile, $operation, $answer, $attempts, $words) = @$_;
	if ($name eq 'STS refuses')
	{
		environment(%environment);
		mapping(q{ADD profile 'reporting'});
	}
	mapping("SET profile '$profile'");
	# A role's credentials come after the container's, or the instance's.
	$aws->answers(%standins, $operation => $answer);
	$read = outcome();
	is(sqlstate($read), '28000', "$name: 28000");
	like($read->{error}{detail}, $words, "$name: the DETAIL says so");
	is(scalar(grep { $_->{operation} eq $operation } @{ $read->{requests} }), $attempts, "$name: asked as often as makes sense");
	unlike($read->{operations}, qr/Scan/, "$name: nothing goes to DynamoDB");
}
$aws->answers(%standins);
is(outcome()->{key}, 'ASIAROLE', 'the same session signs as soon as they can be had');
mapping('DROP profile');

# Renewal. Credentials grow old by the time that DynamoDB's answers have.
my $page = { body => '{"Items": [], "Count": 0, "ScannedCount": 0}' };
sub later
{
	my ($seconds, $answer) = @_;
	return { %$answer, headers => [ 'x-amzn-RequestId: 1', 'Date: ' . strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + $seconds) ] };
}
my ($ageing, $old) = (48 * 60, 51 * 60);
sub container { my ($id, $seconds) = @_; return AwsIdentity::json_keys($id, "hush-$id", "$secret{token}-$id", $seconds) }
environment(%container);
$aws->answers(Scan => later($ageing, $page), 'GET /container' => [ container('ASIAFIRST'), { status => 404 } ]);
is(outcome()->{key}, 'ASIAFIRST', 'credentials of an hour sign');
my $asked = 0;
for (1 .. 5)
{
	$read = outcome();
	is($read->{key}, 'ASIAFIRST', "12 minutes before they end they still do when new ones are not to be had ($_)");
	$asked += $read->{operations} =~ /container/;
}
is($asked, 1, 'new ones were asked for, and not at each statement');

environment(%container);
$aws->answers(Scan => later($ageing, $page), 'GET /container' => [ container('ASIAFIRST'), container('ASIASECOND', $ageing + 3600) ]);
my @keys = map { outcome()->{key} } 1 .. 4;
is($keys[1], 'ASIAFIRST', 'credentials that end in 12 minutes sign');
is($keys[3], 'ASIASECOND', 'until the new ones are there');

# Another host than DynamoDB's, by its name, does not share the only connection.
environment(AWS_CONTAINER_CREDENTIALS_FULL_URI => $aws->url('/container') =~ s/127\.0\.0\.1/localhost/r);
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD max_connections '1', ADD request_timeout_ms '1500')});
$aws->answers(Scan => later($ageing, $page), 'GET /container' => [ container('ASIAFIRST'), { stall => JSON::PP::true } ]);
is(outcome()->{key}, 'ASIAFIRST', 'credentials sign, over a single connection');
is(sqlstate(outcome()), 'success', 'a request does not wait for one that renews them');
$session->query(q{ALTER SERVER commits_server OPTIONS (DROP max_connections, DROP request_timeout_ms)});

environment(%container);
$aws->answers(Scan => later($old, $page), 'GET /container' => [ container('ASIAFIRST'), { status => 404 }, container('ASIASECOND', $old + 3600) ]);
is(outcome()->{key}, 'ASIAFIRST', 'credentials sign');
is(sqlstate(outcome()), '28000', 'and 9 minutes before they end new ones are needed');
is(outcome()->{key}, 'ASIASECOND', 'which the next statement asks for again');

environment(%container);
$aws->answers(Scan => later($old, $page), 'GET /container' => container('ASIAFIRST'));
is(outcome()->{key}, 'ASIAFIRST', 'where there are no newer ones');
is(outcome()->{key}, 'ASIAFIRST', 'those that there are sign on');
is(outcome()->{operations}, 'Scan', 'and are not asked for at each statement');

environment(%container);
$aws->answers('GET /container' => container('ASIAFIRST', 900));
is(join(' ', map { outcome()->{operations} } 1 .. 4), 'GET:/container Scan Scan Scan Scan', 'nor are those that last 15 minutes in all');

# What has expired by a clock that may be wrong is used once: DynamoDB says whether it has, and what time it is.
my $expired = { status => 400, body => '{"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "The security token included in the request is expired"}' };
my $here = 3 * 3600;
environment(%container);
$aws->answers(Scan => [ later(-$here, { %$expired, body => $expired->{body} =~ s/ExpiredToken/InvalidSignature/r }), later(-$here, $page) ], 'GET /container' => container('ASIAFIRST', -1));
$read = outcome();
is($read->{operations}, 'GET:/container Scan Scan', 'credentials that look expired are used, and the answer puts the clock right');
is(sqlstate($read), 'success', 'by which they have not expired');
is(outcome()->{operations}, 'Scan', 'and are kept');
environment(%container);
$aws->answers(Scan => [ $expired, $page ], 'GET /container' => [ container('ASIAFIRST', -1), container('ASIASECOND', 3600) ]);
$read = outcome();
is($read->{operations}, 'GET:/container Scan GET:/container Scan', 'where DynamoDB says that they have expired, others are asked for');
is($read->{key}, 'ASIASECOND', 'and sign');
environment(%container);
$aws->answers(Scan => $expired, 'GET /container' => [ (container('ASIAFIRST', -1)) x 2 ]);
$read = outcome();
is($read->{operations}, 'GET:/container Scan GET:/container', 'those that have expired as well are not sent');
is(sqlstate($read), '28000', 'but an error');
like($read->{error}{detail}, qr/credentials that were found have expired/, 'which says so');
$aws->answers('GET /container' => container('ASIASECOND', 3600));
is(outcome()->{key}, 'ASIASECOND', 'and others are asked for the next time');

# A transaction has to be sent soon after its first attempt, but that one may wait for credentials.
my $dense = q{INSERT INTO dense (aggregate_id, version, events) VALUES ('a', 0, '[]')};
environment(%container);
$session->query(q{CREATE FOREIGN TABLE dense (aggregate_id text, version bigint, events jsonb) SERVER commits_server OPTIONS (append_mode 'dense')});
$aws->answers('GET /container' => [ map { container("ASIATURN$_") } 1 .. 2 ], GetItem => later($old, { body => '{}' }), TransactWriteItems => { body => '{}' });
$read = outcome($dense);
is(sqlstate($read), 'success', 'a dense append whose transaction has to wait for new credentials');
is($read->{operations}, 'GET:/container GetItem GET:/container TransactWriteItems', 'asks for them and goes on');
like(request($read, 'TransactWriteItems')->{headers}, qr{Credential=ASIATURN2/}, 'with the new ones');

# DynamoDB says that they have expired.
environment(%container);
$aws->answers(Scan => [ $expired, $page ], 'GET /container' => [ container('ASIAFIRST', 3600), container('ASIASECOND', 3600) ]);
$read = outcome();
is($read->{operations}, 'GET:/container Scan GET:/container Scan', 'an expired token is renewed, and the request sent again');
is($read->{key}, 'ASIASECOND', 'with the new one');
is(sqlstate($read), 'success', 'and nobody notices');
environment(%container);
$aws->answers(Scan => $expired, 'GET /container' => container('ASIAFIRST', 3600));
$read = outcome();
is($read->{operations}, 'GET:/container Scan GET:/container Scan', 'once');
is(sqlstate($read), '28000', 'then it is an error');
is($read->{error}{message}, 'the credentials for foreign table "commits" have expired', 'which says so');

# What is cached is of one mapping, and goes when that or the server changes.
$aws->answers('GET /container' => [ container('ASIAFIRST', 3600), container('ASIASECOND', 3600), container('ASIATHIRD', 3600) ]);
environment(%container);
is(outcome()->{key}, 'ASIAFIRST', 'credentials are kept');
is(outcome()->{operations}, 'Scan', 'between statements');
mapping(q{ADD ambient_credentials 'true'});
is(outcome()->{key}, 'ASIASECOND', 'an ALTER USER MAPPING makes the next statement ask anew');
$session->query(q{ALTER SERVER commits_server OPTIONS (ADD batch_size '7')});
is(outcome()->{key}, 'ASIATHIRD', 'so does an ALTER SERVER');
mapping(q{SET ambient_credentials 'false'});
is(sqlstate(outcome()), '28000', q{and ambient_credentials 'false' is a refusal, for a superuser too});
mapping('DROP ambient_credentials');

# A machine whose clock is wrong: STS's time is the one to sign with, and the one that credentials expire by.
my $ahead = 2 * 3600;
sub at_sts { return later($ahead, $_[0]) }
sub signed_ahead
{
	my ($request) = @_;
	my ($year, $month, @rest) = $request->{headers} =~ /^X-Amz-Date: (\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/mi or return 0;
	return timegm(reverse($year, $month - 1, @rest)) - time;
}
my $skewed = at_sts(aws_error('SignatureDoesNotMatch', 403));
my %reporting = (AWS_PROFILE => 'reporting');
environment(%reporting);
$aws->answers(AssumeRole => [ $skewed, at_sts(AwsIdentity::sts_keys('AssumeRole', 'ASIAFIRST', $secret{role}, 't', $ahead + 3600)) ]);
$read = outcome();
is($read->{operations}, 'AssumeRole AssumeRole Scan', 'what STS refuses for its time is asked once more');
cmp_ok(abs(signed_ahead($read->{requests}[1]) - $ahead), '<', 600, 'by the time that STS has');
cmp_ok(abs(signed_ahead($read->{requests}[2]) - $ahead), '<', 600, 'which DynamoDB is asked by, too');
is(outcome()->{operations}, 'Scan', 'and they are kept');
environment(%reporting);
$aws->answers(AssumeRole => $skewed);
$read = outcome();
is($read->{operations}, 'AssumeRole AssumeRole', 'once');
like($read->{error}{detail}, qr/\ASignatureDoesNotMatch: /, 'then it is an error');
environment(%reporting);
$aws->answers(AssumeRole => at_sts(AwsIdentity::sts_keys('AssumeRole', 'ASIAFIRST', $secret{role}, 't', 3600)));
is(outcome()->{key}, 'ASIAFIRST', 'what has expired by the time of STS is tried all the same');
environment(%reporting);
$aws->answers(AssumeRole => [ { %$skewed, headers => [ grep { !/RequestId/ } @{ $skewed->{headers} } ] } ]);
is(outcome()->{operations}, 'AssumeRole', 'what stands before STS does not tell the time');
$ahead = -$ahead;
environment(%reporting);
$aws->answers(AssumeRole => at_sts(AwsIdentity::sts_keys('AssumeRole', 'ASIAFIRST', $secret{role}, 't', $ahead + 3600)));
is(outcome()->{key}, 'ASIAFIRST', 'and what has not, by the same clock, has not');
is(outcome()->{operations}, 'Scan', 'also for the next statement');

# A request for credentials is waited for as any other is.
environment(%container);
$aws->answers('GET /container' => { stall => JSON::PP::true });
my $observer = Session->new($aws->node);
ends_at_once(
	$aws->node, $observer, 'the container does not answer',
	sql => 'SELECT * FROM commits',
	prepare => sub { $aws->answers('GET /container' => { stall => JSON::PP::true }) },
	reached => sub { $_[0]->wait_until_waiting($observer) },
	works => [ 'SELECT 1', 1 ]);

# Nothing of all that showed. (A starting postmaster writes its whole environment at DEBUG3, which is no doing of ours.)
my $log = PostgreSQL::Test::Utils::slurp_file($aws->node->logfile) =~ s/(?:^|DEBUG:  )\t[A-Za-z_]+=.*//gmr;
for my $name (sort keys %secret)
{
	is(scalar(grep { index($_, $secret{$name}) >= 0 } @shown), 0, "no message shows the secret: $name");
	is(index($log, $secret{$name}), -1, "the log does not show it: $name");
}
$observer->close;
$session->close;
$aws->node->stop;
done_testing();
