/**
 * Weaving a copy of the repository: what `npm run weave` does from nothing, without disturbing whoever works in the repository meanwhile.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What weaving took, in seconds. */
export interface WeaveTime {
  readonly wall: number;
  /** On processors, of all processes; null where that is not known. */
  readonly cpu: number | null;
}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const WEAVER = join('tools', 'weave', 'cli.mjs');
/** What of a package is woven or says how. */
const PARTS = ['src', 'src-stepped', 'package.json', 'tsconfig.json'];
const SETTINGS = ['package.json', 'tsconfig.base.json', 'scripts', join('tools', 'weave')];
const PACKAGES_OF_OURS = '@swaplab';
/** Ticks of a second in /proc. */
const TICKS = 100;

/** Why nothing can be woven here, null when it can. */
export function weaveRefusal(): string | null {
  return existsSync(join(ROOT, WEAVER)) ? null : 'this is no working copy of the repository';
}

/**
 * Weaves and compiles everything once.
 * @param signal - ends it early
 * @throws an error with what the weaver said when it fails
 */
export async function weaveCopy(signal: AbortSignal | undefined): Promise<WeaveTime> {
  const copy = mkdtempSync(join(tmpdir(), 'swaplab-bench-weave-'));
  try {
    copyRepository(copy);
    const before = cpuOfChildren();
    const began = performance.now();
    await runWeaver(copy, signal);
    const wall = (performance.now() - began) / 1000;
    const after = cpuOfChildren();
    return { wall, cpu: before === null || after === null ? null : after - before };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function copyRepository(copy: string): void {
  for (const name of SETTINGS) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  const modules = join(ROOT, 'node_modules');
  mkdirSync(join(copy, 'node_modules', PACKAGES_OF_OURS), { recursive: true });
  for (const name of readdirSync(modules))
    if (name !== PACKAGES_OF_OURS && name !== '.cache')
      symlinkSync(join(modules, name), join(copy, 'node_modules', name));
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const folder = join(copy, 'packages', name);
    for (const part of PARTS) {
      const from = join(ROOT, 'packages', name, part);
      if (existsSync(from)) cpSync(from, join(folder, part), { recursive: true });
    }
    symlinkSync(folder, join(copy, 'node_modules', PACKAGES_OF_OURS, name));
  }
}

async function runWeaver(copy: string, signal: AbortSignal | undefined): Promise<void> {
  const child = spawn(process.execPath, [WEAVER, '--force'], {
    cwd: copy,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`Weaving a copy of the repository has failed:\n${said}`);
}

/** Seconds that children which have ended spent on processors, those of their own included. */
function cpuOfChildren(): number | null {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) / TICKS;
  } catch {
    return null;
  }
}
