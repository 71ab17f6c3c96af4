// What is wrong with the forms of GitHub's issues, and with compose.yaml? Prints it; exit status 1 if something is.
// usage: node forms.js TOP
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';

const [top] = process.argv.slice(2);
const faults = [];
const must = (file, holds, words) => { if (!holds) faults.push(`${file}: ${words}`); };

function parsed(file) {
  const document = parseDocument(readFileSync(join(top, file), 'utf8'));
  for (const fault of [...document.errors, ...document.warnings]) faults.push(`${file}: ${fault.message}`);
  return document.toJS() ?? {};
}

// GitHub shows a form only if all of it is right.
function checkForm(file) {
  const { name, description, body = [] } = parsed(file);
  const types = ['checkboxes', 'dropdown', 'input', 'markdown', 'textarea'];
  must(file, name && description && body.length > 0, 'it takes a name, a description and a body');
  must(file, new Set(body.map(({ id }) => id)).size === body.length, 'an id stands twice');
  for (const { type, id, attributes = {}, validations = {} } of body) {
    must(file, types.includes(type), `${id} has no type that GitHub knows`);
    must(file, /^[\w-]+$/.test(id ?? ''), `${id} is no id`);
    must(file, attributes.label, `${id} has no label`);
    must(file, type !== 'dropdown' || (attributes.options?.length > 1 && new Set(attributes.options).size === attributes.options.length), `${id} has no options`);
    must(file, Object.keys(validations).every((key) => key === 'required'), `${id} has a validation that GitHub does not know`);
  }
}

// What a report of a fault has to tell.
function checkFaultForm(file) {
  const asked = (parsed(file).body ?? []).map(({ attributes }) => attributes?.label ?? '').join('\n');
  for (const what of ['dynamodb_es_version()', 'version()', 'Which DynamoDB', 'dynamodb_es_check(']) must(file, asked.includes(what), `it does not ask for ${what}`);
}

function checkCompose(file) {
  const { services = {} } = parsed(file);
  const known = ['build', 'command', 'depends_on', 'environment', 'healthcheck', 'image', 'ports', 'profiles'];
  for (const [name, service] of Object.entries(services)) {
    must(file, Object.keys(service).every((key) => known.includes(key)), `${name} has a key that is not known here`);
    must(file, Boolean(service.image) !== Boolean(service.build), `${name} has neither image nor build, or both`);
    must(file, !service.build || existsSync(join(top, dirname(file), service.build, 'Dockerfile')), `${name} has no Dockerfile`);
    const needed = service.depends_on ?? {};
    for (const other of Array.isArray(needed) ? needed : Object.keys(needed)) {
      must(file, services[other], `${name} needs ${other}, which is none of the services`);
      must(file, needed[other]?.condition !== 'service_healthy' || services[other].healthcheck, `${name} waits until ${other} is healthy, which nothing says`);
    }
    for (const [variable, value] of Object.entries(service.environment ?? {})) {
      const host = /^https?:\/\/([^:/]+)/.exec(value)?.[1] ?? (variable === 'PGHOST' ? value : undefined);
      must(file, host === undefined || services[host], `${variable} of ${name} names ${host}, which is none of the services`);
    }
  }
}

const folder = '.github/ISSUE_TEMPLATE';
const forms = readdirSync(join(top, folder)).filter((name) => name.endsWith('.yml') && name !== 'config.yml').map((name) => `${folder}/${name}`);
must(folder, forms.length > 0, 'there are no forms');
forms.forEach(checkForm);
checkFaultForm(`${folder}/fault.yml`);
parsed(`${folder}/config.yml`);
checkCompose('compose.yaml');

if (faults.length > 0) console.log(faults.join('\n'));
process.exit(faults.length > 0 ? 1 : 0);
