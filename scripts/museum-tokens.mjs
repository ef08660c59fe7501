// Looks for the bug of each room of the museum anew, and writes the shrunk tokens into packages/museum/src/rooms/tokens.ts. After changes to the
// kernel packages, whose points tokens count: `npm run build && node scripts/museum-tokens.mjs && npm run build`.
//
//   node scripts/museum-tokens.mjs           those that do not fail any more as they should, or not in both engines
//   node scripts/museum-tokens.mjs --all     all
import { readFileSync, writeFileSync } from 'node:fs';
import { exploreWith, openScenario, parseToken, replayOnce, WATCH_ALL, KEEP_HASHES } from '@swaplab/explore';
import { ROOMS } from '@swaplab/museum';

const SEEDS = [1, 2, 3, 4, 5];
const ENGINES = ['stepped', 'threads'];
const FILE = new URL('../packages/museum/src/rooms/tokens.ts', import.meta.url);

const all = process.argv.includes('--all');
let source = readFileSync(FILE, 'utf8');
for (const room of ROOMS) {
  if (!all && (await stillFits(room))) continue;
  const token = await shortestToken(room);
  source = source.replace(
    new RegExp(`^( {2}${room.id}: )'[^']*'`, 'm'),
    (_, before) => `${before}'${token}'`,
  );
  process.stdout.write(`${room.id}: ${token} (${token.length} characters)\n`);
}
writeFileSync(FILE, source);

/** Of all seeds the one whose schedule is told in the fewest characters. */
async function shortestToken(room) {
  let best = null;
  for (const seed of SEEDS) {
    const finding = await withEngine(room, 'stepped', async ({ engine, scenario, hash }) => {
      const exploration = await exploreWith(engine, scenario, hash, { seed, schedules: 5000 });
      return exploration.finding;
    });
    if (finding === null || !room.expects.includes(finding.kind))
      throw new Error(`${room.id}: seed ${seed} finds ${finding === null ? 'nothing' : finding.sentence}`);
    if (best === null || finding.token.length < best.length) best = finding.token;
  }
  return best;
}

/** Whether the token of a room fails as it should, in the same way in both engines. */
async function stillFits(room) {
  if (room.token === '') return false;
  const { decisions, dropped = [], traceHash, scenario } = parseToken(room.token);
  for (const name of ENGINES) {
    const fits = await withEngine(room, name, async ({ engine, hash }) => {
      if (hash !== scenario) return false;
      const result = await replayOnce(engine, { decisions, dropped }, WATCH_ALL | KEEP_HASHES);
      return (
        result.divergence === null &&
        result.failure !== null &&
        result.failure.traceHash >>> 0 === traceHash &&
        room.expects.includes(result.failure.kind)
      );
    });
    if (!fits) return false;
  }
  return true;
}

async function withEngine({ scenario, variants, faults }, engine, use) {
  const module = new URL(
    `./dist/scenarios/${scenario}.js`,
    import.meta.resolve('@swaplab/museum/package.json'),
  );
  const open = await openScenario(module, { engine, variants, faults });
  try {
    return await use(open);
  } finally {
    await open.engine.close();
  }
}
