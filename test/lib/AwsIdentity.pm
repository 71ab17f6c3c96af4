# A PostgreSQL whose AWS identity a test decides: its environment, its files, and a ScriptedEndpoint that plays STS, the container's
# endpoint and the instance's metadata service, beside DynamoDB.
package AwsIdentity;

use strict;
use warnings;

use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScriptedEndpoint;
use Session;

my $empty_page = { body => '{"Items": [], "Count": 0, "ScannedCount": 0}' };

sub new
{
	my ($class) = @_;
	my $node = PostgreSQL::Test::Cluster->new('main');
	my $endpoint = ScriptedEndpoint->new;
	$node->init;
	$node->start;
	my $self = bless { node => $node, endpoint => $endpoint, home => PostgreSQL::Test::Utils::tempdir() }, $class;
	mkdir "$self->{home}/.aws";
	my $session = Session->new($node);
	$session->create_table('commits', $endpoint->endpoint, max_attempts => 1);
	$session->query('ALTER USER MAPPING FOR CURRENT_USER SERVER commits_server OPTIONS (DROP access_key_id, DROP secret_access_key)');
	$session->close;
	return $self;
}

sub node { return $_[0]{node} }
sub endpoint { return $_[0]{endpoint} }
sub url { return $_[0]{endpoint}->endpoint . ($_[1] // '') }
sub session { return $_[0]{session} }

# Writes a file into the home folder of the server, and returns its path.
sub file
{
	my ($self, $name, $text) = @_;
	my $path = "$self->{home}/$name";
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file;
	return $path;
}

# Starts the server in this environment, and a session in it.
sub environment
{
	my ($self, %variables) = @_;
	local %ENV = (%ENV, AWS_ENDPOINT_URL_STS => $self->url, HOME => $self->{home}, %variables);
	delete @ENV{ grep { !defined $ENV{$_} } keys %ENV };
	$self->{session}->close if $self->{session};
	$self->{node}->restart;
	$self->{session} = Session->new($self->{node});
	return;
}

# Reads the table: {operations, key, token, region, error}: what was requested, and who signed the last request to DynamoDB.
sub read
{
	my ($self, $sql) = @_;
	my $result = $self->{session}->try($sql // 'SELECT * FROM commits');
	my @requests = $self->{endpoint}->answers;
	my ($last) = reverse grep { $_->{operation} =~ /\A(Scan|Query)\z/ } @requests;
	my $head = $last ? $last->{headers} : '';
	my ($key, $region) = $head =~ m{Credential=([^/]+)/\d+/([^/]+)/dynamodb/};
	my ($token) = $head =~ /^x-amz-security-token: (\S+)/im;
	return {
		operations => join(' ', map { $_->{operation} =~ s/ /:/r } @requests),
		requests => \@requests, key => $key, region => $region, token => $token, error => $result->{error},
	};
}

# What the endpoint answers from now on, beside DynamoDB's empty pages.
sub answers
{
	my ($self, %answers) = @_;
	$self->{endpoint}->answers(Scan => $empty_page, %answers);
	return;
}

sub expiry { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }

# A container's or an instance's answer: the keys, and the seconds until they expire.
sub json_keys
{
	my ($id, $secret, $token, $seconds) = @_;
	return { body => encode_json({ Code => 'Success', AccessKeyId => $id, SecretAccessKey => $secret, Token => $token,
		Expiration => expiry($seconds // 3600) }) };
}

# STS's answer to an action.
sub sts_keys
{
	my ($action, $id, $secret, $token, $seconds) = @_;
	my $expiry = expiry($seconds // 3600);
	return { type => 'text/xml', body => <<XML };
<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/reader/dynamodb_es</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>$id</AccessKeyId>
      <SecretAccessKey>$secret</SecretAccessKey>
      <SessionToken>$token</SessionToken>
      <Expiration>$expiry</Expiration>
    </Credentials>
  </${action}Result>
</${action}Response>
XML
}

1;
