import { expect } from 'chai';
import { createTestCore } from '../support/core.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import {
  buildChurn,
  chainOf,
  defineCallbacks,
  KINDS,
  type CallerReport,
  type ChurnInput,
  type Kind,
} from './churn-scenarios.js';
import { attachNotifiers } from './scenarios.js';

const MODULE = siblingModule('churn-scenarios', import.meta.url).href;

/** Two threads call a chain with a first and a last block, two others register and unregister blocks between these. */
async function churn(kind: Kind, rounds: number, withoutWait = false) {
  return withThreads(MODULE, async (threads) => {
    const machine = createTestCore(buildChurn);
    const notifiers = attachNotifiers(machine);
    notifiers.srcu.init();
    const { first, last } = defineCallbacks(machine, notifiers, []);
    const chain = chainOf(notifiers, kind);
    chain.register(notifiers.blocks.create(first, 5));
    chain.register(notifiers.blocks.create(last, -5));
    const { handle } = machine;
    const input = (name: string): ChurnInput => ({ handle, kind, name, rounds, withoutWait });
    for (const name of ['caller 1', 'caller 2']) threads.start('callOften', input(name));
    for (const name of ['registrar 1', 'registrar 2']) threads.start('registerOften', input(name));
    const values = valuesOf<unknown>(await threads.allEnded(20_000));
    const callers = values.slice(0, 2) as CallerReport[];
    const sum = (field: keyof CallerReport): number => callers[0]![field] + callers[1]![field];
    return {
      failures: values.slice(2),
      calls: sum('calls'),
      visits: sum('visits'),
      forbidden: sum('forbidden'),
      outOfOrder: sum('outOfOrder'),
    };
  });
}

describe('registration while calls run', () => {
  for (const kind of KINDS) {
    it(`on a chain of the kind ${kind}: no callback after its unregistration, and none is missed that stayed`, async () => {
      const seen = await churn(kind, 150);
      expect(seen.failures).to.deep.equal([0, 0]);
      expect(seen.outOfOrder).to.equal(0);
      expect(seen.forbidden).to.equal(0);
      expect(seen.calls).to.be.greaterThan(0);
      expect(seen.visits, 'the test is empty when no call meets a visitor').to.be.greaterThan(0);
    });
  }

  for (const kind of ['atomic', 'srcu'] as const) {
    it(`on a chain of the kind ${kind} would go wrong if unregister did not wait`, async () => {
      expect((await churn(kind, 1000, true)).forbidden).to.be.greaterThan(0);
    });
  }
});
