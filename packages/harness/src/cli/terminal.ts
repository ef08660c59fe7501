/**
 * What the command knows of the terminal it talks to: where text goes, and what may be written there.
 *
 * Commands write data to `out` and everything else to `err`; they never touch `process.stdout` themselves, so that
 * tests can read what they write.
 */
import { isatty } from 'node:tty';

/** Where a command writes to. */
export interface Terminal {
  /** Writes data: the document or the report. */
  readonly out: (text: string) => void;
  /** Writes everything that is not data: progress and errors. */
  readonly err: (text: string) => void;
  /** Whether colours may be written to `out`. */
  readonly colour: boolean;
  /** Whether `out` shows block characters. */
  readonly unicode: boolean;
  /** Whether `err` is a terminal where a line can be drawn over and over. */
  readonly liveErr: boolean;
  /** Columns of `err`. */
  readonly columns: number;
  /** Whether unexpected and expected errors are shown with their stack. */
  readonly debug: boolean;
}

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the person at the terminal interrupts, or when a time limit is reached. */
  readonly signal: AbortSignal;
}

/** What of the environment decides how output looks. */
export interface TerminalFacts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
}

/** How output may look. */
export interface TerminalLook {
  readonly colour: boolean;
  readonly unicode: boolean;
  readonly liveErr: boolean;
}

/**
 * Decides how output may look, by the usual conventions: `NO_COLOR` and `TERM=dumb` switch colours off,
 * `FORCE_COLOR` switches them on where there is no terminal, `CI` keeps lines from being redrawn, and block
 * characters need a UTF-8 locale (or none that says otherwise).
 *
 * @param facts - the environment and which streams are terminals
 */
export function decideLook(facts: TerminalFacts): TerminalLook {
  const { environment } = facts;
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  const dumb = environment['TERM'] === 'dumb';
  const forced = isSet('FORCE_COLOR') && environment['FORCE_COLOR'] !== '0';
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return {
    colour: !isSet('NO_COLOR') && (forced || (facts.outIsTerminal && !dumb)),
    unicode: !dumb && (locale === undefined || /utf-?8/i.test(locale)),
    liveErr: facts.errIsTerminal && !dumb && !isSet('CI'),
  };
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const look = decideLook({
    environment: process.env,
    outIsTerminal: isatty(1),
    errIsTerminal: isatty(2),
  });
  return {
    ...look,
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    columns: isatty(2) ? process.stderr.columns : 80,
    debug: (process.env['SWAPLAB_DEBUG'] ?? '') !== '',
  };
}
