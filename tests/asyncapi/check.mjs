// node check.mjs FOLDER DOCUMENT: what the AsyncAPI parser in FOLDER says of the document, one JSON object a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
for (const { severity, code, path, message } of diagnostics) {
  console.log(JSON.stringify({ severity, code, path: path.join('/'), message }));
}
console.log(JSON.stringify({ channels: document?.channels().length, operations: document?.operations().length }));
