/**
 * The table of variants, the catalogue, and how a machine is given faults.
 */
import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import type { Kernel } from '#src/machine/kernel.js';
import { createMachine, openMachine, type CreateMachineOptions } from '#src/machine/machine.js';
import type { FreeSlotPolicy } from '#src/swap/policy.js';
import { CATALOGUE } from '#src/variants/catalogue.js';
import type { Profile } from '#src/variants/profiles.js';
import { installVariants, VARIANTS, variantsOf } from '#src/variants/registry.js';
import { createSwapMachine } from '../swap/machine.js';

/** All parts of a kernel whose functions a variant may replace, by where they are. */
function partsOf(kernel: Kernel): Map<string, object> {
  const parts = new Map<string, object>([['notifierBlocks', kernel.notifierBlocks]]);
  for (const floor of ['swap', 'vm'] as const) {
    for (const [name, part] of Object.entries(kernel[floor])) parts.set(`${floor}.${name}`, part as object);
  }
  parts.set('swaponChain', kernel.swap.events.swaponChain.chain);
  return parts;
}

/** Functions of a kernel that are not those of their class, as `part.function`. */
function replaced(kernel: Kernel): string[] {
  const found: string[] = [];
  for (const [name, part] of partsOf(kernel)) {
    for (const [key, value] of Object.entries(part))
      if (typeof value === 'function') found.push(`${name}.${key}`);
  }
  return found.sort();
}

function machineOf(options: CreateMachineOptions) {
  return createMachine({ ramBytes: 1 << 20, addressSpaces: 2, ramDisks: [], ...options });
}

function kernelOf(options: CreateMachineOptions): Kernel {
  return machineOf(options).attach().kernel;
}

/** Variants that only one policy has something to replace for. */
const POLICY_OF: Readonly<Record<string, FreeSlotPolicy>> = { 'file-offset': 'bdev-op' };
/** What variants do that replace no function of a class: they put an object of their own in the place of another. */
const WRAPPERS = ['early-removal'];

describe('the table of variants', () => {
  it('has each name once, with one sentence about what is wrong', () => {
    const ids = VARIANTS.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const { id, title, source } of VARIANTS) {
      expect(id).to.match(/^(c\d\d|[a-z]+(-[a-z]+)+)$/);
      expect(title).to.match(/^[A-Za-z][^.]*(swap_info\[-1\])?\.$/);
      expect(source).to.not.equal('');
    }
  });

  it('says what each historical profile has', () => {
    const all = [
      'c01',
      'c02',
      'c03',
      'c04',
      'c05',
      'c07',
      'c13',
      'c21',
      'c24',
      'forgotten-record',
      'notifier-errno',
      'stray-cursor',
      'unchecked-register',
      'unread-home',
      'unseen-write-error',
    ];
    const names = (profile: Profile): string[] => variantsOf(profile).map(({ id }) => id);
    expect(names('sound')).to.deep.equal([]);
    expect(names('2.6.34')).to.deep.equal(all);
    expect(names('2.6.34+series')).to.deep.equal(all);
    expect(names('2.6.35')).to.deep.equal(all.filter((id) => id !== 'notifier-errno'));
  });

  for (const { id, needs } of VARIANTS) {
    it(`replaces something by ${id}, and the same in every view`, () => {
      const policy = POLICY_OF[id] ?? 'notify';
      const machine = machineOf({ variants: [id], policy });
      const kernel = machine.attach().kernel;
      const sound = kernelOf({ policy });
      expect(replaced(sound)).to.deep.equal([]);
      if (WRAPPERS.includes(id)) {
        expect(kernel.swap.off.operations.constructor).to.not.equal(sound.swap.off.operations.constructor);
      } else {
        expect(replaced(kernel)).to.not.deep.equal([]);
      }
      expect(replaced(openMachine(machine.handle).attach().kernel)).to.deep.equal(replaced(kernel));
      expect(['nothing', 'frames', 'vm']).to.include(needs);
    });
  }
});

describe('the catalogue', () => {
  it('lists all 26 bugs, each with a variant or a reason', () => {
    const ids = Array.from({ length: 26 }, (_, index) => `c${String(index + 1).padStart(2, '0')}`);
    expect(CATALOGUE.map(({ id }) => id)).to.deep.equal(ids);
    for (const { id, state, reason, title } of CATALOGUE) {
      const variant = VARIANTS.find((candidate) => candidate.id === id);
      expect(variant !== undefined, id).to.equal(reason === null);
      expect(state === 'in the profiles' || state === 'fixed before', id).to.equal(variant !== undefined);
      expect(title).to.not.equal('');
    }
    const by = (wanted: string): string[] =>
      CATALOGUE.filter(({ state }) => state === wanted).map(({ id }) => id);
    expect(by('by design')).to.deep.equal(['c25', 'c26']);
    expect(by('fixed before')).to.deep.equal(['c09', 'c10', 'c15', 'c16', 'c17', 'c18', 'c20']);
  });
});

describe('a machine with faults', () => {
  it('has those of its profile and those asked for, in the order of the table', () => {
    const historical = kernelOf({ profile: '2.6.34' });
    const both = kernelOf({ profile: '2.6.34', variants: ['c21', 'c01'] });
    expect(replaced(both)).to.deep.equal(replaced(historical));
    // c18 and c21 replace the same function; c21 comes later in the table.
    const found = (variants: string[], profile: Profile = 'sound'): unknown =>
      Reflect.get(kernelOf({ variants, profile }).swap.report, 'validSwaphandles');
    expect(found(['c21', 'c18'])).to.equal(found(['c21']));
    expect(found(['c18', 'c21'])).to.equal(found(['c21']));
    // What is asked for by name is stronger than the profile.
    expect(found([], '2.6.34')).to.equal(found(['c21']));
    expect(found(['c18'], '2.6.34')).to.equal(found(['c18']));
  });

  it('is refused with the choices when a variant is not known', () => {
    expect(() => kernelOf({ variants: ['c01', 'c99'] }))
      .to.throw(MisuseError, /^There is no variant 'c99'; choose from c01, c02, .*, unseen-write-error\.$/)
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });

  it('can be a swap core alone, which has what it can have', () => {
    const machine = createSwapMachine();
    const { swap, notifierBlocks } = machine;
    installVariants({ swap, notifierBlocks }, '2.6.34');
    expect(Object.hasOwn(swap.scanner, 'plainScan')).to.equal(true);
    expect(Object.hasOwn(swap.on, 'parseHeader')).to.equal(false);
    for (const id of ['c03', 'c07']) {
      expect(() => {
        installVariants({ swap, notifierBlocks }, 'sound', [id]);
      })
        .to.throw(MisuseError)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
  });
});
