#!/usr/bin/env node
// The committed entry of the `swaplab` command. npm links it at install, before the first build exists,
// so it only looks for the build and hands over to it.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);

if (existsSync(entry)) {
  await import(entry.href);
} else {
  process.stderr.write('swaplab: the command is not built yet: run npm run build\n');
  process.exitCode = 3;
}
