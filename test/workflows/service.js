// A service of compose.yaml as statements of a shell: its environment, and $check and $command as it would run them.
// usage: node service.js COMPOSE_FILE SERVICE
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const [file, name] = process.argv.slice(2);
const { command = '', environment = {}, healthcheck = {} } = parse(readFileSync(file, 'utf8')).services[name];
const quoted = (text) => `'${String(text).replaceAll("'", String.raw`'\''`)}'`;
for (const [variable, value] of Object.entries(environment)) console.log(`export ${variable}=${quoted(value)}`);
console.log(`check=${quoted(healthcheck.test ?? '')}`);
console.log(`command=${quoted(command)}`);
