-- What every other file starts from: the extension, and the server "store" at the DynamoDB that the tests run against.
-- Each file has a schema and DynamoDB tables of its own, and leaves neither behind.
\getenv endpoint DYNAMODB_ENDPOINT
CREATE EXTENSION dynamodb_es;
SET client_min_messages = error;
CREATE SERVER store FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint :'endpoint');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id 'regress', secret_access_key 'hush-regress');
