import { expect } from 'chai';

import { UsageError } from '#src/errors.js';
import { parseRzscontrol, type RzscontrolRequest } from '#src/rzscontrol/arguments.js';

const NOTHING: RzscontrolRequest = {
  device: '/dev/ramzswap0',
  backingSwap: null,
  memlimitKb: null,
  disksizeKb: null,
  init: false,
  reset: false,
  stats: false,
  verbose: false,
};

/** What the options after the device ask for. */
function asked(...options: string[]): RzscontrolRequest {
  const parsed = parseRzscontrol(['/dev/ramzswap0', ...options]);
  if (parsed.kind !== 'request') throw new Error(`no request: ${JSON.stringify(parsed)}`);
  return parsed.request;
}

describe('the words of rzscontrol', () => {
  it('ask for the usage when there are fewer than three, the name of the tool counted', () => {
    expect(parseRzscontrol([])).to.deep.equal({ kind: 'usage' });
    expect(parseRzscontrol(['/dev/ramzswap0'])).to.deep.equal({ kind: 'usage' });
    expect(parseRzscontrol(['--help'])).to.deep.equal({ kind: 'usage' });
    expect(parseRzscontrol(['/dev/ramzswap0', '-h'])).to.deep.equal({ kind: 'usage' });
    expect(parseRzscontrol(['/dev/ramzswap0', '--init', '--help'])).to.deep.equal({ kind: 'usage' });
  });

  it('have each option in a short and a long form', () => {
    const forms: readonly (readonly [readonly string[], readonly string[], Partial<RzscontrolRequest>])[] = [
      [['-b', '/dev/ram0'], ['--backing_swap', '/dev/ram0'], { backingSwap: '/dev/ram0' }],
      [['-m', '77'], ['--memlimit_kb', '77'], { memlimitKb: 77 }],
      [['-d', '1024'], ['--disksize_kb', '1024'], { disksizeKb: 1024 }],
      [['-i'], ['--init'], { init: true }],
      [['-r'], ['--reset'], { reset: true }],
      [['-s'], ['--stats'], { stats: true }],
      [['-v'], ['--verbose'], { verbose: true }],
    ];
    for (const [short, long, request] of forms) {
      expect(asked(...short), short.join(' ')).to.deep.equal({ ...NOTHING, ...request });
      expect(asked(...long), long.join(' ')).to.deep.equal({ ...NOTHING, ...request });
    }
  });

  it('may be bundled, attached, cut short and said twice', () => {
    expect(asked('-isv')).to.deep.equal({ ...NOTHING, init: true, stats: true, verbose: true });
    expect(asked('-sd64')).to.deep.equal({ ...NOTHING, stats: true, disksizeKb: 64 });
    expect(asked('--disksize_kb=64', '--st')).to.deep.equal({ ...NOTHING, stats: true, disksizeKb: 64 });
    expect(asked('-d1', '--disk', '2')).to.deep.equal({ ...NOTHING, disksizeKb: 2 });
    expect(asked('word', '-i', 'word')).to.deep.equal({ ...NOTHING, init: true });
    expect(asked('--', '-i')).to.deep.equal(NOTHING);
  });

  it('have numbers of at most ten digits', () => {
    expect(asked('-d', '9999999999').disksizeKb).to.equal(9_999_999_999);
    expect(asked('-m', '0').memlimitKb).to.equal(0);
    const value = (...options: string[]): unknown => parseRzscontrol(['/dev/ramzswap0', ...options]);
    expect(value('-d', '00000000001')).to.deep.equal({
      kind: 'error',
      what: 'disksize_kb',
      errno: 'EOVERFLOW',
    });
    expect(value('-i', '--memlimit_kb', '12345678901')).to.deep.equal({
      kind: 'error',
      what: 'memlimit_kb',
      errno: 'EOVERFLOW',
    });
    for (const text of ['', '-1', '64M', '0x10', '1.5'])
      expect(value('-d', text), text).to.deep.equal({ kind: 'error', what: 'disksize_kb', errno: 'EINVAL' });
  });

  it('have a device of at most 31 bytes, the rest is cut off', () => {
    const long = `/dev/${'x'.repeat(40)}`;
    const parsed = parseRzscontrol([long, '-s']);
    expect(parsed).to.deep.include({ kind: 'request' });
    expect(parsed.kind === 'request' && parsed.request.device).to.equal(long.slice(0, 31));
    const exact = `/dev/${'y'.repeat(26)}`;
    const kept = parseRzscontrol([exact, '-s']);
    expect(kept.kind === 'request' && kept.request.device).to.equal(exact);
    // The first word is the device, whatever it looks like.
    const option = parseRzscontrol(['--stats', '/dev/ramzswap0']);
    expect(option.kind === 'request' && option.request).to.deep.equal({ ...NOTHING, device: '--stats' });
  });

  it('that are no options, or lack a value, are refused', () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [['--nonsense'], "unrecognized option '--nonsense'"],
      [['-x'], "invalid option -- 'x'"],
      [['-ix'], "invalid option -- 'x'"],
      [['-d'], "option requires an argument -- 'd'"],
      [['--backing_swap'], "option '--backing_swap' requires an argument"],
      [['--init=1'], "option '--init' doesn't allow an argument"],
    ];
    for (const [words, text] of refused)
      expect(() => asked(...words), words.join(' ')).to.throw(UsageError, `rzscontrol: ${text}`);
  });
});
