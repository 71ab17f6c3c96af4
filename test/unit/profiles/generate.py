#!/usr/bin/env python3
"""Writes cases.json anew: small AWS files, and what botocore and Python's shlex read in them.

usage: generate.py >cases.json      (needs botocore; the tests that read cases.json do not)
"""
import json
import os
import shlex
import sys
import tempfile

import botocore.exceptions
import botocore.session

KEYS = 'aws_access_key_id = AKID\naws_secret_access_key = secret\n'

HEADERS = [
    '[default]', ' [default]', '\t[default]\t', '[ default ]', '[default ]', '[Default]', '[DEFAULT]', '[profile default]',
    '[profile a]', '[profile  a]', '[profile\ta]', '[ profile a]', '[profile a ]', '[Profile a]', '[PROFILE a]',
    '[profile "a"]', "[profile 'a']", '[profile "a b"]', "[profile 'a b']", '[profile a\\ b]', '[profile a b]',
    '[profile "a]', "[profile it's]", '[profile "say \\"hi\\""]', '[profile "a\\b"]', "[profile 'a\\b']", '[profile a""b]',
    '[profile ""]', '[profile]', '[profile ]', '[profilea]', '[profiles a]', '[profile-x a]', '"[profile a]"', '[a]', '[a b]',
    '[profile a] # a comment', '[profile a] ; a comment', '[profile a]# a comment', '[profile a] x = 1', '[profile a]]',
    '[[profile a]]', '[profile [a]]', '[profile a', 'profile a]', '[]', '[ ]', '[]]', '[] = x', '[profile a] ]',
    '[profile a#b]', '[profile a;b]', '[profile a # b]', '[profile \u00e4]', '[profile a@b.c]', '[profile a/b:c]', '[profile a=b]',
    '[services a]', '[services "a b"]', '[services]', '[services a b]', '[servicesx a]', '[sso-session a]', '[sso-sessionx a]',
    '\ufeff[default]', '\u00a0[default]', '\u3000[profile a]\u2003', '[profile\u00a0a]',
]

BODIES = [
    '', '\n', KEYS, ' ' + KEYS.replace('\n', '\n ', 1), '\t' + KEYS.replace('\n', '\n\t', 1), '    ' + KEYS.replace('\n', '\n  ', 1),
    '  ' + KEYS.replace('\n', '\n    ', 1), KEYS.replace('\n', '\n  ', 1), KEYS.replace('\n', '\n\t', 1), KEYS.replace('\n', '\n\n', 1),
    KEYS.replace(' = ', '='), KEYS.replace(' = ', ':'), KEYS.replace(' = ', ' : '), KEYS.replace(' = ', '   =   '),
    KEYS.replace(' = ', '\t=\t'), KEYS.replace(' = ', ' == '), KEYS.replace(' = ', ' =: '), KEYS.replace(' = ', ' := '),
    KEYS.upper(), KEYS.replace('aws_', 'Aws_'), KEYS.replace('AKID', '"AKID"'), KEYS.replace('AKID', "'AKID'"),
    KEYS.replace('AKID', 'AKID # x'), KEYS.replace('AKID', 'AKID ; x'), KEYS.replace('AKID', 'AKID#x'), KEYS.replace('AKID', 'AKID;x'),
    KEYS.replace('AKID', '# x'), KEYS.replace('AKID', ''), KEYS.replace('secret', ''), KEYS.replace('AKID', ' '),
    KEYS.replace('AKID', '%(x)s'), KEYS.replace('AKID', '$HOME'), KEYS.replace('AKID', 'A=B:C'), KEYS.replace('AKID', 'A\\'),
    'aws_access_key_id\n', 'aws_access_key_id\naws_secret_access_key = secret\n', '= AKID\n', ': AKID\n', ' = \n', '=\n',
    'aws_access_key_id = 1\naws_access_key_id = 2\n', 'aws_access_key_id = 1\nAWS_ACCESS_KEY_ID = 2\n',
    '# a comment\n' + KEYS, '; a comment\n' + KEYS, '  # a comment\n' + KEYS, '\t; a comment\n' + KEYS,
    KEYS.replace('\n', '\n# a comment\n'), KEYS.replace('\n', '\n  # a comment\n'), '// a comment\n' + KEYS, 'rem a comment\n' + KEYS,
    'region = a\n  b\n', 'region = a\n  # x\n  b\n', 'region = a\n\n  b\n', 'region = a\n\n\n  b\n\n', 'region = a\n  b\n    c\n d\n',
    'region =\n  b\n', 'region =\n\n\n', 'region =\n  # x\n', 'region =\n  b = c\n', 'region =\n  b : c\n', 'region = a\n  b = c\n',
    'region = a\n [b]\nx = y\n', 'region = a\n[b]\nx = y\n', ' [b]\nx = y\n', '  [b]\n  x = y\n', ' region = a\n [b]\n x = y\n',
    ' region = a\n[b]\nx = y\n', 'region = a\n\n [b]\nx = y\n', 'region = a\n# c\n [profile b]\nx = y\n', ' region = a\n  [b]\nx = y\n',
    's3 =\n  addressing_style = path\n  Max_Concurrent = 3\nregion = a\n', 's3 =\n  a = 1\n\n  b = 2\n', 's3 =\n  a = 1\n  a = 2\n',
    's3 =\n  a =\n  b = 2\n', 's3 =\n  a = 1\n    b = 2\n', 's3 =\n  = 1\n', 's3 =\n  a = b = c\n', 's3 =\n  # c\n  a = 1 # d\n',
    's3 = \n\ta = 1\n', 's3=\n a=1\n', 's3 =\n  a\n', 's3 =\n  a = 1\nS3 =\n  b = 2\n', 's3 = x\n  a = 1\n', 's3 =\n  a = 1\n[b]\nc = d\n',
    's3 =\n  a = 1\n  # end', 's3 :\n  a = 1\n', ' s3 =\n  a = 1\n b = 2\n', ' s3 =\n a = 1\n', '\ts3 =\n\ta = 1\n', 's3 =\na = 1\n',
    'dynamodb =\n  endpoint_url = http://localhost:8000\n', 'dynamodb =\n  endpoint_url = http://localhost:8000 # x\ns3 =\n  endpoint_url = y\n',
    'dynamodb = x\n', 'dynamodb =\n  endpoint_url =\n', 'DynamoDB =\n  Endpoint_URL = u\n',
    'role_arn = arn:aws:iam::1:role/x\nsource_profile = a\n', ' role_arn = arn:aws:iam::1:role/x\n source_profile = a\n',
    'credential_process = /bin/helper --a "b c"\n', 'credential_process = /bin/helper \\\n  --a\n', 'sso_session = a\n',
    'a = \u00e4\n', '\u00e4 = a\n', 'a = b\u00a0\n', 'a\u00a0= b\n', '\u00a0a = b\n', 'a = b\n\u00a0c\n', 'a = b\u3000\n', 'a = b\u200b\n',
    'a = b\x0c\n', 'a = b\x0bc\n', '\x0ca = b\n', 'a = b\n\x0c\n c\n', 'a = b\x1f\n', 'a = b\u0085\n', 'a = b\u2028c\n', '\ufeffa = b\n',
    'a = b', 'a =', 'a', 'a = b\r', 'a = b\rc = d', 'a = b\r\n\r\n c\r\n', 'a = b\r\r c\n', 'a = b\n\rc = d\n', 'a =\r  b = c\r',
    'a.b = c\n', 'a-b = c\n', 'a b = c\n', 'a b\n', 'a[0] = c\n', '[a = b\n', '[ = b\n', ']a = b\n', '"a" = b\n', '\\a = b\n',
]

FILES = [
    ('', ''), ('\n\n', '# only a comment'), ('x = 1', ''), ('', 'x = 1\n[default]\n'), ('\n # c\n\n[default]\na = b', ''),
    ('[default]\na = 1\n[default]\nb = 2\n', ''), ('', '[profile a]\nb = 1\n[profile a]\nc = 2\n'), ('[a]\n[b]\n[a]\n', ''),
    ('', '[default]\na = 1\nb = 2\n[profile default]\na = 3\n'), ('', '[profile default]\na = 3\n[default]\na = 1\nb = 2\n'),
    ('', '[profile a]\nb = 1\n[profile "a"]\nc = 2\n'), ('', '[profile "a"]\nb = 1\n[profile a]\nc = 2\n'),
    ('[default]\na = 1\n', '[default]\na = 2\nb = 3\n'), ('[a]\nb = 1\n', '[profile a]\nb = 2\nc = 3\n'), ('[a]\nb =\n', '[profile a]\nb = 2\n'),
    ('[a]\ns3 =\n  x = 1\n', '[profile a]\ns3 =\n  y = 2\n'), ('[a]\ns3 = z\n', '[profile a]\ns3 =\n  y = 2\n'),
    ('[profile a]\nb = 1\n', '[profile a]\nb = 2\n'), ('[profile a]\nb = 1\n', '[a]\nb = 2\n'), ('[a]\nb = 1\n', '[a]\nb = 2\n'),
    ('[default]\na = 1\n', '[profile default]\na = 2\nb = 3\n'), ('[services a]\nb =\n  c = 1\n', '[services a]\nb =\n  c = 2\n'),
    ('[DEFAULT]\na = 1\n[x]\nb = 2\n[y]\na = 3\n', ''), ('', '[DEFAULT]\na = 1\n[profile x]\nb = 2\n[profile y]\na = 3\n'),
    ('[DEFAULT]\na = 1\n[DEFAULT]\nb = 2\n[x]\n', ''), ('[DEFAULT]\na = 1\n[DEFAULT]\na = 2\n[x]\n', ''), ('[DEFAULT]\na = 1\n', '[profile a]\nb = 1\n'),
    ('[x]\nb = 2\n[DEFAULT]\ns3 =\n  q = 1\n', '[services DEFAULT]\na =\n  b = 1\n'), ('', '[DEFAULT]\na =\n  b = 1\n[services x]\nc =\n  d = 1\n'),
    ('[DEFAULT]\na =\n  b = 1\n[x]\na = 2\n', ''), ('[default]\na = 1\n[Default]\na = 2\n[DEFAULT]\na = 3\nb = 4\n', ''),
    ('[a]\nx = 1\n[ a ]\nx = 2\n', ''), ('[a]\nx = 1\n  [c]\n[b]\nx = 2\n', ''), ('  [a]\n  x = 1\n  [b]\n  x = 2\n', ''),
    ('[a]\n  x = 1\n[b]\n  x = 2\n', '  [profile a]\n  y = 1\n'), ('[a]\nx = 1\n\n [b]\n\n x = 2\n', ''), ('[a]\nx = 1\n\t[b]\nx = 2\n', ''),
    ('\ufeff', ''), ('\ufeff\n', ''), ('\ufeff# c\n[a]\n', ''), ('\n\ufeff[a]\n', ''), ('# \ufeff\n[a]\nx = \ufeff\n', ''),
]

BYTES = [b'# f\xfcr\n[a]\nx = 1\n', b'[a]\nx = \xff\n', b'[a]\nx = \xc0\x80\n', b'[a]\nx = \xed\xa0\x80\n', b'[a]\nx = \xf4\x90\x80\x80\n', b'[a]\nx = \xe2\x82\n']

WORDS = [
    '', ' ', 'a', ' a  b ', 'a\tb\nc\rd', "'a b' c", '"a b" c', 'a\\ b', 'a"b c"d', "a'b c'd", "''", '""', "a ''", '"" a', "a''", "''''",
    '"a\\"b"', '"a\\\\b"', '"a\\nb"', '"a\\$b"', "'a\\'", "'a\\'b'", '\\a', '\\\\', '\\"', "\\'", '"\'"', "'\"'", 'a#b', '# a', 'a ; b',
    '$HOME', '`x`', '*', '~', 'a&&b', 'a|b>c', '"a', "'a", 'a\\', '"a\\', '"a\\"', "a'b", 'a\\\nb', '"a\nb"', '"a\\\nb"', 'a\u00a0b', '\u00e4 \u00f6',
    '/usr/bin/aws_signing_helper credential-process --certificate "/etc/a b.pem" --role-arn arn:aws:iam::1:role/x',
]


def read(credentials, config):
    with tempfile.TemporaryDirectory() as folder:
        for name, text, variable in (('credentials', credentials, 'AWS_SHARED_CREDENTIALS_FILE'), ('config', config, 'AWS_CONFIG_FILE')):
            os.environ[variable] = path = f'{folder}/{name}'
            with open(path, 'wb') as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        try:
            found = botocore.session.Session().full_config
        except botocore.exceptions.ConfigParseError:
            return {'error': True}
    return {'profiles': found['profiles'], 'services': found['services']}


def split(text):
    try:
        return shlex.split(text)
    except ValueError:
        return None


def pairs():
    for header in HEADERS:
        for body in (KEYS, 'dynamodb =\n  endpoint_url = u\n'):
            yield header + '\n' + body, ''
            yield '', header + '\n' + body
        yield '[x]\na = b\n' + header + '\n' + KEYS, ''
        yield '', '[profile x]\na = b\n' + header + '\n' + KEYS
    for body in BODIES:
        yield '[a]\n' + body, ''
        yield '', '[profile a]\n' + body + '\n[services s]\n' + body
    for text in (KEYS, BODIES[66], BODIES[64]):
        for end in ('\r\n', '\r'):
            yield ('[a]\n' + text + '[b]\n' + text).replace('\n', end), ''
    yield from FILES


def main():
    cases = [{'credentials': one, 'config': other, **read(one, other)} for one, other in dict.fromkeys(pairs())]
    # JSON has no bytes: these are refused whatever else they say.
    refused = [text.hex() for text in BYTES if read(text, '').get('error')]
    words = [{'text': text, 'words': split(text)} for text in WORDS]
    parts = []
    for name, rows in (('files', cases), ('refused', refused), ('words', words)):
        parts.append(f'"{name}": [\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]')
    print('{\n' + ',\n'.join(parts) + '\n}')
    print(len(cases), 'files,', len(refused), 'refused,', len(words), 'commands', file=sys.stderr)


main()
