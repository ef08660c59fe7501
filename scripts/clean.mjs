// `npm run clean`: removes everything that building and testing has made. node_modules stays.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const remove = (path) => rmSync(join(root, path), { recursive: true, force: true });

for (const name of readdirSync(join(root, 'packages'))) {
  remove(join('packages', name, 'dist'));
  remove(join('packages', name, 'dist-test'));
  remove(join('packages', name, 'dist-sited'));
  remove(join('packages', name, 'dist-stepped'));
  remove(join('packages', name, 'woven'));
}
remove('coverage');
remove(join('node_modules', '.cache', 'swaplab-build.txt'));
remove(join('node_modules', '.cache', 'swaplab-weave.txt'));
